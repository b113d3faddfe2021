"""The figures of a report alone, for a notebook."""

import builtins

import pytest

from mithridate.errors import InputError
from mithridate.report import html, plots

pytest.importorskip("plotly")


def test_the_damage_has_a_named_line_for_each_series(tables):
    figure = plots.damage(tables.results)
    shown = [trace.name for trace in figure.data if trace.showlegend]
    assert shown[:2] == ["alpha 1", "alpha 0.6"]
    assert len(shown) == len(set(shown))
    line = next(trace for trace in figure.data if trace.showlegend)
    assert line.x[0] == 0 and list(line.x) == sorted(line.x)
    assert figure.layout.xaxis.title.text and figure.layout.yaxis.title.text


def test_each_figure_has_the_data_of_the_page(tables):
    assert len(plots.visibility(tables.results).data) > 1
    trim, huber = (plots.defended(tables.results, d).to_dict() for d in ("trim", "huber"))
    assert trim["data"] != huber["data"]
    assert "<!doctype html>" in html(*tables)  # drawing alone changes nothing of the page


def test_a_defense_that_was_not_tried_is_named(tables):
    with pytest.raises(InputError, match=r"did not try the defense 'lts'; it tried .*'trim'"):
        plots.defended(tables.results, "lts")


def test_plotly_is_asked_for_in_a_sentence(tables, monkeypatch):
    usual = builtins.__import__

    def without(name, *more, **given):
        if name.startswith("plotly"):
            raise ImportError(name)
        return usual(name, *more, **given)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match="pip install plotly"):
        plots.damage(tables.results)
