"""Each kind of headline, from tables made to call for it; defenses have a file of their own."""

import pytest

from mithridate.report import headlines
from mithridate.schema import Row

from .said import line, row, tell


def test_no_results():
    assert tell() == ["The table holds no results."]


def test_everything_failed():
    lost = {"status": "failed", "nmse_clean": None, "nmse_poisoned": None}
    assert tell(row(**lost)) == ["All 1 cell failed, so nothing can be said."]


def test_that_the_rule_of_clean_was_not_tried_is_said_last():
    rows = [row(), row("trim", gain=0.425)]
    assert not any("clean judges" in one for one in tell(*rows))
    assert tell(*rows, untried="TableErrors")[-1] == (
        "TableErrors, by which clean judges, was not tried here: it takes about a second a cell."
    )


def test_damage_and_relief_lead():
    lines = tell(row(), row("trim", gain=0.425))
    assert lines[0] == (
        "With 10 % stealthy poison (alpha 0.3) the error grows 2.0×; TRIM recovers 85 %."
    )


def test_the_ratio_nearest_to_a_tenth_leads():
    lines = tell(row(ratio=0.08), row(ratio=0.4, nmse_poisoned=2.0))
    assert lines[0].startswith("With 8 % stealthy poison")


def test_stealthy_means_looking_clean():
    seen = tell(row(risk=4.0))
    assert seen[0].startswith("With 10 % poison (alpha 0.3)")
    aggressive = tell(row(alpha=1.0))
    assert aggressive[0].startswith("With 10 % poison (alpha 1)")


def test_stealthiest_alpha_is_chosen_by_risk_then_by_damage():
    rows = [
        row(alpha=a, risk=r, nmse_poisoned=n)
        for a, r, n in ((1, 9, 2), (0.3, 1.9, 0.8), (0.1, 1, 0.5))
    ]
    assert "stealthy poison (alpha 0.3) the error grows 4.0×" in tell(*rows)[0]


def test_worst_case():
    rows = [
        row(),
        row(alpha=1.0, ratio=0.1, nmse_poisoned=0.9),
        row(alpha=1.0, ratio=0.4, nmse_poisoned=2.4),
    ]
    assert line(tell(*rows), "Worst case") == (
        "Worst case tried: with 40 % poison (alpha 1) the error grows 12×, NMSE 0.2 to 2.4; "
        "with 10 % (alpha 1) it grows 4.5×."
    )


def test_worst_case_at_the_only_ratio():
    text = line(tell(row()), "Worst case")
    assert text.endswith("the error grows 2.0×, NMSE 0.2 to 0.4.")


def test_where_stealthy_poison_does_little_the_worst_comes_first():
    rows = [row(nmse_poisoned=0.206), row(alpha=1.0, risk=50.0, nmse_poisoned=0.7)]
    lines = tell(*rows, row(alpha=1.0, ratio=0.4, nmse_poisoned=1.0))
    assert lines[0] == "With 10 % poison (alpha 1) the error grows 3.5×."
    assert lines[1] == (
        "At 10 % no poison tried that looked clean (risk up to 2) grew the error by more than 3 %."
    )
    assert line(lines, "Worst case").endswith("the error grows 5.0×, NMSE 0.2 to 1.")
    assert "10 %, alpha 1) have risk 50" in line(lines, "How visible")


def test_where_no_poison_that_looks_clean_does_damage_anywhere():
    rows = [row(nmse_poisoned=0.206), row(alpha=1.0, risk=50.0, nmse_poisoned=0.7)]
    assert tell(*rows)[1] == (
        "No poison tried here that looked clean (risk up to 2) grew the error by more than 3 %."
    )
    assert tell(*rows[1:])[1] == "No poison tried here looked clean (risk up to 2)."


def test_the_worst_leads_where_nothing_harmful_looks_clean():
    rows = [row(alpha=0.3, risk=3.0, nmse_poisoned=0.25), row(alpha=1.0, risk=50.0)]
    assert tell(*rows)[0] == "With 10 % poison (alpha 1) the error grows 2.0×."
    loud = row(attack="flip", alpha=None, risk=9.0, nmse_poisoned=0.8)
    assert tell(*rows, loud)[0] == "With 10 % poison (flip) the error grows 4.0×."


