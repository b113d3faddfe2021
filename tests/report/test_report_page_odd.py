"""The page of odd results: missing things, figures that are none, hostile values."""

import dataclasses
import json
import re
from typing import Any

import plotly.graph_objects as go
import pytest

from mithridate.report import html
from mithridate.schema import Moved, PlottedRow, Row, to_table

from . import said
from .page import Page, empty


def test_hostile_values_everywhere_are_escaped(synthetic):
    bad = '<img src=x onerror="alert(1)">{{ 7*7 }}</script>\u202e\x00'
    about: dict[str, Any] = dict.fromkeys(synthetic.about, bad)
    for key, value in (("notes", [bad]), ("threat", {bad: bad}), ("versions", {bad: [bad]})):
        about[key] = value

    def spoil(found: Row) -> Row:
        names = {"dataset": bad, "victim": bad, "message": bad}
        attack = bad if found.attack == "flip" else found.attack
        defense = bad if found.defense == "huber" else found.defense
        status = "failed" if found.defense == "trim" and found.seed else "ok"
        return dataclasses.replace(found, **names, attack=attack, defense=defense, status=status)

    looks = to_table(
        [PlottedRow(attack=bad, alpha=0.3, ratio=0.2, residual=1.0, axis_1=0, axis_2=0, target=1)],
        PlottedRow,
    )
    moved = to_table([Moved(attack=bad, alpha=None, ratio=0.2, name=bad, moved=1, kind=bad)], Moved)
    page = Page(html(synthetic.results(change=spoil, about=about), looks, moved))
    assert not page.tags("img", "a")
    assert "{{ 7*7 }}" in page.text
    assert "\u202e" not in page.text
    for figure in page.figures().values():
        assert "<img" not in json.dumps(figure)
    assert len([1 for attributes, _ in page.scripts if "type" not in attributes]) == 1


def test_every_series_looks_different(synthetic):
    alphas = [round(0.1 * i, 1) for i in range(11)]
    found = Page(html(synthetic.results(alphas=alphas, ratios=(0.1,), seeds=1), *empty()))
    lines = [d for d in found.figures()["damage-0"]["data"] if d["mode"] == "lines+markers"]
    looks = {(d["line"]["color"], d["line"]["dash"], d["marker"]["symbol"]) for d in lines}
    assert len(looks) == len(lines) == 13


LESS = {
    "one seed": {"seeds": 1},
    "one ratio": {"ratios": (0.2,)},
    "one alpha": {"alphas": (0.3,)},
    "no controls": {"controls": ()},
    "no unpoisoned data": {"clean": False},
    "only controls": {"alphas": ()},
    "only unpoisoned data": {"alphas": (), "controls": ()},
    "no defense": {"defenses": ("none",)},
    "no undefended row": {"defenses": ("trim",)},
    "nothing known of the run": {"about": {}},
}


@pytest.mark.parametrize("less", LESS.values(), ids=LESS.keys())
def test_works_when_things_are_missing(less, synthetic):
    page = Page(html(synthetic.results(**less), *empty()))
    figures = page.figures()
    assert len([a for a in page.tags("div") if "data-figure" in a]) == len(figures)
    for figure in figures.values():
        go.Figure(figure)
    assert "None" not in page.text
    assert "nan" not in re.findall(r"\w+", page.text)


@pytest.mark.parametrize(
    ("clean", "poisoned", "kind", "stands"),
    [(0.01, 10.0, "log", -2.0), (0.2, 0.4, "linear", 0.2)],
    ids=["powers of ten", "plain"],
)
def test_the_note_on_no_poison_stands_at_its_error(clean, poisoned, kind, stands):
    # Plotly wants the exponent of ten for a note on a logarithmic axis.
    rows = [
        said.row(seed=seed, ratio=ratio, nmse_clean=clean, nmse_poisoned=poisoned)
        for seed in range(2)
        for ratio in (0.1, 0.2)
    ]
    drawn = Page(html(to_table(rows, Row), *empty())).figures()["damage-0"]["layout"]
    assert drawn["yaxis"].get("type", "linear") == kind
    notes = {note["text"]: note["y"] for note in drawn["annotations"]}
    assert notes["no poison"] == pytest.approx(stands)


def test_works_with_nothing():
    page = Page(html(to_table([], Row), *empty()))
    assert page.figures() == {}
    assert "The table holds no results." in page.text


