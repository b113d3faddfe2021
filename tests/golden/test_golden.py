"""Cleaning answers what it answered when the answers were frozen.

Everything has to be equal, but for the numbers that a run computes: where they are told with all
their digits, in a quarantine or a list of cells, another processor may round their last ones
differently.
`MITHRIDATE_GOLDEN=exact` demands these too.
"""

import math
import os
import re

import pytest

from .frozen import EXACTLY, LONG_NUMBER, answered, number, runs, stored

ALL_DIGITS = re.compile("quarantine|cells")  # where files tell numbers with all their digits
EXACT = os.environ.get("MITHRIDATE_GOLDEN") == "exact"


def assert_same(got, want, place):
    """Equal values, up to the last digits of long decimals in the rows of such files."""
    if isinstance(want, dict) and isinstance(got, dict):
        assert got.keys() == want.keys(), place
        for key in want.keys() - (set() if EXACT else {EXACTLY}):
            assert_same(got[key], want[key], (*place, key))
    elif isinstance(want, list) and isinstance(got, list):
        assert len(got) == len(want), place
        for i, (one, other) in enumerate(zip(got, want, strict=True)):
            assert_same(one, other, (*place, i))
    elif (
        isinstance(want, str)
        and isinstance(got, str)
        and not EXACT
        and ALL_DIGITS.search(str(place))
    ):
        assert LONG_NUMBER.sub("#", got) == LONG_NUMBER.sub("#", want), place
        for pair in zip(LONG_NUMBER.findall(got), LONG_NUMBER.findall(want), strict=True):
            one, other = map(number, pair)
            # Values of 1e14 are rounded to parts in 1e9 of what is computed of them.
            assert math.isclose(one, other, rel_tol=1e-8, abs_tol=1e-13), (*place, *pair)
    elif isinstance(want, float) and isinstance(got, float) and not EXACT:
        assert math.isclose(got, want, rel_tol=1e-9), (*place, got, want)
    else:
        assert got == want, place


@pytest.mark.parametrize(("table", "door"), runs())
def test_answers_are_those_that_were_frozen(table, door, tmp_path):
    assert_same(answered(table, door, tmp_path), stored(table)[door], (table, door))
