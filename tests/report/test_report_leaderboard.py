"""The order of defenses where it is known beforehand."""

import dataclasses
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

from mithridate.report import study_pages
from mithridate.report.frame import Frame
from mithridate.report.study.board import HEADS, OWN, cells, notes
from mithridate.report.study.leaderboard import boards

from .studies import cell, helps, poisoned, table


def board(rows):
    (found,) = boards(Frame(table(rows)))
    return found


def study(gains, **more):
    """A study in which each defense has one gain everywhere."""
    return poisoned(
        defenses=list(gains),
        gain=lambda d, t, a, r, s: gains[d] + 0.001 * s,
        seeds=3,
        alphas=(1.0, 0.3),
        ratios=(0.1, 0.2),
        **more,
    )


def by_name(lines):
    return {line.name: line for line in lines}


def test_order_is_that_of_the_error_left():
    found = board(study({"huber": 0.1, "trim": 0.6, "sever": 0.3}))
    assert [line.name for line in found.unranked] == ["TRIM", "SEVER", "Huber"]
    assert [line.name for line in found.reference] == ["undefended", "oracle"]


def test_the_error_left_is_under_the_worst_attack():
    # At alpha 1 the error is 1 + 10 ratio: 2 and 3 times the clean one, of which .4 stays.
    found = board(study({"trim": 0.6}, growth=lambda t, a, r, s: 1 + 10 * a * r))
    gain = 0.6 + 0.001
    left = np.exp(float(found.unranked[0].left.point))
    assert left == pytest.approx((1 - gain) * np.sqrt(2 * 3))


def test_a_defense_falls_by_the_attack_made_for_it():
    plain = study({"trim": 0.6, "huber": 0.2})
    made = study({"trim": -0.5, "huber": 0.2}, against="trim")
    for_huber = study({"trim": 0.6, "huber": 0.2}, against="huber")
    found = board(plain + made + for_huber)
    assert [line.name for line in found.ranked] == ["Huber", "TRIM"]
    assert found.unranked == []
    trim = by_name(found.ranked)["TRIM"]
    assert trim.plain is not None
    assert trim.adaptive is not None
    assert trim.plain.point > 0.5
    assert trim.adaptive.point < 0
    assert float(trim.worst.point) == pytest.approx(-0.499)
    assert "made for TRIM" in trim.worst_at


def test_one_that_no_attack_was_made_for_stands_below():
    made = study({"trim": -0.5, "huber": 0.9}, against="trim")
    found = board(study({"trim": -0.5, "huber": 0.9}) + made)
    assert [line.name for line in found.ranked] == ["TRIM"]
    assert [line.name for line in found.unranked] == ["Huber"]
    page = study_pages(table(study({"trim": -0.5, "huber": 0.9}) + made))["leaderboard.md"]
    trim, line, huber = (
        page.index(t) for t in ("| TRIM |", "no adaptive attack known", "| Huber †")
    )
    assert trim < line < huber


def test_the_worst_cell_is_named():
    def gain(defense, name, alpha, ratio, seed):
        return -0.7 if (name, alpha, ratio) == ("b", 0.3, 0.2) else 0.1

    found = board(poisoned(defenses=["trim"], gain=gain, seeds=3)).unranked[0]
    assert float(found.worst.point) == pytest.approx(-0.7)
    assert found.worst_at == "b, alpha 0.3, 20 %"


def test_clean_rows_rejected_or_told():
    keys = {
        "dataset": "a",
        "victim": "ridge",
        "attack": "none",
        "ratio": 0.0,
        "experiment": "ridge",
    }
    rows = study({"trim": 0.1, "huber": 0.1})
    rows = [r if r.defense != "trim" else told(r) for r in rows]
    for seed in range(3):
        rows += [
            cell("huber", 0.0, 1.0, **keys, seed=seed),
            cell("trim", 0.0, 1.0, **keys, seed=seed, contamination="oracle"),
        ]
    lines = by_name(board(rows).unranked)
    at = HEADS.index("clean rows rejected")
    assert cells(lines["Huber"], "1")[at] == "10 % [10 %]"
    assert cells(lines["TRIM"], "1")[at] == "told"
    assert cells(lines["TRIM"], "1")[HEADS.index("told")] == "ratio"


def told(row):
    return dataclasses.replace(row, contamination="oracle")


def test_failed_cells_are_counted_and_left_out():
    rows = study({"trim": 0.6, "huber": 0.2})
    broken = {"status": "failed", "gain": None, "nmse_defended": None, "fit_seconds": None}
    rows = [
        dataclasses.replace(r, **broken) if (r.defense, r.seed) == ("trim", 0) else r for r in rows
    ]
    line = by_name(board(rows).unranked)["TRIM"]
    assert cells(line, "1")[-1] == "8 of 24"
    assert float(line.worst.point) == pytest.approx(0.6015)


def test_options_make_another_entry_and_few_cells_are_not_ranked():
    rows = study({"bayesclean": 0.3, "trim": 0.1})
    rows += poisoned(
        experiment="sensitivity", tables=["a"], alphas=[1.0], ratios=[0.2], seeds=3,
        defenses=["bayesclean"], defense_options='{"c2": 1.5}',
    )  # fmt: skip
    found = board(rows)
    assert [line.name for line in found.unranked] == ["BayesClean", "TRIM"]
    assert found.partly == ["BayesClean (c2 1.5) (1)"]


def test_one_that_was_judged_on_other_cells_alone_leaves_the_others_their_board():
    others = study({"trim": 0.6, "huber": 0.2})
    apart = poisoned(
        defenses=["sever"],
        gain=lambda d, t, a, r, s: 0.9,
        seeds=3,
        alphas=(0.8, 0.45),
        ratios=(0.1, 0.2, 0.3),
    )
    found = board(others + apart)
    assert [line.name for line in found.unranked] == ["TRIM", "Huber"]
    (name,) = found.partly
    assert name.startswith("SEVER (")


def test_what_is_worse_elsewhere_is_said():
    rows = study({"bayesclean": 0.3, "trim": 0.1})
    rows += study({"bayesclean": -0.4}, experiment="predictive", risk_name="predictive")
    found = board(rows)
    assert found.cells == 8
    assert float(by_name(found.unranked)["BayesClean"].worst.point) > 0
    assert any("BayesClean −0.40 (a, alpha 1 risk predictive, 10 %)" in n for n in notes(found))


def test_models_have_boards_of_their_own():
    rows = poisoned(seeds=3) + poisoned(seeds=3, tables=["a"], experiment="network", victim="mlp")
    found = boards(Frame(table(rows)))
    assert [b.model for b in found] == ["linear regression (ridge)", "deep network (mlp)"]


def test_no_defense_no_board():
    rows = poisoned(defenses=[], gain=helps)
    assert boards(Frame(table(rows))) == []
    assert "leaderboard.md" not in study_pages(table(rows))


def test_the_defense_that_the_page_teaches_runs():
    docs = Path(__file__).parents[2] / "docs" / "leaderboard.md"
    assert OWN in docs.read_text()
    code = textwrap.dedent(re.findall(r"```python\n(.*?)```", OWN, re.DOTALL)[0])
    taught: dict = {}
    exec(code, taught)
    y = np.r_[np.zeros(18), 5.0, -7.0]
    fitted = taught["Yours"]().fit(np.arange(20.0)[:, None], y)
    assert np.flatnonzero(~fitted.inlier_mask_).tolist() == [18, 19]
