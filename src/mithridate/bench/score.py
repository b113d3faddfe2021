"""Judges one poisoned training set by every defense: poison in, rows out."""

import dataclasses
import math
import time
import warnings
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import rankdata
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning

from .. import __version__
from ..defenses import BaseDefense
from ..schema import Row
from ..tables.encoded import Part, Split
from .distance import distance
from .pieces import Piece, joined, prediction, trained

_MIN_ORACLE_GAIN = 0.01  # below it `recovered` divides by noise


class Candidate(NamedTuple):
    """A defense under its name and options in the table, and the contamination it is given."""

    name: str
    options: str
    defense: BaseDefense
    contamination: str | None
    trusted: int | None


class Cell(NamedTuple):
    """One poisoned training set: its keys in the table, and the poison, if any."""

    keys: dict[str, Any]
    piece: Piece | None


class Figures(NamedTuple):
    """The figures of a cell before any defense."""

    nmse_clean: float
    nmse_poisoned: float
    nmse_oracle: float
    error_clean: float
    error_poison: float | None
    at_border: float | None
    energy: float | None
    largest_ks: float | None
    gain_oracle: float
    mean_clean: float
    mean_poisoned: float
    nmse_others_clean: float | None
    nmse_others: float | None


def score(cell: Cell, split: Split, model: BaseEstimator, candidates: list[Candidate]) -> list[Row]:
    """The rows of one cell: undefended, oracle, and each defense.

    `NMSE = MSE / Var(y_test)`; `gain = (poisoned - defended) / poisoned`. The training rows are
    shuffled, so that no defense can profit from poison being last.
    """
    warnings.simplefilter("ignore", ConvergenceWarning)  # a poor fit shows in the figures
    piece = cell.piece
    poison = Part(split.train.X[:0], split.train.y[:0]) if piece is None else piece.rows
    train = split.train
    if piece is not None and cell.keys["placed"] == "replaced":
        stays = np.setdiff1d(np.arange(len(train.y)), piece.origin)
        train = train.take(stays)
    p, n = len(poison.y), len(train.y)
    order = np.random.default_rng(cell.keys["seed"]).permutation(n + p)
    both = joined(train, poison).take(order)
    is_poison = (np.arange(n + p) >= n)[order]

    figures = _figures(model, split, train, both, poison)
    base = Row(
        **cell.keys, **figures._asdict(), defense="none", contamination=None, n_train=n,
        n_poison=p, n_test=len(split.test.y), n_features=train.X.shape[1], version=__version__,
        risk=piece and piece.risk, member=piece.member if piece else "",
        attack_seconds=piece and piece.seconds,
    )  # fmt: skip
    everything = np.ones(n + p, dtype=bool)
    oracle = dataclasses.replace(base, defense="oracle")
    poisoned = dataclasses.replace(base, mean_defended=figures.mean_poisoned)
    rows = [
        _judged(poisoned, figures, figures.nmse_poisoned, everything, None, is_poison),
        _judged(oracle, figures, figures.nmse_oracle, ~is_poison, is_poison, is_poison),
    ]
    for candidate in candidates:
        row = dataclasses.replace(
            base,
            defense=candidate.name,
            defense_options=candidate.options,
            trusted=candidate.trusted,
            contamination=candidate.contamination,
            adaptive=cell.keys.get("against") == candidate.name,
        )
        rows.append(_defend(row, figures, candidate, split, both, is_poison))
    return rows


def mark(cell: Cell) -> tuple[Any, ...]:
    """A key that cells with the same poison in the same split have in common."""
    if cell.piece is None:
        return cell.keys["seed"], None
    (rows, origin), keys = cell.piece[:2], cell.keys
    arrays = tuple(np.ascontiguousarray(one).tobytes() for one in (rows.X, rows.y, origin))
    return keys["seed"], keys["placed"], keys.get("against"), *arrays


def under(cell: Cell, rows: list[Row]) -> list[Row]:
    """The rows of a cell of the same `mark`, as those of this one."""
    piece = cell.piece
    own: dict[str, Any] = {}
    if piece is not None:
        own = {"risk": piece.risk, "member": piece.member, "attack_seconds": piece.seconds}
    return [dataclasses.replace(row, **cell.keys, **own) for row in rows]


def nmse(model: Any, test: Part) -> float:
    """Divide the test MSE of a model by the variance of the test targets, by the rows' weights.

    Parameters
    ----------
    model : estimator
        The model, fitted.
    test : Part
        The test rows.

    Returns
    -------
    float
        The ratio.
    """
    if test.w is None:
        return float(np.mean((test.y - prediction(model, test.X)) ** 2) / np.var(test.y))
    spread = np.average((test.y - np.average(test.y, weights=test.w)) ** 2, weights=test.w)
    return float(np.average((test.y - prediction(model, test.X)) ** 2, weights=test.w) / spread)


