"""Tries poison on the real model: what it does to rows that it was not made for, and how surely."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from ..attack.tolerance import HELD
from ..errors import InputError
from ..tables.encoded import Part, Split
from .pieces import Piece, joined, prediction, trained
from .polish import Copying, Said, exchanged

FOLDS = 3
BEHIND = 3.0  # standard errors by which an attack is behind `flip` when it is tried no further
STEPS = 2  # exchanges of poison rows, from those of `flip`
AHEAD = 2.0  # standard errors by which an attack must do more than `flip` to be taken for it
LEAST_ROWS = 20  # training rows that can judge poison without the validation rows
PLAIN = "flip"  # the attack that is kept where none surely does more
POLISHED = "flip, polished"  # what is made of it

Fit = Callable[[Part], Any]  # a fresh model, trained on these rows


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


class JudgedErrors(NamedTuple):
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
    may : Copying, optional
        Which rows poison may copy, with their target at an end of its range; None: no such copies.
    weights : ndarray, shape (n + m,), optional
        How much the errors of training rows, then of validation rows, count.
    others : Part, optional
        Validation rows that the goal is not about, whose predictions are to stay; q.
    """

    validation: Part
    held: np.ndarray
    copied: bool
    placed: str
    may: Copying | None = None
    weights: np.ndarray | None = None
    others: Part | None = None


