"""How often a defense finds the poison or harms, counted by hand."""

from dataclasses import replace

from mithridate.report import study_pages
from mithridate.report.frame import Frame
from mithridate.report.study.comparison import compared, comparison_md

from .studies import cell, poisoned, table


def study(gains, **more):
    """A study in which each defense has a share of the oracle's gain everywhere."""
    return poisoned(
        defenses=list(gains),
        growth=lambda t, a, r, s: 2.0,
        gain=lambda d, t, a, r, s: 0.5 * gains[d],
        seeds=3,
        alphas=(1.0,),
        ratios=(0.1, 0.3, 0.4),
        **more,
    )


def clean(defense, gain, kept, **keys):
    keys = {"victim": "ridge", "experiment": "ridge", "dataset": "a", "ratio": 0.0, **keys}
    return replace(cell(defense, gain, 1.0, attack="none", seed=0, **keys), kept=kept)


def page(rows):
    frame = Frame(table(rows))
    return comparison_md(compared(frame), frame)


def test_found_is_nine_tenths_of_the_oracle_up_to_three_tenths():
    rows = study({"trim": 0.91, "huber": 0.89, "sever": -0.2})
    (one,) = compared(Frame(table(rows)))
    assert [(line.name, line.share, line.harmed) for line in one.lines] == [
        ("TRIM", 1.0, 0),
        ("Huber", 0.0, 0),
        ("SEVER", 0.0, 18),
    ]
    assert all(len(line.sought) == 12 and len(line.cells) == 18 for line in one.lines)
    text = page(rows)
    assert "| TRIM | nothing | 12/12 = 100 % [100 % to 100 %] | 0/18 |" in text
    assert "| SEVER | nothing | 0/12 = 0 % [0 % to 0 %] | 18/18 |" in text


def test_the_worst_cell_is_named_with_who_gains_most_there():
    worst = ("trim", "b", 0.4, 2)
    rows = [
        replace(r, gain=-0.7) if (r.defense, r.dataset, r.ratio, r.seed) == worst else r
        for r in study({"trim": 0.5, "huber": 0.2})
    ]
    assert "| −0.70 | b, ascent alpha 1, 40 %, seed 2 | Huber +0.10 |" in page(rows)


def test_where_little_is_to_be_gained_nothing_is_sought():
    rows = [replace(row, gain_oracle=0.05) for row in study({"trim": 1.0})]
    assert "| TRIM | nothing | – | 0/18 |" in page(rows)


def test_unpoisoned_tables_are_told_apart():
    unpoisoned = [clean("trim", -0.3, 0.8), clean("trim", 0.0, 0.95, dataset="b")]
    rows = [*study({"trim": 1.0}), *unpoisoned]
    assert "| 20 % | −0.30 |" in page(rows)


def test_parts_of_a_group_stand_together_and_experiments_apart():
    rows = study({"trim": 1.0}, experiment="own:trim", against="trim")
    rows += study({"huber": 1.0}, experiment="own:huber", against="huber")
    rows += study({"trim": 1.0}, experiment="plain")
    found = compared(Frame(table(rows)))
    assert [(one.title, len(one.lines)) for one in found] == [("own", 2), ("plain", 1)]
    assert "against it" in page(rows)


def test_with_trusted_rows_it_is_asked_for_more():
    rows = [replace(row, trusted=30) for row in study({"duti": 1.0})]
    assert "| DUTI | 30 trusted rows | 18/18 = 100 %" in page(rows)


def test_hostile_names_stay_text():
    rows = study({"trim": 1.0}, tables=("<script>|x", "b"))
    text = page(rows)
    assert "<script>" not in text and "&lt;script&gt;\\|x" in text


def test_nothing_judged_gives_no_page():
    undefended = cell(
        "none", 0.0, 1.0, victim="ridge", ratio=0.1, seed=0, dataset="a", attack="flip"
    )
    for rows in ([], [undefended]):
        assert compared(Frame(table(rows))) == []
        assert "comparison.md" not in study_pages(table(rows))
