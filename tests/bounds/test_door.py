"""`mithridate.bound`: both ends, in words, and what it refuses."""

import dataclasses

import numpy as np
import pytest

import mithridate
from mithridate.auditing.bound import Limit
from mithridate.bounds import Proof, Reached


@pytest.fixture(scope="module")
def found():
    return mithridate.bound(ratios=[0.1, 0.05], judged="validation")


def test_the_two_ends_are_told_and_can_be_checked(found):
    assert [limit.rows for limit in found.limits] == [12, 25]
    for limit in found.limits:
        assert 1 < limit.at_least <= limit.at_most < 1.02 * limit.at_least
        assert found.check(limit) == limit.nmse_upper
    assert found.headlines == [
        "With 5 % poison (12 rows) the error grows at least 1.9× and at most 2.0×.",
        "With 10 % poison (25 rows) the error grows at least 2.6× and at most 2.7×.",
    ]


def test_intervals_are_in_units_of_the_table(found):
    ends, clean = found.coefficients(0), found.setting.fit(0).theta[:-1]
    by = found.split.scale[-1] / found.split.scale[:-1]
    np.testing.assert_allclose(ends, np.column_stack([clean * by] * 2), rtol=1e-4, atol=1e-3)
    wide = found.coefficients(3)
    assert (wide[:, 0] < ends[:, 0]).all()
    assert (wide[:, 1] > ends[:, 1]).all()
    said = found.predictions(0).mean(axis=1)
    scaled = found.setting.M @ found.setting.fit(0).theta
    np.testing.assert_allclose(
        said, scaled * found.split.scale[-1] + found.split.shift[-1], rtol=1e-6
    )


def test_a_limit_is_rounded_away_from_what_is_promised():
    made = Reached(np.empty((0, 1)), np.empty(0), 0.0)
    proof = Proof((), None)  # type: ignore[arg-type]
    limit = Limit(0.125, 7, 0.5, 1.29, 1.31, made, proof)
    assert limit.sentence == (
        "With 12.5 % poison (7 rows) the error grows at least 2.5× and at most 2.7×."
    )
    nothing = Limit(0.125, 7, 0.5, 1.29, np.inf, made, proof)
    assert nothing.sentence.endswith("2.5×. No bound could be proved for this table.")


@pytest.mark.parametrize(
    "given, words",
    [
        ({"l2": 0.0}, "give l2 > 0"),
        ({"judged": "train"}, "neither 'test' nor 'validation'"),
        ({"ratios": [0.0]}, "less than one row"),
    ],
)
def test_what_has_no_theorem_is_refused(given, words):
    with pytest.raises(mithridate.InputError, match=words):
        mithridate.bound(**given)


def test_a_count_needs_a_limit_above_the_clean_error(found):
    with pytest.raises(mithridate.InputError, match="above 1"):
        found.safe_rows(1.0)


def test_both_ends_are_told_of_rows_that_replace_clean_ones():
    about = mithridate.bound(ratios=[0.01, 0.2], judged="validation", threat={"placed": "replaced"})
    few, many = about.limits
    assert few.rows == 2
    assert 1 < few.at_least <= few.at_most < 1.4
    assert about.check(few) == few.nmse_upper
    assert about.check(dataclasses.replace(few, rows=3)) > few.nmse_upper
    assert few.sentence.startswith("With 1 % of the rows replaced (2 rows) the error grows at ")
    assert many.at_most == np.inf
    assert "covers up to 23 of 221" in many.sentence
    assert about.safe_rows(2.0) == 4
    inner, wide = about.coefficients(0), about.coefficients(2)
    assert (wide[:, 0] < inner[:, 0]).all()
    assert (wide[:, 1] > inner[:, 1]).all()
    assert np.isinf(about.coefficients(30)).all()


def test_an_error_that_does_not_grow_grows_at_least_one_time():
    found = Reached(np.empty((0, 1)), np.empty(0), 0.0)
    proof = Proof((), None)  # type: ignore[arg-type]
    limit = Limit(0.1, 1, 0.3, 0.3 * (1 - 1e-15), 0.3 * 1.2 * (1 + 1e-15), found, proof)
    assert limit.sentence.endswith("(1 row) the error grows at least 1.0× and at most 1.2×.")