def test_aggressive_poison_that_looks_clean_is_not_denied():
    assert not [text for text in tell(row(alpha=1.0)) if "looked clean" in text]


def test_huge_growth_and_a_target_without_noise():
    lines = tell(row(nmse_clean=1e-8, nmse_poisoned=0.4))
    assert lines[0] == (
        "The target is a function of the features to the last digits: multiples of its error "
        "mean little."
    )
    assert lines[1].endswith("the error grows more than 1000×.")


def test_a_control_may_be_the_worst_case():
    lines = tell(row(), row(attack="flip", alpha=None, ratio=0.4, nmse_poisoned=2.0))
    assert "with 40 % poison (flip) the error grows 10×" in line(lines, "Worst case")


def test_little_damage_is_said_first():
    lines = tell(row(nmse_poisoned=0.216))
    assert lines[0] == "No poison tried here grew the error by more than 8 %."
    assert lines[1] == "With 10 % stealthy poison (alpha 0.3) the error grows by 8 % only."
    assert not [text for text in lines if text.startswith("Worst")]


def test_no_damage_at_all():
    lines = tell(row(nmse_poisoned=0.19))
    assert lines[0] == "No poison tried here grew the error."
    assert lines[1].endswith("the error does not grow.")


def test_damage_unknown():
    lines = tell(row(nmse_poisoned=None), row("trim", nmse_poisoned=None))
    assert lines[0] == "No damage by poison was measured in this table."


@pytest.mark.parametrize(
    ("auc", "words"),
    [
        (0.99, "which is nearly certain"),
        (0.95, "far better than guessing"),
        (0.7, "better than guessing"),
        (0.55, "which is close to guessing"),
    ],
)
def test_visibility(auc, words):
    lines = tell(row(), row("trim", gain=0.1, auc=0.5), row("huber", gain=0.1, auc=auc))
    assert line(lines, "How visible") == (
        "How visible: these poison rows (10 %, alpha 0.3) have risk 1.2, where 1 is an average "
        f"clean row, and are told from clean rows with AUC {auc:.2f} by the best scores (Huber), "
        f"{words}."
    )


def test_scores_below_one_half_point_the_wrong_way():
    lines = tell(row(), row("trim", gain=0.1, auc=0.3))
    assert line(lines, "How visible").endswith(
        "with AUC 0.70 by the best scores (TRIM, turned round, as the poison looks too normal), "
        "better than guessing."
    )


def test_an_area_is_not_rounded_to_certainty():
    assert "AUC >0.99 by" in line(tell(row(), row("trim", gain=0.1, auc=0.996)), "How visible")


def test_visibility_without_scores_or_risk():
    assert line(tell(row()), "How visible").endswith("where 1 is an average clean row.")
    assert not [text for text in tell(row(risk=None)) if "How visible" in text]


def test_crossing_of_the_errors():
    errors = ((0.1, 0.2), (0.2, 0.2), (0.3, 0.1), (0.4, 0.1))
    rows = [row(ratio=r, error_clean=0.15, error_poison=e) for r, e in errors]
    assert line(tell(*rows), "fits the poison better").startswith("From 30 % poison on (alpha 0.3)")


def test_crossing_where_nothing_is_damaged_is_not_told():
    lines = tell(row(nmse_poisoned=0.21, error_clean=0.15, error_poison=0.1))
    assert not [text for text in lines if "fits the poison better" in text]


def test_controls_do_less():
    lines = tell(row(), row(attack="flip", alpha=None, nmse_poisoned=0.26, risk=16.0))
    assert line(lines, "optimized attack") == (
        "At 10 % the optimized attack does more than the controls: the error grows 2.0×, with "
        "flip it grows by 30 % at risk 16."
    )


