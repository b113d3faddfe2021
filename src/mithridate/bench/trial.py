"""Tries poison on the real model: what it does to rows that it was not made for, and how surely."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from ..errors import InputError
from ..tables.encoded import Part, Split
from .pieces import Piece

FOLDS = 3
SURE = 1.0  # standard errors by which an attack must do more than `flip` to be taken for it
LEAST = 20  # training rows that can judge poison without the validation rows
PLAIN = "flip"  # the attack that is kept where none surely does more

Fit = Callable[[Any, Any], Any]  # a fresh model, trained on these rows


class Entry(NamedTuple):
    """What one member of a portfolio wrote for a cell.

    Parameters
    ----------
    piece : Piece
        The poison.
    aims : bool
        Whether it was aimed by the validation rows, which then cannot judge it.
    brief : bool
        Whether the validation rows are to judge it alone, so that one fit will do.
    """

    piece: Piece
    aims: bool
    brief: bool = False


class Judged(NamedTuple):
    """Whose errors count, each with the target that the attack pushes predictions away from.

    Parameters
    ----------
    validation : Part
        Validation rows; m.
    held : ndarray, shape (n,)
        Such targets of the training rows, NaN for those that the goal is not about.
    copied : bool
        Whether poison started from training rows; if not, from others that the attacker knows.
    placed : {"added", "replaced"}
        Whether poison takes the place of the rows that it started from.
    """

    validation: Part
    held: np.ndarray
    copied: bool
    placed: str


class Tried(NamedTuple):
    """A piece on the real model.

    Parameters
    ----------
    piece : Piece
        The poison.
    damage : float
        The mean squared error on rows that it was not made for.
    risk : float
        How visible it is.
    sure : float
        The damage less a margin for what chance does to it.
    """

    piece: Piece
    damage: float
    risk: float
    sure: float


def choose(
    split: Split,
    model: Any,
    written: Sequence[Entry],
    alphas: Sequence[float],
    judged: Judged,
    *,
    own: bool,
) -> list[Piece]:
    """The best piece for each alpha; if `own`, by the risk that the real model sees."""

    def fit(X: Any, y: Any) -> Any:
        fresh: Any = clone(model)
        return fresh.fit(X, y)

    train, validation = split.train, split.validation
    nothing = Entry(Piece(Part(train.X[:0], train.y[:0]), np.zeros(0, int), 0.0, 0.0), False)
    with threadpool_limits(1):  # workers side by side would fight for the cores
        before = float(np.nanmean(errors(fit, train, nothing, judged)))
        each = [errors(fit, train, one, judged) for one in written]
        clean = fit(train.X, train.y)
        usual = float(np.mean((validation.y - clean.predict(validation.X)) ** 2))
    if own and usual > 0:
        pieces = [one.piece for one in written]
        risks = [np.mean((p.rows.y - clean.predict(p.rows.X)) ** 2) / usual for p in pieces]
    else:
        risks = [one.piece.risk for one in written]
    sane = [k for k, found in enumerate(each) if not np.isinf(found).any()]
    if not sane:
        raise InputError(
            "The model makes no finite predictions on any of the poisoned tables; give another."
        )
    base = _base(written, each, sane)
    tried = []
    for k in sane:
        piece = written[k].piece._replace(risk=float(risks[k]))
        damage, sure = against(each[k], each[base])
        tried.append(Tried(piece, damage, piece.risk, sure))
    return [one.piece for one in best(tried, before, alphas)]


def errors(fit: Fit, train: Part, entry: Entry, judged: Judged) -> np.ndarray:
    """Squared errors on training rows (n), then validation rows (m), of the poisoned model.

    A training row is predicted by a model that saw neither it nor the poison that started from it.
    Rows that do not count are NaN: validation rows that the poison was aimed by, training rows that
    the goal is not about, and all of them where the entry is `brief`. A prediction that is not
    finite gives an infinite error.
    """
    piece, n = entry.piece, len(train.y)
    found = np.full(n + len(judged.validation.y), np.nan)
    fold, about = np.arange(n) % FOLDS, ~np.isnan(judged.held)  # the rows are in no order
    alone = not entry.aims or about.sum() < LEAST
    for k in () if entry.brief and alone else range(FOLDS):
        out = (fold == k) & about
        if out.any():
            model = fit(*_poisoned(train, piece, judged, fold != k))
            found[:n][out] = _squares(model, Part(train.X[out], judged.held[out]))
    if alone:
        model = fit(*_poisoned(train, piece, judged, np.ones(n, bool)))
        found[n:] = _squares(model, judged.validation)
    return found


def against(found: np.ndarray, plain: np.ndarray) -> tuple[float, float]:
    """The mean of these errors, and that less a margin, by what they add to others, row by row.

    Both are errors on the same rows; where one is NaN the row counts for neither. The margin is
    `SURE` standard errors of the mean difference: none, where both are the same poison.

    >>> damage, sure = against(np.array([3.0, 3.0, 4.0, np.nan]), np.array([1.0, 1.0, 1.0, 5.0]))
    >>> round(damage, 2), sure < damage
    (4.33, True)
    """
    added = (found - plain)[~np.isnan(found - plain)]
    damage = float(np.nanmean(plain) + added.mean())
    return damage, damage - SURE * float(added.std() / np.sqrt(len(added)))


def best(tried: Sequence[Tried], clean: float, alphas: Sequence[float]) -> list[Tried]:
    """For each alpha, what comes nearest to all the damage at no risk.

    All the damage is that of the poison of which most is sure. The trade is that of the normalizer
    `Ideal`, on the real model: with `t_L = (L - L_clean) / (L_max - L_clean)`, at most 1, and
    `t_R = R / R_max`, both by that poison, the least `alpha (1 - t_L)² + (1 - alpha) t_R²`. The
    choice is from one set at all alphas, so neither damage nor risk falls as alpha grows.

    >>> loud, quiet = Tried(None, 3.0, 9.0, 2.8), Tried(None, 2.0, 1.0, 1.9)
    >>> [one.damage for one in best([loud, quiet], 1.0, [1.0, 0.5])]
    [3.0, 2.0]
    """
    extreme = max(tried, key=lambda one: one.sure)
    span = extreme.damage - clean

    def loss(one: Tried, alpha: float) -> float:
        short = max(extreme.damage - one.damage, 0.0) / span if span > 0 else 0.0
        seen = one.risk / extreme.risk if extreme.risk > 0 else one.risk
        return alpha * short**2 + (1 - alpha) * seen**2

    # What seems to do more than the extreme, but not surely, ties with it.
    ranked = [extreme, *(one for one in tried if one is not extreme)]
    return [min(ranked, key=lambda one: loss(one, alpha)) for alpha in alphas]


def _base(written: Sequence[Entry], each: Sequence[np.ndarray], sane: Sequence[int]) -> int:
    """The entry that the others are held against: `flip`, else what seems to do most.

    It is judged by all rows, if any is, so that every other entry shares rows with it.
    """
    plain = [k for k in sane if written[k].piece.member == PLAIN]
    whole = [k for k in sane if not (written[k].aims or written[k].brief)]
    return max(plain or whole or sane, key=lambda k: np.nanmean(each[k]))


def _poisoned(
    train: Part, piece: Piece, judged: Judged, seen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Features and targets of the poisoned table, of the training rows that are `seen` only."""
    rows, stays = np.ones(len(piece.rows.y), bool), seen
    if judged.copied:
        rows = seen[piece.origin]
    if judged.placed == "replaced":
        stays = seen.copy()
        stays[piece.origin] = False
    X = np.vstack([train.X[stays], piece.rows.X[rows]])
    return X, np.append(train.y[stays], piece.rows.y[rows])


def _squares(model: Any, part: Part) -> np.ndarray:
    """Squared errors; infinite where a prediction is not finite."""
    found = (part.y - np.asarray(model.predict(part.X), float)) ** 2
    return np.where(np.isfinite(found), found, np.inf)