CHANGES = {
    "a defense that always fails": lambda r: (
        dataclasses.replace(r, status="failed", message="singular", gain=None, nmse_defended=None)
        if r.defense == "huber"
        else r
    ),
    "an oracle that gains nothing": lambda r: dataclasses.replace(
        r, gain_oracle=-0.1, recovered=None
    ),
    "figures that are not finite": lambda r: dataclasses.replace(
        r, nmse_poisoned=float("inf"), risk=float("nan"), gain=float("nan"), kept=None
    ),
    "every figure null": lambda r: Row(
        **{f.name: getattr(r, f.name) for f in dataclasses.fields(Row) if f.metadata["key"]}
    ),
    "no error without poison": lambda r: dataclasses.replace(r, nmse_clean=0.0),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_works_when_figures_are_odd(change, synthetic):
    page = Page(html(synthetic.results(change=change), *empty()))
    for figure in page.figures().values():
        go.Figure(figure)
    assert "nan" not in re.findall(r"\w+", page.text)


def test_failed_cells_are_listed_with_their_message(synthetic):
    page = Page(html(synthetic.results(change=CHANGES["a defense that always fails"]), *empty()))
    assert "Failed cells, left out of every figure" in page.text
    assert "Huber 147 singular ascent alpha 1, 5 % (seeds 0, 1 and 2);" in page.text
    assert "and 45 more" in page.text


def test_many_messages_are_cut_short(synthetic):
    def warn(found: Row) -> Row:
        return dataclasses.replace(
            found, message="x" * (1 + round(100 * found.ratio)) + found.attack
        )

    page = Page(html(synthetic.results(change=warn), *empty()))
    assert "Warnings" in page.text
    assert re.search(r"And \d+ other messages", page.text)


def test_messages_that_differ_in_numbers_share_a_row(synthetic):
    def warn(found: Row) -> Row:
        text = f"no end after {found.ratio} of 100 steps" if found.defense == "trim" else None
        return dataclasses.replace(found, message=text)

    page = Page(html(synthetic.results(change=warn), *empty()))
    assert "TRIM 147 no end after … of 100 steps" in page.text


def test_harm_that_may_be_chance_is_marked_apart(synthetic):
    def vary(found: Row) -> Row:
        return dataclasses.replace(found, gain=(-0.4, 0.1, 0.1)[found.seed], auc=0.2)

    page = Page(html(synthetic.results(change=vary), *empty()))
    assert "cell doubtful" in page.source
    assert 'class="cell harmful"' not in page.source
    assert "~ −0.07" in page.text
    assert "· 0.80 ↺" in page.text
    panel = page.figures()["visible-1"]["data"][0]
    assert panel["x"][0] == pytest.approx(0.8)
    assert panel["marker"]["symbol"][0].endswith("-open")
    assert "looks too normal" in panel["hovertext"][0]


def test_the_oracle_is_never_marked_harmful(synthetic):
    def lose(found: Row) -> Row:
        return dataclasses.replace(found, gain=-0.2)

    page = Page(html(synthetic.results(change=lose, defenses=("none", "oracle")), *empty()))
    assert 'class="cell harmful"' not in page.source
    assert "controls included" in page.text


@pytest.mark.parametrize("value", [None, 7, "text", ["a", 1], {"a": {"b": 2}}, "\ud800"])
def test_facts_of_any_shape(value, synthetic):
    about = dict.fromkeys(synthetic.about, value)
    html(synthetic.results(seeds=1, ratios=(0.1,), about=about), *empty()).encode("utf-8")


def test_several_datasets_are_pointed_out(synthetic):
    def split(found: Row) -> Row:
        return dataclasses.replace(found, dataset=f"set {found.seed}")

    page = Page(html(synthetic.results(change=split), *empty()))
    assert "mixes 3 tables" in page.text


def test_looks_with_gaps(synthetic):
    rows = [
        PlottedRow(attack=None, residual=0.1, axis_1=0.0, axis_2=0.0, target=1.0),
        PlottedRow(
            attack="ascent",
            alpha=0.3,
            ratio=0.1,
            residual=float("nan"),
            axis_1=float("inf"),
            axis_2=0,
            target=1,
        ),
        PlottedRow(
            attack="ascent", alpha=0.3, ratio=0.4, residual=2.0, axis_1=1.0, axis_2=1.0, target=1
        ),
        PlottedRow(
            attack="flip", alpha=None, ratio=0.1, residual=3.0, axis_1=1.0, axis_2=1.0, target=1
        ),
    ]
    page = Page(html(synthetic.results(seeds=1), to_table(rows, PlottedRow), to_table([], Moved)))
    for figure in page.figures().values():
        go.Figure(figure)
