"""What holds whatever an attacker does: its sentences, its line in the figure, its place."""

import pytest

from mithridate.report import headlines, html
from mithridate.schema import Moved, PlottedRow, Row, to_table

from .page import Page
from .said import row

BOTH = "With 10 % poison the error grows at least 3.0× and at most 4.0×."
SAFE = {"safe": {"times": 2.0, "rows": 17, "train": 300}}
PROMISE = {"share": 0.01, "within": 0.1, "rows": 3.0, "parts": 9, "certified": 0.9, "nmse": 0.3}


def bounded(**more) -> list[Row]:
    """Two attacks of which the better makes the error 3.04 times the clean one."""
    keys = {"nmse_clean": 0.2, "nmse_bound": 0.794, **more}
    weak, strong = {"alpha": 0.3, "nmse_poisoned": 0.4}, {"alpha": 1.0, "nmse_poisoned": 0.608}
    return [row(**{**keys, **weak}), row(**{**keys, **strong})]


def told(rows: list[Row], **about) -> list[str]:
    return headlines(to_table(rows, Row, about))


def test_both_ends_are_the_first_finding_rounded_away_from_each_other():
    assert told(bounded())[0] == BOTH


def test_the_ends_are_means_over_the_seeds():
    rows = bounded() + bounded(seed=1, nmse_bound=0.6)
    assert told(rows)[0] == BOTH.replace("4.0", "3.5")


def test_an_attack_that_does_no_damage_leaves_the_lower_end_at_one():
    rows = [row(alpha=1.0, nmse_clean=0.2, nmse_poisoned=0.19, nmse_bound=0.3)]
    assert told(rows)[0] == "With 10 % poison the error grows at least 1.0× and at most 1.5×."


def test_without_a_bound_nothing_is_said_of_one():
    assert not any("at most" in line for line in told(bounded(nmse_bound=None)))


def test_why_there_is_no_bound_is_said():
    lines = told(bounded(nmse_bound=None), bound={"refused": "Another model is judged."})
    assert "No bound on the damage is proved. Another model is judged." in lines


def test_rows_that_cannot_double_the_error_stand_in_place_of_a_weaker_certificate():
    lines = told(bounded(), bound=SAFE, certified=[PROMISE])
    assert "Up to 17 poison rows beside 300 clean ones cannot double the error, whatever they say."\
        in lines  # fmt: skip
    assert not any(line.startswith("Certified") for line in lines)
    fewer = {"safe": {**SAFE["safe"], "rows": 2}}
    lines = told(bounded(), bound=fewer, certified=[PROMISE])
    assert any(line.startswith("Up to 2 poison rows") for line in lines)
    assert any(line.startswith("Certified") for line in lines)


@pytest.mark.parametrize("bound", [{"safe": 3}, {"safe": {"rows": "x"}}, [], "x", {"safe": {}}])
def test_damaged_facts_say_nothing(bound):
    assert told(bounded(), bound=bound)[0] == BOTH


def test_the_figure_has_the_line_that_none_exceeds():
    table = to_table([*bounded(), *bounded(ratio=0.2, nmse_bound=1.2)], Row)
    page = html(table, to_table([], PlottedRow), to_table([], Moved))
    lines = Page(page).figures()["damage-0"]["data"]
    limit = next(line for line in lines if line.get("legendgroup") == "bound")
    assert limit["x"] == [0.0, 10.0, 20.0]
    assert limit["y"] == [0.2, 0.794, 1.2]
    assert "no poison exceeds NMSE 1.2 (6.0× of clean)" in limit["hovertext"][-1]
    assert 'data-series="bound"' in page
    assert '<th scope="row"><bdi>no poison exceeds</bdi></th><td>0.794</td><td>1.2</td>' in page
    without = html(
        to_table(bounded(nmse_bound=None), Row), to_table([], PlottedRow), to_table([], Moved)
    )
    assert 'data-series="bound"' not in without


MOVES = {
    "within": 0.1,
    "tested": 100,
    "rows": 2,
    "kept": [{"share": 0.01, "rows": 2, "kept": 0.34}, {"share": 0.04, "rows": 9, "kept": 0.01}],
    "predictions": [{"target": 242.0, "now": 312.2, "least": 201.0, "most": 375.8}],
    "coefficients": [{"column": "</b><i>s2</i>", "now": -0.32, "least": -1.86, "most": 1.52}],
}
STILL = (
    "Whatever they say, 2 added rows leave 34 % of the model's own predictions within ±10 % of the "
    "target range of what they are; 9 rows leave 1 %."
)


def page_with(moves) -> Page:
    table = to_table(bounded(), Row, {"bound": {"moves": moves}})
    return Page(html(table, to_table([], PlottedRow), to_table([], Moved)))


def test_what_few_rows_cannot_move_stands_beside_the_certificate():
    lines = told(bounded(), bound={**SAFE, "moves": MOVES})
    assert lines.index(STILL) > next(i for i, one in enumerate(lines) if one.startswith("Up to 17"))
    page = page_with(MOVES)
    assert "with 2 poison rows beside the clean ones no number leaves its interval" in page.text
    assert "242 312 201 376" in page.text
    assert "</b><i>s2</i> −0.32 −1.86 1.52" in page.text  # escaped: it is text, and no element
    assert "of the first seed; 100 predictions were looked at" in page.text


def test_where_every_prediction_can_move_the_page_alone_says_so():
    none = {**MOVES, "kept": [{"share": 0.01, "rows": 2, "kept": 0.0}]}
    assert not any("leave" in line for line in told(bounded(), bound={"moves": none}))
    assert (
        "No prediction is proved to stay within ±10 % of the target range" in page_with(none).text
    )


@pytest.mark.parametrize(
    "moves",
    [
        7,
        {},
        {**MOVES, "rows": "x"},
        {**MOVES, "predictions": 3, "coefficients": [{"column": "a", "now": None}]},
    ],
)
def test_damaged_intervals_have_no_section(moves):
    assert "How far can a few rows" not in page_with(moves).text
