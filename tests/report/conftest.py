"""Synthetic results that look like those of a real audit, the same ones every time."""

import dataclasses
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mithridate.schema import Moved, PlottedRow, Row, to_table

from .studies import CLASSES

HOSTILE = [
    "<img src=x onerror=\"document.documentElement.dataset.pwned='img'\">",
    '<a href="javascript:alert(1)">x</a>',
    "%{x}<b>bold</b>&lt;i&gt;",
    "</script><script>document.documentElement.dataset.pwned='end'</script>",
]
COLUMNS = ["rooms", "age", "distance", "tax", "crime", "a rather long column name, in full here"]
ALPHAS, RATIOS = (1.0, 0.6, 0.3, 0.1), (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)

# How much of the oracle's gain a defense recovers at ratio 0, what it loses a step of ratio, what
# it costs on clean data, the share of rows it keeps there, and its AUC on visible poison.
DEFENSES = {
    "trim": (0.98, 4.3, 0.0, 1.0, 0.93),
    "huber": (0.55, 1.5, 0.01, None, 0.88),
    "bayesclean": (0.86, 0.9, 0.08, 0.67, 0.9),
}


@dataclasses.dataclass(frozen=True)
class Tables:
    """What a report is made of."""

    results: pa.Table
    looks: pa.Table
    moved: pa.Table

    def __iter__(self):
        return iter((self.results, self.looks, self.moved))


ABOUT: dict[str, Any] = {
    "classes": CLASSES,
    "dataset": "boston.csv",
    "target": "medv",
    "rows": 506,
    "started": "2026-01-15",
    "seconds": 47.3,
    "command": "mithridate audit boston.csv --target medv --out report/",
    "spec": '[data]\nuse = "boston.csv"\ntarget = "medv"\n\n[attack]\nuse = "Ascent"\n',
    "notes": [
        "13 columns became 22 features: 11 numbers and 2 category sets.",
        "5 missing values in `age` were replaced by the median, 77.5.",
        "Features and target were scaled to [0, 1] by the training part.",
    ],
    "versions": {
        "mithridate": "0.1.0",
        "python": "3.11.7",
        "jax": "0.8.1",
        "scikit-learn": "1.7.2",
    },
    "threat": {
        "writes": "features and target of added rows; clean rows stay as they are",
        "box": "every value within the range of the clean training rows",
        "feasibility": "category sets hold exactly one level, whole numbers stay whole",
        "knowledge": "white-box: the attacker knows the training and validation data and the model",
    },
}


def damage(alpha: float, ratio: float) -> float:
    """Growth of the error: smooth in both, near ninefold at worst."""
    return 1 + 8 * (ratio / 0.4) ** 1.2 * alpha**0.8


def _poison(attack: str, alpha: float | None, ratio: float) -> tuple[float, float]:
    """Growth and risk of an attack."""
    if attack == "none" or ratio == 0:
        return 1.0, 0.0
    if attack == "flip":
        return 1 + 2.6 * ratio / 0.4, 16.0
    if attack == "random":
        return 1 + 0.5 * ratio / 0.4, 5.5
    a = 1.0 if alpha is None else alpha
    return damage(a, ratio), 0.85 + 24 * a**1.7 * (1 - 0.5 * ratio)


def _defended(defense: str, growth: float, risk: float, ratio: float, clean: bool) -> dict:
    """Share of the poisoned error that is left, and what was kept and found."""
    if defense == "none":
        return {"left": 1.0, "kept": 1.0}
    if defense == "oracle":
        return {"left": 1 / growth, "kept": 1 - ratio, "tpr": 1.0, "fpr": 0.0, "auc": 1.0}
    start, slope, cost, kept, auc = DEFENSES.get(defense, (0.3, 1.0, 0.02, 0.9, 0.7))
    if clean:
        return {"left": 1 + cost, "kept": kept, "fpr": None if kept is None else 1 - kept}
    hidden = min(1.0, 2.2 / (risk + 0.6))
    share = start - slope * max(0.0, ratio - 0.06) * (0.4 + 0.6 * hidden) - 0.3 * hidden * cost
    figures = {
        "left": 1 - share * (1 - 1 / growth) + cost * 0.5,
        "auc": 0.5 + (auc - 0.5) * (1 - 0.62 * hidden),
    }
    if kept is not None:
        tpr = max(0.1, 0.95 - 0.6 * hidden - ratio)
        kept = (1 - ratio) if defense == "trim" else 0.7
        fpr = max(0.0, (1 - kept - tpr * ratio) / (1 - ratio))
        figures |= {"kept": kept, "tpr": tpr, "fpr": fpr, "precision": tpr * ratio / (1 - kept)}
    return figures


