"""Cleaning answers what it answered when the answers were frozen.

Everything has to be equal, but for the numbers that a run computes: where they are told with all
their digits, in a quarantine, another processor may round their last ones differently.
`MITHRIDATE_GOLDEN=exact` demands these too.
"""

import math
import os

import pytest

from .frozen import EXACTLY, LONG_NUMBER, answered, runs, stored

EXACT = os.environ.get("MITHRIDATE_GOLDEN") == "exact"


def assert_same(got, want, place):
    """Equal values, up to the last digits of long decimals in the rows of a quarantine."""
    if isinstance(want, dict) and isinstance(got, dict):
        assert got.keys() == want.keys(), place
        for key in want.keys() - (set() if EXACT else {EXACTLY}):
            assert_same(got[key], want[key], (*place, key))
    elif isinstance(want, list) and isinstance(got, list):
        assert len(got) == len(want), place
        for i, (one, other) in enumerate(zip(got, want, strict=True)):
            assert_same(one, other, (*place, i))
    elif (
        isinstance(want, str) and isinstance(got, str) and not EXACT and "quarantine" in str(place)
    ):
        assert LONG_NUMBER.sub("#", got) == LONG_NUMBER.sub("#", want), place
        pairs = zip(LONG_NUMBER.findall(got), LONG_NUMBER.findall(want), strict=True)
        for one, other in pairs:
            near = math.isclose(float(one), float(other), rel_tol=1e-9, abs_tol=1e-13)
            assert near, (*place, one, other)
    elif isinstance(want, float) and isinstance(got, float) and not EXACT:
        assert math.isclose(got, want, rel_tol=1e-9), (*place, got, want)
    else:
        assert got == want, place


@pytest.mark.parametrize(("table", "door"), runs())
def test_answers_are_those_that_were_frozen(table, door, tmp_path):
    assert_same(answered(table, door, tmp_path), stored(table)[door], (table, door))
