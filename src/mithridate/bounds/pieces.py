"""The hard case of the dual: the bound in pieces along directions that the error curves most in.

Where the best `μ` sticks at the largest curvature `λ`, the bound of `dual` has a gap. On a piece
where `x = sᵀθ - o` lies in `[α, β]`, the term `γ (x - α)(β - x) >= 0` with `γ >= 0` may be added to
what is maximized: it takes `γ` off the curvature along `s`. The bound is then the largest over the
pieces, which together cover all that the interval of `intervals.highest` allows for `x`.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .certificate import Term, certified
from .dual import WARM, Smoothed, Whitened, Witness, search
from .intervals import Ball, proven, searched
from .setting import Fit, Setting
from .writable import Writable

Vector = Float[np.ndarray, " k"]
_SPLIT_RATIO = 1.02  # μ / λ below which a direction is split
_MAX_PIECES = 12
_MIN_GAIN = 1e-3  # of the bound: splitting ends where the last `_GAIN_PIECES` splits gained less
_GAIN_PIECES = 4


class Cut(NamedTuple):
    """A direction `sᵀθ - o` that is split; `below` and `above` prove how far it can go each way."""

    s: Vector
    o: float
    below: Vector
    above: Vector


class Leaf(NamedTuple):
    """A piece: `q`, `μ`, and `γ` for each cut, by its number."""

    witness: Witness
    gamma: dict[int, float]


class Node(NamedTuple):
    """Two pieces on the two sides of `at` along the cut of that number."""

    cut: int
    at: float
    below: "Node | Leaf"
    above: "Node | Leaf"


class Proof(NamedTuple):
    """What proves a bound: the directions that were cut, and the tree of the pieces.

    Parameters
    ----------
    cuts : tuple of Cut
        The directions, with what proves how far they can go.
    tree : Node or Leaf
        The pieces: where they were cut, and a witness for each.
    """

    cuts: tuple[Cut, ...]
    tree: "Node | Leaf"


def proved(setting: Setting, rows: Writable, poison: float, proof: Proof) -> float:
    """The bound that a proof proves: every piece is checked anew, rounding included.

    Parameters
    ----------
    setting : Setting
        Training and judged rows.
    rows : Writable
        What the attacker may write.
    poison : float
        Number (or total weight) of the poison rows.
    proof : Proof
        Anything that has the form of one; a worse one proves less, never something wrong.

    Returns
    -------
    float
        Mean squared error on the judged rows; infinite where nothing can be proved.
    """
    if isinstance(proof.tree, Leaf):
        return certified(setting, rows, poison, proof.tree.witness)
    ball = Ball.of(setting, poison)
    if ball is None:
        return np.inf
    ends = {i: _interval(ball, rows, cut) for i, cut in enumerate(proof.cuts)}
    return _largest(setting, rows, poison, proof, proof.tree, ends)


def _interval(ball: Ball, rows: Writable, cut: Cut) -> tuple[float, float]:
    """All that the poison can make of `sᵀθ - o`, widened by the rounding of the difference."""
    low = -proven(ball, rows, -cut.s, cut.below)
    high = proven(ball, rows, cut.s, cut.above)
    slack = 1e-12 * (abs(low) + abs(high) + abs(cut.o))
    return low - cut.o - slack, high - cut.o + slack


def _largest(setting, rows, poison, proof: Proof, tree: Node | Leaf, ends: Mapping) -> float:
    if isinstance(tree, Leaf):
        return certified(setting, rows, poison, tree.witness, _terms(proof.cuts, tree, ends))
    low, high = ends[tree.cut]
    at = min(max(tree.at, low), high)
    below, above = {**ends, tree.cut: (low, at)}, {**ends, tree.cut: (at, high)}
    return max(
        _largest(setting, rows, poison, proof, tree.below, below),
        _largest(setting, rows, poison, proof, tree.above, above),
    )


class ProvedBound(NamedTuple):
    """A bound, the proof of it, and a witness from which the next search can start.

    `planes` are the `q` of the pieces, those of the largest bound first: the worst poison lies
    far from them.
    """

    bound: float
    proof: Proof
    witness: Witness | None
    planes: tuple[Vector, ...] = ()


def prove(
    setting: Setting,
    rows: Writable,
    poison: float,
    start: Witness | None = None,
    *,
    pieces: int = _MAX_PIECES,
) -> ProvedBound:
    """The best upper bound found on the error with `poison` added rows, and its proof.

    Parameters
    ----------
    setting : Setting
        Training and judged rows.
    rows : Writable
        What the attacker may write.
    poison : float
        Number (or total weight) of the poison rows.
    start : Witness, optional
        That of a smaller number of rows.
    pieces : int, default 12
        Into how many pieces the fits are split at most where the witness sticks: seconds each.

    Returns
    -------
    ProvedBound
        Its `bound` is infinite, and its `witness` None, where the normal equations are too badly
        conditioned.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[0.0], [1.0]]), np.zeros(2)
    >>> setting = Setting(X, y, X, y, l2=1.0)
    >>> wide = Writable.box(X, y)._replace(lower=np.array([0, -1.0]), upper=np.ones(2))
    >>> round(prove(setting, wide, 1).bound, 3)
    0.111
    """
    try:
        fit = setting.fit(poison)
        witness = search(setting, rows, fit, start)
        proof, planes = _refined(setting, rows, fit, witness, pieces)
    except np.linalg.LinAlgError:
        nothing = Witness(np.zeros(setting.Z.shape[1]), np.inf)
        return ProvedBound(np.inf, Proof((), Leaf(nothing, {})), None)
    return ProvedBound(proved(setting, rows, poison, proof), proof, witness, planes)


def _terms(cuts: Sequence[Cut], leaf: Leaf, ends: Mapping) -> list[Term]:
    """What the intervals of a piece add to its bound."""
    return [
        Term(cuts[i].s, cuts[i].o, ends[i][0], ends[i][1], gamma) for i, gamma in leaf.gamma.items()
    ]


def refined(
    setting: Setting, rows: Writable, fit: Fit, witness: Witness, pieces: int = _MAX_PIECES
) -> Proof:
    """A proof of a lower bound than that of a witness, where it sticks; else that of the witness.

    The piece with the largest bound is split again and again: along a new direction where its `μ`
    sticks at the next curvature, else at the middle of the interval that costs it most. Where
    a budget makes every evaluation long, the witness is left as it is.

    Parameters
    ----------
    setting : Setting
        Training and judged rows.
    rows : Writable
        What the attacker may write.
    fit : Fit
        The clean fit with the penalty of the poison rows.
    witness : Witness
        As `search` finds it.
    pieces : int, default 12
        Into how many pieces the fits are split at most.

    Returns
    -------
    Proof
        What `proved` checks.
    """
    return _refined(setting, rows, fit, witness, pieces)[0]


def _refined(
    setting: Setting, rows: Writable, fit: Fit, witness: Witness, pieces: int
) -> tuple[Proof, tuple[Vector, ...]]:
    """The proof, and the planes of its pieces."""
    white, plain = Whitened.of(setting, fit), (Proof((), Leaf(witness, {})), (witness.q,))
    if pieces < 2 or witness.mu >= _SPLIT_RATIO * white.curves.max() or np.isfinite(rows.budget):
        return plain
    ball = Ball.of(setting, fit.poison)
    if ball is None:
        return plain
    return _Splitting(setting, rows, fit, white, ball).run(witness, pieces)


class _BoundedLeaf(NamedTuple):
    bound: float
    leaf: Leaf
    ends: dict[int, tuple[float, float]]
    path: tuple[bool, ...]


class _Splitting:
    """The best-first search for pieces; directions are the whitened ones of largest curvature."""

    def __init__(self, setting: Setting, rows: Writable, fit: Fit, white: Whitened, ball: Ball):
        self.setting, self.rows, self.fit, self.white = setting, rows, fit, white
        self.ball = ball
        self.cuts: list[Cut] = []
        self.places: list[int] = []  # of each cut among the curvatures
        self.splits: dict[tuple[bool, ...], tuple[int, float]] = {}

    def run(self, witness: Witness, most: int) -> tuple[Proof, tuple[Vector, ...]]:
        whole = Leaf(witness, {})
        before = self._value(whole, {})
        pieces, falls = [_BoundedLeaf(before, whole, {}, ())], [before]
        while len(pieces) < most:
            worst = max(pieces, key=lambda piece: piece.bound)
            halves = self._halves(worst, witness)
            if halves is None:
                break
            pieces = [p for p in pieces if p is not worst] + halves
            falls.append(max(piece.bound for piece in pieces))
            if len(falls) > _GAIN_PIECES and falls[-1] > falls[-_GAIN_PIECES] * (1 - _MIN_GAIN):
                break
        if falls[-1] >= before * (1 - _MIN_GAIN):
            return Proof((), whole), (witness.q,)
        leaves = {piece.path: piece.leaf for piece in pieces}
        pieces.sort(key=lambda piece: -piece.bound)
        planes = tuple(piece.leaf.witness.q for piece in pieces)
        return Proof(tuple(self.cuts), self._tree((), leaves)), planes

    def _halves(self, piece: _BoundedLeaf, witness: Witness) -> list[_BoundedLeaf] | None:
        """The two halves of a piece, solved; None where no split would help."""
        i = self._next(piece, witness)
        if i is None:
            return None
        low, high = piece.ends.get(i) or _interval(self.ball, self.rows, self.cuts[i])
        middle = (low + high) / 2
        self.splits[piece.path] = i, middle
        halves = []
        for above, side in ((False, (low, middle)), (True, (middle, high))):
            ends = {**piece.ends, i: side}
            leaf = self._solved(piece.leaf, ends)
            halves.append(_BoundedLeaf(self._value(leaf, ends), leaf, ends, (*piece.path, above)))
        return halves

    def _next(self, piece: _BoundedLeaf, witness: Witness) -> int | None:
        """The cut to make: a new direction where `μ` sticks, else the interval that costs most."""
        split = {self.places[i] for i in piece.ends}
        rest = [j for j in range(len(self.white.curves)) if j not in split]
        j = max(rest, key=lambda j: self.white.curves[j])
        # One direction stays whole: it gives the scale of the piece.
        if len(rest) > 1 and piece.leaf.witness.mu < _SPLIT_RATIO * self.white.curves[j]:
            if j not in self.places:
                t = self.white.T[:, j]
                s = self.fit.A @ t
                ends = (searched(self.ball, self.rows, way) for way in (-s, s))
                self.cuts.append(Cut(s, float(t @ self.fit.b), *ends))
                self.places.append(j)
            return self.places.index(j)
        costs = {
            i: piece.leaf.gamma.get(i, 0.0) * np.ptp(end) ** 2 for i, end in piece.ends.items()
        }
        i = max(costs, key=lambda i: costs[i], default=None)
        return None if i is None or costs[i] <= 0 else i

    def _tree(self, path: tuple[bool, ...], leaves: Mapping) -> Node | Leaf:
        if path in leaves:
            return leaves[path]
        cut, at = self.splits[path]
        below, above = (self._tree((*path, side), leaves) for side in (False, True))
        return Node(cut, at, below, above)

    def _value(self, leaf: Leaf, ends: Mapping) -> float:
        terms = _terms(self.cuts, leaf, ends)
        return certified(self.setting, self.rows, self.fit.poison, leaf.witness, terms)

    def _solved(self, start: Leaf, ends: Mapping) -> Leaf:
        """A good `q`, `μ` and `γ` for a piece."""
        places = [self.places[i] for i in ends]
        problem = Smoothed(self.white, self.rows, places, list(ends.values()))
        gammas = [start.gamma.get(i, 0.0) for i in ends]
        witness, gammas = problem.minimum(start.witness, gammas, WARM)
        return Leaf(witness, dict(zip(ends, gammas.tolist(), strict=True)))
