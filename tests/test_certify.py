"""The promises of an audit: what so many rows cannot do, whatever they are."""

import numpy as np
from sklearn.dummy import DummyRegressor

from mithridate.bench.certify import SHARES, WITHIN, promises
from mithridate.data.load import load
from mithridate.defenses import CertifiedMedian, Ridge
from mithridate.report import headlines
from mithridate.schema import Row, to_table


def test_more_rows_can_do_more_and_a_wider_range_holds_more():
    split = load("diabetes").split(0)
    found = {(p.share, p.within): p for p in promises([split], Ridge())}
    assert set(found) == {(share, within) for share in SHARES for within in WITHIN}
    few, many = SHARES
    near, far = WITHIN
    assert 0 <= found[many, near].certified <= found[few, near].certified <= 1
    assert found[few, near].certified <= found[few, far].certified
    assert found[many, far].certified > 0
    assert found[few, near].rows == round(few * len(split.train.y))


def test_no_attack_of_so_many_rows_breaks_the_promise():
    split, rng = load("diabetes").split(1), np.random.default_rng(0)
    train, test = split.train, split.test
    promise = next(p for p in promises([split], Ridge()) if p.share == SHARES[0])
    parts, rows, reach = int(promise.parts), int(promise.rows), promise.within * np.ptp(train.y)

    def median(X, y):
        return CertifiedMedian(Ridge(), parts=parts).fit(X, y)

    before = median(train.X, train.y).predict(test.X)
    for _ in range(20):
        X = np.concatenate([train.X, rng.integers(0, 2, (rows, train.X.shape[1]))])
        y = np.concatenate([train.y, rng.choice([-9.0, 9.0], rows)])
        moved = np.abs(median(X, y).predict(test.X) - before)
        assert np.mean(moved <= reach) >= promise.certified


def test_three_models_that_agree_withstand_one_row_and_no_more():
    # Of 20 rows only three parts can be made. All say 0 whatever they are taught, so two of the
    # three must be changed to move their median: one row cannot, and 1 % and 4 % of 20 are one.
    split = load("diabetes").split(0, 20)
    model = DummyRegressor(strategy="constant", constant=0.0)
    found = promises([split], model)
    assert {(p.rows, p.parts, p.certified) for p in found} == {(1.0, 3.0, 1.0)}


def test_the_report_says_it():
    keys = {"dataset": "t", "victim": "ridge", "attack": "flip", "seed": 0, "defense": "none"}
    rows = [Row(**keys, ratio=0.1, nmse_clean=0.2, nmse_poisoned=0.6)]
    sure = {"share": 0.01, "within": 0.1, "rows": 3, "parts": 9, "certified": 0.5, "nmse": 0.4}
    said = " ".join(headlines(to_table(rows, Row, {"certified": [sure]})))
    assert "1 % of the rows (3), whatever they say, cannot move 50 % by more than ±10 %" in said
    for broken in (None, "x", [1], [{"share": "1"}]):
        assert "Certified" not in " ".join(headlines(to_table(rows, Row, {"certified": broken})))
