"""Small tables with numbers, whole numbers and categories, and what may be written into them."""

from typing import Any

import numpy as np
import pandas as pd

from mithridate.bounds import Setting, Writable


def frame(n: int = 90) -> pd.DataFrame:
    """Two numbers, a full category set and one with a dropped level."""
    rng = np.random.default_rng(2)
    columns: dict[str, Any] = {"a": rng.normal(size=n), "b": rng.integers(0, 5, n)}
    columns |= {"c": rng.choice(["x", "y", "z"], n), "d_u": rng.integers(0, 2, n)}
    columns["d_v"] = (1 - columns["d_u"]) * rng.integers(0, 2, n)
    signal = columns["a"] + 0.3 * columns["b"] + (columns["c"] == "x")
    return pd.DataFrame({**columns, "t": signal + rng.normal(size=n)})


def tiny(seed: int, n: int = 8, d: int = 2, m: int = 5) -> tuple[Setting, Writable]:
    """A random table of `n` rows and `d` numbers, and the box of its rows."""
    rng = np.random.default_rng(seed)
    X, judged = rng.random((n, d)), rng.random((m, d))
    slope = rng.normal(size=d)
    y, u = (part @ slope + 0.3 * rng.normal(size=len(part)) for part in (X, judged))
    l2 = float(10 ** rng.uniform(-4, 0))
    return Setting(X, y, judged, u, l2=l2), Writable.box(X, y)


def error_with(setting: Setting, X: np.ndarray, y: np.ndarray) -> float:
    """The error of the ridge on the clean rows and these, solved from the rows alone."""
    theta = fit_with(setting, X, y)
    return float(np.mean((setting.u - setting.M @ theta) ** 2))


def fit_with(setting: Setting, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The parameters of that ridge, by least squares on rows that carry the penalty."""
    total, d = setting.w.sum() + len(y), setting.Z.shape[1] - 1
    pull = np.sqrt(total * setting.l2) * np.eye(d, d + 1)
    Z = np.vstack([np.sqrt(setting.w)[:, None] * setting.Z, np.insert(X, d, 1.0, axis=1), pull])
    target = np.concatenate([np.sqrt(setting.w) * setting.v, y, np.zeros(d)])
    return np.linalg.lstsq(Z, target)[0]
