"""So many rows suffice, and so many do not: against brute force and a published study."""

import itertools

import numpy as np
import pandas as pd
import pytest

from mithridate.bounds.removal import certified_rows, greedy_flip
from mithridate.errors import InputError


def table(seed: int, n: int = 9, slope: float = 1.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return np.column_stack([x, np.ones(n)]), slope * x + rng.normal(size=n)


def slope_without(Z, y, gone):
    kept = np.setdiff1d(np.arange(len(y)), gone)
    return np.linalg.lstsq(Z[kept], y[kept])[0][0]


def turns(Z, y, k):
    """Whether any k rows turn the sign, by trying all sets."""
    sign = np.sign(slope_without(Z, y, []))
    sets = itertools.combinations(range(len(y)), k)
    return any(sign * slope_without(Z, y, list(gone)) <= 0 for gone in sets)


@pytest.mark.parametrize("seed", range(40))
def test_no_set_of_certified_rows_turns_the_sign(seed):
    Z, y = table(seed, slope=0.5 + 0.1 * seed)
    for k in range(1, min(certified_rows(Z, y, 0), 4) + 1):
        assert not turns(Z, y, k)


def test_something_is_certified():
    assert sum(certified_rows(*table(s, slope=0.5 + 0.1 * s), 0) for s in range(40)) >= 20


@pytest.mark.parametrize("seed", range(20))
def test_greedy_rows_turn_it_and_one_less_does_not(seed):
    Z, y = table(seed, n=30, slope=0.4)
    sign, gone = np.sign(slope_without(Z, y, [])), greedy_flip(Z, y, 0)
    assert len(gone) > certified_rows(Z, y, 0)
    assert sign * slope_without(Z, y, gone) < 0
    assert sign * slope_without(Z, y, gone[:-1]) >= 0


def test_columns_that_depend_on_one_another_are_refused():
    with pytest.raises(InputError, match="depend on one another"):
        greedy_flip(np.ones((5, 2)), np.arange(5.0), 0)


def test_the_voting_rights_study(shared):
    rows = pd.read_csv(shared / "data" / "influence" / "vra.csv")
    Z = pd.get_dummies(rows[["state", "year"]].astype(str), drop_first=True).to_numpy(float)
    given = rows[["vra2_x_post1965", "st_census_urban_perc"]].to_numpy(float)
    Z, y = np.column_stack([given, np.ones(len(rows)), Z]), rows["st_icpsr_MI_rate_black"]
    assert Z.shape == (504, 47)
    assert len(greedy_flip(Z, y, 0)) == 29
    assert certified_rows(Z, y, 0) >= 10


TRIALS = {"BIH": 13, "MON": 15, "ETH": 1, "MEX": 1, "MOR": 11, "PHI": 9, "IND": 6}


@pytest.mark.parametrize("study, rows", TRIALS.items())
def test_the_microcredit_trials(shared, study, rows):
    table = pd.read_csv(shared / "data" / "influence" / "microcredit.csv")
    part = table[table["study"] == study].dropna()
    Z, y = np.column_stack([part["D"], np.ones(len(part))]), np.asarray(part["y"], float)
    assert len(greedy_flip(Z, y, 0)) == rows
    assert certified_rows(Z, y, 0) < rows
