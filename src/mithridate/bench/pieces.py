"""What poison is handed out as, in a module that loads no JAX: workers that judge need none.

And how a model that somebody names is trained and asked: what it does wrong is said by its name.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..errors import BrokenPromise
from ..tables.encoded import Part

Tell = Callable[[str, int, int], Any]  # (stage, done, total); total 0: not known


def joined(train: Part, poison: Part) -> Part:
    """Clean rows and poison rows, of which each weighs as much as the mean clean row does."""
    X, y = np.vstack([train.X, poison.X]), np.append(train.y, poison.y)
    if train.w is None:
        return Part(X, y)
    return Part(X, y, np.append(train.w, np.full(len(poison.y), train.w.mean())))


def trained(model: Any, part: Part) -> Any:
    """Train a model on rows by their weights, if they have some.

    Parameters
    ----------
    model : estimator
        The model.
    part : Part
        The rows.

    Returns
    -------
    estimator
        What its `fit` returns: itself.

    Raises
    ------
    BrokenPromise
        If it returns something else.
    """
    X, y = _lent(model, part.X), _lent(model, part.y)
    fitted = model.fit(X, y) if part.w is None else model.fit(X, y, sample_weight=part.w)
    if not hasattr(fitted, "predict"):
        raise BrokenPromise(
            f"{type(model).__name__}.fit must return the model itself; it returned a "
            f"{type(fitted).__name__}."
        )
    return fitted


def prediction(model: Any, X: np.ndarray) -> np.ndarray:
    """Predict rows by a model.

    Parameters
    ----------
    model : estimator
        The model, trained.
    X : array, shape (n, d)
        The rows.

    Returns
    -------
    array, shape (n,)
        The predictions.

    Raises
    ------
    BrokenPromise
        If they are not one number for each row.
    """
    says = np.asarray(model.predict(_lent(model, X)))
    if says.shape != (len(X),) or says.dtype.kind not in "biuf":
        raise BrokenPromise(
            f"{type(model).__name__}.predict must return one number for each of {len(X)} rows; it "
            f"returned an array of {says.dtype} of shape {says.shape}."
        )
    return says


def _lent(model: Any, values: np.ndarray) -> np.ndarray:
    """Values for a model that may write into them: those of one that we do not know are copied."""
    known = type(model).__module__.partition(".")[0] in ("mithridate", "sklearn")
    return values if known else values.copy()


class Batches(NamedTuple):
    """Ratios to judge, the numbers of rows that make them, and the edges of the batches."""

    ratios: list[float]
    counts: list[int]
    edges: tuple[int, ...]


class Piece(NamedTuple):
    """The poison of one cell: rows, where they started, risk, and seconds of its attack.

    `member` names the attack where it is one of a portfolio.
    """

    rows: Part
    origin: np.ndarray
    risk: float
    seconds: float
    member: str = ""
