"""The headlines on defenses: relief, harm, what they were told and what they cost."""

from typing import Any

import pytest

from .said import line, row, tell


def test_helpful_defense_that_turns_harmful_for_good():
    rows = [
        row("trim", ratio=r, gain=g) for r, g in ((0.1, 0.4), (0.2, 0.1), (0.3, -0.1), (0.4, -0.3))
    ]
    assert ", but from 30 % on it makes things worse." in tell(*rows)[0]


@pytest.mark.parametrize(
    ("gains", "where"),
    [((0.4, 0.1, -0.1), "40 %"), ((0.4, -0.1, 0.1), "20 %"), ((-0.1, 0.4, -0.1), "5 % and 40 %")],
)
def test_helpful_defense_that_is_harmful_here_and_there(gains, where):
    ratios = (0.05, 0.1, 0.4) if gains[0] < 0 else (0.1, 0.2, 0.4)
    rows = [row("trim", ratio=r, gain=g) for r, g in zip(ratios, gains, strict=True)]
    assert f", but at {where} it makes things worse." in tell(*rows)[0]


def test_no_defense_helps():
    lines = tell(row(), row("trim", gain=-0.2), row("huber", gain=0.001))
    assert "; no defense tried helps." in lines[0]
    best = line(lines, "on the whole")
    assert best == (
        "No defense tried helps on the whole: the best, Huber, has a mean gain of 0.00 over "
        "1 poisoned cell, the oracle +0.50."
    )


@pytest.mark.parametrize("oracle", [0.0, -0.3, None])
def test_nothing_to_recover_is_told_as_a_gain(oracle):
    assert "; TRIM gains +0.20." in tell(row("trim", gain=0.2, gain_oracle=oracle))[0]


def test_the_oracle_does_not_count_as_scores_or_as_a_defense():
    lines = tell(row(), row("oracle", gain=0.5, auc=1.0))
    assert not [text for text in lines if "AUC" in text or "most helpful" in text]


def test_most_helpful_defense():
    lines = tell(row("trim", gain=0.3), row("trim", gain=0.2, ratio=0.2), row("huber", gain=0.1))
    assert line(lines, "most helpful") == (
        "The most helpful defense is TRIM: mean gain +0.25 over 2 poisoned cells, the oracle "
        "+0.50, never below +0.20."
    )


def test_most_helpful_defense_that_also_hurts():
    lines = tell(row("trim", gain=0.5), row("trim", gain=-0.2, ratio=0.2))
    assert line(lines, "most helpful").endswith("in its worst cell −0.20.")
    assert line(lines, "makes things worse in") == (
        "TRIM makes things worse in 1 of 2 cells, from 20 % on in every cell; at worst −0.20 "
        "(alpha 0.3, 20 %)."
    )


def test_harm_that_starts_in_some_cells():
    rows = [
        row("trim", alpha=a, ratio=r, gain=g)
        for a, r, g in ((1, 0.1, 0.3), (1, 0.2, 0.2), (0.3, 0.1, -0.1), (0.3, 0.2, -0.2))
    ]
    assert "in 2 of 4 cells, first at 10 %; at worst −0.20 (alpha 0.3, 20 %)." in line(
        tell(*rows), "worse in"
    )


def test_harm_that_spreads_to_every_cell():
    cells = ((1, 0.1, 0.3), (1, 0.2, -0.2), (0.3, 0.1, -0.1), (0.3, 0.2, -0.3))
    lines = tell(*(row("trim", alpha=a, ratio=r, gain=g) for a, r, g in cells))
    assert "in 3 of 4 cells, first at 10 %, from 20 % on in every cell;" in line(lines, "worse in")


def test_harm_where_the_poison_does_little():
    lines = tell(row("trim", gain=-0.1, nmse_poisoned=0.21))
    assert line(lines, "worse in").endswith(
        "; mostly where the poison does little, so that it drops clean rows for nothing."
    )


def test_a_gain_that_rounds_to_zero_is_no_harm():
    assert not [text for text in tell(row("trim", gain=-0.004)) if "worse" in text]


@pytest.mark.parametrize(
    ("gains", "harm"),
    [
        ((-0.2, -0.21, -0.19), True),
        ((-0.4, 0.1, 0.1), False),
        ((-0.006, -0.006, -0.006), True),
        ((-0.4, 0.1), True),
    ],
)
def test_harm_within_noise_is_no_harm(gains, harm):
    lines = tell(*(row("trim", seed=i, gain=g) for i, g in enumerate(gains)))
    assert any("makes things worse" in text for text in lines) == harm
    caveat = line(lines, "Figures are means")
    assert ("too few" in caveat) == (len(gains) < 3)
    assert ("two standard errors" in caveat) == (len(gains) >= 3)


def test_what_a_defense_was_told_is_said():
    told: dict[str, Any] = {"contamination": "oracle"}
    lines = tell(row("trim", gain=0.5, **told), row("trim", ratio=0.2, gain=-0.2, **told))
    assert "; TRIM, told the true ratio, recovers all of it, but at 20 % it" in lines[0]
    assert "defense is TRIM, told the true ratio: mean gain" in line(lines, "most helpful")
    assert line(lines, "worse in").startswith("TRIM, told the true ratio, makes things worse")


def test_more_than_three_harmful_defenses_share_a_line():
    names = ("trim", "huber", "sever", "proda", "ransac")
    lines = tell(*(row(d, gain=-0.5 + 0.1 * i) for i, d in enumerate(names)))
    assert sum("makes things worse in" in text for text in lines) == 3
    assert line(lines, "other defenses").endswith("make things worse: Proda (1) and RANSAC (1).")


def test_cost_on_clean_data():
    clean = {"attack": "none", "alpha": None, "ratio": 0.0, "nmse_poisoned": 0.2}
    lines = tell(
        row(),
        row("none", **clean, gain=0.0, kept=1.0),
        row("oracle", **clean, gain=0.0, kept=1.0),
        row("bayesclean", **clean, gain=-0.08, kept=0.67),
        row("trim", **clean, gain=0.0, kept=1.0),
        row("huber", **clean, gain=0.03),
        row("sever", **clean, gain=None, status="failed"),
    )
    assert line(lines, "unpoisoned") == (
        "On unpoisoned data BayesClean drops 33 % of the rows and raises the error by 8 %; TRIM "
        "drops 0 % of the rows and leaves the error as it is; Huber lowers the error by 3 %."
    )


def test_one_defense_told_two_things_counts_as_two():
    lines = tell(
        row("trim", contamination="oracle", gain=0.4), row("trim", contamination="0.2", gain=0.1)
    )
    assert "TRIM (told the true ratio) recovers 80 %" in lines[0]
