"""Every exported defense, as a test can call it, and tables to call it on."""

import functools
import inspect

import numpy as np
import pytest

from mithridate import defenses
from mithridate.defenses.frames import rows_of


class HelpsItself:
    """Takes rows that are likely clean for trusted where a test gives none."""

    def fit(self, X, y, sample_weight=None, *, trusted=None, **fit_params):
        if trusted is None:
            rows = likely_clean(X, y, sample_weight)
            trusted = rows_of(X, rows), rows_of(y, rows)
        return super().fit(X, y, sample_weight, trusted=trusted, **fit_params)


def likely_clean(X, y, sample_weight, most=60):
    """Rows that fit the others, the same ones however the table is sorted, weighted or scaled."""
    trim = defenses.Trim(contamination=0.2)
    trim.fit(X, y, sample_weight)  # refuses what any defense refuses
    table = np.column_stack([np.asarray(X, dtype=float), np.asarray(y, dtype=float)])
    weight = np.ones(len(table)) if sample_weight is None else np.asarray(sample_weight)
    present = np.flatnonzero(np.broadcast_to(weight, len(table)))
    _, first = np.unique(table[present], axis=0, return_index=True)
    rows = present[first] if len(first) > 1 else present
    scores = trim.fit(table[rows, :-1], table[rows, -1]).scores_
    rows = rows[scores <= 6.0 * np.median(scores)]
    return rows[:: max(1, len(rows) // most)]


def supplied(cls):
    """The defense; one that needs trusted rows, as one that helps itself to them."""
    if not cls.needs_trusted:
        return cls
    globals()[cls.__name__] = type(cls.__name__, (HelpsItself, cls), {"__module__": __name__})
    return globals()[cls.__name__]


KINDS = [getattr(defenses, name) for name in defenses.__all__ if name != "BaseDefense"]
EXPORTED = [kind for kind in KINDS if issubclass(kind, defenses.BaseDefense)]
DEFENSES = [supplied(cls) for cls in EXPORTED]
every_defense = pytest.mark.parametrize("cls", DEFENSES, ids=lambda cls: cls.__name__)


FEW = {"networks": 4, "max_subpopulation": 300}


def light(cls, **params):
    """A defense; of many networks or subsets, one with few of them: they keep the laws as well."""
    few = {name: n for name, n in FEW.items() if name in inspect.signature(cls).parameters}
    return cls(**few | params)


def told(cls, ratio, **params):
    """A defense that knows the ratio, where it is one that must be told."""
    return light(cls, **({"contamination": ratio} if cls.needs_contamination else {}), **params)


def clean_table(seed=0, n=300, d=5):
    rng = np.random.default_rng(seed)
    coef, X = rng.normal(size=d), rng.random((n, d))
    return X, X @ coef + 0.1 * rng.normal(size=n)


def gross_table(seed=0, n=300):
    """A tenth of the targets moved by 20 standard deviations."""
    X, y = clean_table(seed, n)
    moved = np.zeros(n, dtype=bool)
    moved[np.random.default_rng(seed + 100).permutation(n)[: n // 10]] = True
    return X, np.where(moved, y + 20.0 * y.std(), y), moved


@functools.cache
def fitted(cls):
    """The defense that knows the ratio, on `gross_table()`: to look at, not to be fitted again.

    For tests with `few_trees`, who compare it with fits of their own.
    """
    X, y, _ = gross_table()
    return told(cls, 0.1).fit(X, y)
