"""The spacing of values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mithridate.tables.lattice import spacing


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ([0, 1, 1, 0], 1),
        ([36, 60, 36], 24),
        ([-4, 2, 8], 6),
        ([0.5, 1.7], 1.2),
        ([np.nan, 3, 9, np.nan], 6),
        ([0.1, 0.25, 0.31], 0),  # 0.06 does not divide 0.15
        ([np.nan, np.nan], 0),
        ([7.5, 7.5], 0),
        ([7, 7], 0),
        ([0, 1e300, 1.37e300], 0),  # integral, as all large floats are
        ([0.0, 1e-9, 0.7], 0),  # on a lattice of 700 million steps
    ],
)
def test_step_of_few_values(values: list[float], step: float) -> None:
    assert spacing(np.array(values, dtype=float)) == pytest.approx(step, rel=1e-9)


def test_ordinals_that_were_scaled_keep_their_levels() -> None:
    values = np.random.default_rng(0).integers(0, 10, 5000) / 9
    assert spacing(values) == pytest.approx(1 / 9, rel=1e-12)


def test_more_than_fifty_levels_are_continuous() -> None:
    assert spacing(np.arange(51) / 7) == 0
    assert spacing(np.arange(50) / 7) == pytest.approx(1 / 7)


def test_many_values_after_a_monotonous_start_are_continuous() -> None:
    start = np.full(2000, 0.5)
    assert spacing(np.concatenate([start, np.random.default_rng(0).random(100)])) == 0


@given(
    st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=40),
    st.integers(-(10**6), 10**6),
    st.integers(1, 1000),
)
def test_integers_lie_on_their_lattice(numbers: list[int], start: int, step: int) -> None:
    values = np.array(numbers, dtype=float) * step + start
    found = spacing(values)
    if np.ptp(values) == 0:
        assert found == 0
    else:
        assert found % step == 0
        assert ((values - values[0]) % found == 0).all()