def row(
    attack: str, alpha: float | None, ratio: float, defense: str, seed: int, **more: Any
) -> Row:
    """One row of results; `more` overrides what the formulas say."""
    rng = np.random.default_rng([seed, int(100 * ratio), int(100 * (alpha or 0))])
    clean = 0.28 + 0.02 * np.random.default_rng(seed).standard_normal()
    growth, risk = _poison(attack, alpha, ratio)
    growth = 1 + (growth - 1) * float(np.exp(0.12 * rng.standard_normal()))
    did = _defended(defense, growth, risk, ratio, clean=ratio == 0)
    left = did.pop("left") * (
        1 + (0.015 * float(rng.standard_normal()) if defense in DEFENSES else 0)
    )
    oracle = 1 - 1 / growth
    figures = {
        "nmse_clean": clean,
        "nmse_poisoned": clean * growth,
        "nmse_defended": clean * growth * left,
        "gain": 1 - left,
        "gain_oracle": oracle,
        "recovered": (1 - left) / oracle if oracle >= 0.01 else None,
        "risk": risk * float(np.exp(0.05 * rng.standard_normal())) if ratio else None,
        "error_clean": clean * growth * 0.6 if ratio else None,
        "error_poison": clean * growth * (1.1 - 2.2 * ratio + 0.2 * (alpha or 1))
        if ratio
        else None,
        **did,
    }
    told = "oracle" if defense in ("trim", "oracle") else None
    keys = {"dataset": "boston.csv", "victim": "ridge", "attack": attack, "alpha": alpha}
    sizes = {"n_train": 253, "n_poison": round(253 * ratio / (1 - ratio)), "n_test": 152}
    keys |= {"risk_name": "residual", "normalizer": "incremental", "contamination": told}
    base = {**keys, **sizes, "ratio": ratio, "seed": seed, "defense": defense, "n_features": 22}
    return Row(**{**base, **figures, "version": "0.1.0", **more})


def results(
    *,
    alphas: Iterable[float] = ALPHAS,
    ratios: Iterable[float] = RATIOS,
    seeds: int = 3,
    defenses: Iterable[str] = ("none", "oracle", *DEFENSES),
    controls: Iterable[str] = ("flip", "random"),
    clean: bool = True,
    change: Callable[[Row], Row] = lambda found: found,
    about: dict[str, Any] | None = None,
) -> pa.Table:
    """A whole table of results; `change` is applied to every row."""
    attacks = [("ascent", a) for a in alphas] + [(name, None) for name in controls]
    cells = [(attack, a, r) for attack, a in attacks for r in ratios]
    cells += [("none", None, 0.0)] if clean else []
    rows = [
        change(row(*cell, defense, seed))
        for cell in cells
        for defense in defenses
        for seed in range(seeds)
    ]
    return to_table(rows, Row, ABOUT if about is None else about)


def looks(alphas: Iterable[float] = ALPHAS, ratio: float = 0.2) -> pa.Table:
    """Clean rows in a curved cloud, poison ever farther out as alpha grows."""
    rng = np.random.default_rng(7)
    rows = [_look(rng, None, None, None, rng.standard_normal()) for _ in range(300)]
    for alpha in alphas:
        far = 5.2 * alpha + 0.4
        for _ in range(63):
            residual = rng.choice([-1, 1], p=[0.3, 0.7]) * abs(rng.normal(far, 0.5 + alpha * 0.5))
            rows.append(_look(rng, "ascent", alpha, ratio, residual))
    return to_table(rows, PlottedRow)


def _look(
    rng, attack: str | None, alpha: float | None, ratio: float | None, residual: float
) -> PlottedRow:
    a = rng.normal(0, 1.4)
    b = 0.4 * a * a - 0.8 + rng.normal(0, 0.5)
    out = 1 + 1.3 * (alpha or 0)
    target = float(np.clip(22 + 6 * a + 4.7 * residual, 5, 50))
    place = {"axis_1": float(out * a), "axis_2": float(out * b), "target": target}
    return PlottedRow(attack=attack, alpha=alpha, ratio=ratio, residual=float(residual), **place)


def moved(
    alphas: Iterable[float] = ALPHAS,
    ratio: float = 0.2,
    names: Iterable[str] = (*COLUMNS, *HOSTILE),
) -> pa.Table:
    """How far each column moved: less with each column, and with alpha."""
    rows = []
    for alpha in alphas:
        for i, name in enumerate(names):
            size = 1.9 * (0.25 + alpha) * 0.8**i
            keys = {"attack": "ascent", "alpha": alpha, "ratio": ratio, "name": name}
            kind = "category" if i % 4 == 3 else "number"
            rows.append(Moved(**keys, moved=size / 3 if kind == "category" else size, kind=kind))
        keys = {"attack": "ascent", "alpha": alpha, "ratio": ratio, "name": "medv"}
        rows.append(Moved(**keys, moved=2.4 * alpha, kind="target"))
    return to_table(rows, Moved)


@pytest.fixture(scope="session")
def synthetic() -> SimpleNamespace:
    """The functions of this file, for tests that want tables of another shape."""
    shared = {"about": ABOUT, "hostile": HOSTILE, "columns": COLUMNS, "Tables": Tables}
    return SimpleNamespace(row=row, results=results, looks=looks, moved=moved, **shared)


@pytest.fixture(scope="session")
def tables() -> Tables:
    """The tables of a full audit, hostile column names among them."""
    return Tables(results(), looks(), moved())