def _figures(model: Any, split: Split, train: Part, both: Part, poison: Part) -> Figures:
    """`train` are the clean rows that are left, `both` those and the poison."""
    poisoned, clean, test = _fitted(model, both), _fitted(model, split.train), split.test
    before, after, others = nmse(clean, test), nmse(poisoned, test), split.others
    same = len(train.y) == len(split.train.y)
    best = before if same else nmse(_fitted(model, train), test)
    low, high = split.lower[-1], split.upper[-1]
    some, unit = len(poison.y) > 0, float(np.var(test.y))
    far = distance(split.train, poison) if some else None
    return Figures(
        nmse_clean=before,
        nmse_poisoned=after,
        nmse_oracle=best,
        error_clean=_mse(poisoned, train) / unit,
        error_poison=_mse(poisoned, poison) / unit if some else None,
        at_border=float(np.mean((poison.y <= low) | (poison.y >= high))) if some else None,
        energy=far and far.energy,
        largest_ks=far and far.largest_ks,
        gain_oracle=_gain(after, best),
        mean_clean=mean_prediction(split, clean),
        mean_poisoned=mean_prediction(split, poisoned),
        nmse_others_clean=others and nmse(clean, others),
        nmse_others=others and nmse(poisoned, others),
    )


def mean_prediction(split: Split, model: Any) -> float:
    """Predict the test rows, and take the mean, in the units of the table.

    Parameters
    ----------
    split : Split
        The split of the table.
    model : estimator
        The model, fitted.

    Returns
    -------
    float
        The mean.
    """
    return float(np.mean(prediction(model, split.test.X)) * split.scale[-1] + split.shift[-1])


def _fitted(model: BaseEstimator, part: Part) -> Any:
    fresh: Any = clone(model)
    return trained(fresh, part)


def _mse(model, part: Part) -> float:
    return float(np.mean((part.y - prediction(model, part.X)) ** 2))


def _gain(poisoned: float, defended: float) -> float:
    return (poisoned - defended) / poisoned if poisoned > 0 else 0.0


def _defend(
    base: Row, figures: Figures, candidate: Candidate, split: Split, both: Part, is_poison
) -> Row:
    defense: Any = clone(candidate.defense)
    if candidate.contamination is not None:
        ratio = (
            is_poison.mean()
            if candidate.contamination == "oracle"
            else float(candidate.contamination)
        )
        defense.set_params(contamination=float(ratio))
    began = time.perf_counter()
    try:
        validation, weights = split.validation, {} if both.w is None else {"sample_weight": both.w}
        trusted = candidate.trusted and (
            validation.X[: candidate.trusted],
            validation.y[: candidate.trusted],
        )
        defense.fit(both.X, both.y, **weights, **({"trusted": trusted} if trusted else {}))
        defended = nmse(defense, split.test)
        if not math.isfinite(defended):
            raise ValueError("its predictions are not finite")
    except Exception as error:  # a failed cell is a row, and the run goes on
        message = " ".join(f"{type(error).__name__}: {error}".split())[:500]
        return dataclasses.replace(base, status="failed", message=message)
    seconds = time.perf_counter() - began
    row = _judged(base, figures, defended, defense.inlier_mask_, defense.scores_, is_poison)
    mean = mean_prediction(split, defense)
    message = getattr(defense, "message_", "")
    return dataclasses.replace(row, fit_seconds=seconds, mean_defended=mean, message=message)


def _judged(base: Row, figures: Figures, defended: float, kept, scores, is_poison) -> Row:
    """The row of a defense with this test error, mask and scores."""
    gain, oracle = _gain(figures.nmse_poisoned, defended), figures.gain_oracle
    rejected, p = ~kept, is_poison.sum()
    ranked = scores is not None and 0 < p < len(is_poison)
    return dataclasses.replace(
        base,
        nmse_defended=defended,
        gain=gain,
        recovered=gain / oracle if oracle >= _MIN_ORACLE_GAIN else None,
        kept=float(kept.mean()),
        tpr=float(rejected[is_poison].mean()) if p else None,
        fpr=float(rejected[~is_poison].mean()),
        precision=float(is_poison[rejected].mean()) if rejected.any() else None,
        auc=_auc(is_poison, scores) if ranked and scores is not None else None,
    )


def _auc(is_poison: np.ndarray, scores: np.ndarray) -> float:
    """The chance that a poison row scores higher than a clean one, a tie counting one half.

    scikit-learn's `roc_auc_score` is the same; a quarter of the seconds of judging went into its
    checks.

    >>> _auc(np.array([False, True, False, True]), np.array([1.0, 2.0, 2.0, 3.0]))
    0.875
    """
    p = int(is_poison.sum())
    ranks = float(rankdata(scores)[is_poison].sum())
    return (ranks - p * (p + 1) / 2) / (p * (len(is_poison) - p))