class TriedPiece(NamedTuple):
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
    growth : float, default 0
        How much the error of rows that the goal is not about grows, over what it was.
    """

    piece: Piece
    damage: float
    risk: float
    sure: float
    growth: float = 0.0


def choose(
    split: Split,
    model: Any,
    written: Sequence[Entry],
    alphas: Sequence[float],
    judged: JudgedErrors,
    *,
    own: bool,
) -> list[Piece]:
    """The best piece for each alpha; if `own`, by the risk that the real model sees."""

    def fit(rows: Part) -> Any:
        return trained(clone(model), rows)

    train, validation = split.train, split.validation
    nothing = Entry(Piece(Part(train.X[:0], train.y[:0]), np.zeros(0, int), 0.0, 0.0), False)
    with threadpool_limits(1):  # workers side by side would fight for the cores
        trial = Trial(fit, train, judged, predicted(fit, train, nothing, judged))
        entries, said = trial.run(written, polish=own)
        clean = fit(train)
        usual = float(np.mean((validation.y - prediction(clean, validation.X)) ** 2))
    if own and usual > 0:
        pieces = [one.piece for one in entries]
        risks = [np.mean((p.rows.y - prediction(clean, p.rows.X)) ** 2) / usual for p in pieces]
    else:
        risks = [one.piece.risk for one in entries]
    each = [squares(one, judged) for one in said]
    sane = [k for k, found in enumerate(each) if not np.isinf(found).any()]
    if not sane:
        raise InputError(
            "The model makes no finite predictions on any of the poisoned tables; give another."
        )
    base = _base(entries, each, sane)
    tried = []
    for k in sane:
        piece = entries[k].piece._replace(risk=float(risks[k]))
        damage, sure = against(each[k], each[base])
        growth = growth_of_others(said[k], trial.clean, train, judged)
        tried.append(TriedPiece(piece, damage, piece.risk, sure, growth))
    before = float(np.nanmean(squares(trial.clean, judged)))
    return [one.piece for one in best(tried, before, alphas)]


class Trial(NamedTuple):
    """Poison of one cell on the real model, which without poison says `clean`.

    Predictions and squared errors are those of `predicted`.
    """

    fit: Fit
    train: Part
    judged: JudgedErrors
    clean: np.ndarray

    def run(
        self, written: Sequence[Entry], *, polish: bool
    ) -> tuple[list[Entry], list[np.ndarray]]:
        """All entries, and what they make of predictions; if `polish`, with what is made of `flip`.

        `flip` goes first, so that what is surely behind it need not be tried to the end.
        """
        entries = sorted(written, key=lambda one: one.piece.member != PLAIN)
        plain = None
        said: list[np.ndarray] = []
        for one in entries:
            said.append(predicted(self.fit, self.train, one, self.judged, plain))
            if plain is None and one.piece.member == PLAIN:
                plain = squares(said[0], self.judged)
        if polish and plain is not None:
            made = self._polished(entries[0], said[0])
            if made is not None:
                entries.append(made)
                said.append(predicted(self.fit, self.train, made, self.judged, plain))
        return entries, said

    def _polished(self, one: Entry, said: np.ndarray) -> Entry | None:
        """The entry with rows exchanged in some steps; None where no others are to be had.

        What is between the steps is no entry: each more is one more that may be best by luck.
        """
        judged, n, piece = self.judged, len(self.train.y), one.piece
        if judged.may is None or not judged.copied:
            return None
        for step in range(STEPS):
            if step:
                # The training rows alone say what to exchange.
                said = predicted(self.fit, self.train, Entry(piece, aims=True), judged)
            if not np.isfinite(said[:n][~np.isnan(judged.held)]).all():
                return None
            before, after = (_about(one, judged) for one in (self.clean, said))
            known = Said(before, after, judged.held)
            made = exchanged(piece, self.train, known, judged.may)
            if made is None:
                return None
            piece = made
        return Entry(piece._replace(member=POLISHED), aims=False)


def predicted(
    fit: Fit, train: Part, entry: Entry, judged: JudgedErrors, plain: np.ndarray | None = None
) -> np.ndarray:
    """What the poisoned model predicts of training rows (n), validation rows (m) and others (q).

    A training row is predicted by a model that saw neither it nor the poison that started from it.
    Rows that are not looked at are NaN: validation rows that the poison was aimed by, training rows
    that the goal is not about unless they are to stay, and of an entry that is `brief` all that one
    fit does not tell. So are the rows that are left where the squared errors are surely below
    `plain`, those of `flip`. What is not finite is infinite.
    """
    piece, n, others = entry.piece, len(train.y), judged.others
    X = [train.X, judged.validation.X] + ([] if others is None else [others.X])
    X = np.vstack(X)
    found = np.full(len(X), np.nan)
    fold, about = np.arange(n) % FOLDS, ~np.isnan(judged.held)  # the rows are in no order
    parts: list[tuple[np.ndarray, np.ndarray]] = []  # which rows train, which are predicted
    if not entry.aims or about.sum() < LEAST_ROWS:
        parts.append((np.ones(n, bool), np.arange(n, len(found))))
    look = about | (others is not None)
    parts += [(fold != k, np.flatnonzero((fold == k) & look)) for k in range(FOLDS)]
    parts = [(seen, out) for seen, out in parts if len(out)]
    for seen, out in parts[:1] if entry.brief else parts:
        says = prediction(fit(_poisoned(train, piece, judged, seen)), X[out]).astype(float)
        found[out] = np.where(np.isfinite(says), says, np.inf)
        if plain is not None and _behind(squares(found, judged), plain):
            break
    return found


def squares(said: np.ndarray, judged: JudgedErrors) -> np.ndarray:
    """Squared errors of predictions of training rows, then of validation rows, as they weigh."""
    held = np.append(judged.held, judged.validation.y)
    found = (said[: len(held)] - held) ** 2
    return found if judged.weights is None else found * judged.weights


def growth_of_others(
    said: np.ndarray, clean: np.ndarray, train: Part, judged: JudgedErrors
) -> float:
    """How much poison adds to the mean squared error of the rows that the goal is not about.

    It is in units of their error without poison; 0 where the goal is about all rows.
    """
    if judged.others is None:
        return 0.0
    known = np.where(np.isnan(judged.held), train.y, np.nan)
    y = np.concatenate([known, np.full(len(judged.validation.y), np.nan), judged.others.y])
    before, after = (clean - y) ** 2, (said - y) ** 2
    there = np.isfinite(before) & np.isfinite(after)
    usual = before[there].mean() if there.any() else 0.0
    return float(after[there].mean() / usual - 1) if usual > 0 else 0.0


def _about(said: np.ndarray, judged: JudgedErrors) -> np.ndarray:
    """The predictions of the training rows that the goal is about; NaN for the others."""
    return np.where(np.isnan(judged.held), np.nan, said[: len(judged.held)])


def _behind(found: np.ndarray, plain: np.ndarray) -> bool:
    """Whether these errors, as far as they are known, are surely smaller than those of `flip`."""
    added = found - plain
    added = added[np.isfinite(added)]
    return (
        len(added) >= LEAST_ROWS and added.mean() + BEHIND * added.std() / np.sqrt(len(added)) < 0
    )


def against(found: np.ndarray, plain: np.ndarray) -> tuple[float, float]:
    """The mean of these errors, and that less a margin, by what they add to others, row by row.

    Both are errors on the same rows; where one is NaN the row counts for neither. The margin is
    `AHEAD` standard errors of the mean difference: none, where both are the same poison.

    >>> damage, sure = against(np.array([3.0, 3.0, 4.0, np.nan]), np.array([1.0, 1.0, 1.0, 5.0]))
    >>> round(damage, 2), sure < damage
    (4.33, True)
    """
    added = (found - plain)[~np.isnan(found - plain)]
    damage = float(np.nanmean(plain) + added.mean())
    return damage, damage - AHEAD * float(added.std() / np.sqrt(len(added)))


def best(tried: Sequence[TriedPiece], clean: float, alphas: Sequence[float]) -> list[TriedPiece]:
    """For each alpha, what comes nearest to all the damage at no risk.

    All the damage is that of the poison of which most is sure. The trade is that of the normalizer
    `Ideal`, on the real model: with `t_L = (L - L_clean) / (L_max - L_clean)`, at most 1, and
    `t_R = R / R_max`, both by that poison, the least `alpha (1 - t_L)² + (1 - alpha) t_R²`. The
    choice is from one set at all alphas, so neither damage nor risk falls as alpha grows. What
    adds more than `HELD` to the error of rows that the goal is not about is no choice; if all do,
    what adds least is.

    >>> loud, quiet = TriedPiece(None, 3.0, 9.0, 2.8), TriedPiece(None, 2.0, 1.0, 1.9)
    >>> [one.damage for one in best([loud, quiet], 1.0, [1.0, 0.5])]
    [3.0, 2.0]
    """
    allowed = max(HELD, min(one.growth for one in tried))
    tried = [one for one in tried if one.growth <= allowed]
    extreme = max(tried, key=lambda one: one.sure)
    span = extreme.damage - clean

    def loss(one: TriedPiece, alpha: float) -> float:
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


def _poisoned(train: Part, piece: Piece, judged: JudgedErrors, seen: np.ndarray) -> Part:
    """The poisoned table, of the training rows that are `seen` only."""
    rows, stays = np.ones(len(piece.rows.y), bool), seen
    if judged.copied:
        rows = seen[piece.origin]
    if judged.placed == "replaced":
        stays = seen.copy()
        stays[piece.origin] = False
    return joined(train.take(stays), piece.rows.take(rows))