@pytest.mark.parametrize(
    ("grown", "where"),
    [((0.6, 1.0), "from 20 % on"), ((0.6, 0.4), "at 20 %"), ((0.3, 1.0), "at 30 %")],
)
def test_controls_may_do_more_at_other_ratios(grown, where):
    flip = {"attack": "flip", "alpha": None}
    rows = [row(ratio=r, nmse_poisoned=n) for r, n in ((0.1, 0.4), (0.2, 0.5), (0.3, 0.6))]
    rows += [row(ratio=0.1, nmse_poisoned=0.3, **flip)]
    rows += [row(ratio=r, nmse_poisoned=n, **flip) for r, n in zip((0.2, 0.3), grown, strict=True)]
    assert line(tell(*rows), "optimized").endswith(f"; but {where} flip does more.")


def test_controls_do_as_much():
    lines = tell(row(), row(attack="flip", alpha=None, nmse_poisoned=0.5, risk=None))
    assert line(lines, "optimized attack") == (
        "At 10 % the optimized attack does no more than a simple control: the error grows 2.0×, "
        "with flip it grows 2.5×."
    )


def test_controls_alone_are_judged():
    lines = tell(row(attack="flip", alpha=None), row("trim", attack="flip", alpha=None, gain=0.4))
    assert lines[0] == "With 10 % poison (flip) the error grows 2.0×; TRIM recovers 80 %."
    assert not [text for text in lines if "optimized" in text]


def test_an_attack_without_alpha_is_no_control():
    lines = tell(row(attack="optp", alpha=None), row(attack="flip", alpha=None, nmse_poisoned=0.2))
    assert lines[0].startswith("With 10 % poison (optp)")
    assert "optimized attack does more" in line(lines, "optimized")


def test_failures_are_told():
    lost = {"status": "failed", "gain": None, "nmse_poisoned": None, "nmse_clean": None}
    lines = tell(row(), row("trim", **lost), row("huber", **lost))
    assert line(lines, "failed") == "2 of 3 cells failed and are left out (Huber and TRIM)."


def test_failed_rows_do_not_hide_the_damage():
    lines = tell(row("trim", status="failed", nmse_poisoned=None), row("huber", gain=0.1))
    assert "the error grows 2.0×" in lines[0]


def test_seeds():
    assert tell(row())[-1] == "One seed only: differences of a few percent may be chance."
    assert tell(row(), row(seed=1))[-1].startswith("Figures are means over 2 seeds")


def test_figures_are_means_over_seeds():
    lines = tell(row(nmse_poisoned=0.4), row(seed=1, nmse_poisoned=0.8))
    assert "grows 3.0×" in lines[0]


def test_hostile_names_stay_on_one_visible_line():
    lines = tell(row("evil\x1b[2J\nname\u202e", gain=0.4))
    assert "evil�[2J name� recovers" in lines[0]


def test_at_most_twelve_and_the_caveats_stay(synthetic):
    rows = synthetic.results(
        change=lambda r: r if r.defense in ("none", "oracle") or r.seed else _fail(r),
        defenses=("none", "oracle", "trim", "huber", "bayesclean", "a", "b", "c", "d"),
    )
    lines = headlines(rows)
    assert 9 <= len(lines) <= 12
    assert "failed" in lines[-1]
    assert "3 seeds" in lines[5]


def _fail(found: Row) -> Row:
    keys = ("dataset", "victim", "attack", "alpha", "ratio", "seed", "defense")
    return Row(**{k: getattr(found, k) for k in keys}, status="failed", message="no")


def test_a_model_worse_than_the_mean_is_said_first_and_no_multiple_is_printed():
    lines = tell(row(nmse_clean=35.0, nmse_poisoned=1000.0), row("trim", nmse_clean=35.0, gain=0.9))
    assert lines[0].startswith("Without any poison the model predicts worse than the mean")
    assert "NMSE 35" in lines[0]
    assert not any("×" in text or "recovers" in text for text in lines)


def test_a_portfolio_says_which_attack_was_the_strongest_where():
    rows = [
        row(ratio=ratio, alpha=1.0, attack="portfolio", member=f"{name}, alpha 1")
        for ratio, name in ((0.1, "greedy"), (0.2, "greedy"), (0.3, "flip"))
    ]
    found = line(tell(*rows), "tried on the model itself")
    assert found.endswith("the strongest were greedy at 10 % and 20 %; flip at 30 %.")
