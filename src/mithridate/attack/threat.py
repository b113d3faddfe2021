"""What the attacker may write: how many rows, which columns, how far, and where."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Scalar

from .sample import Sample


def edges(n: int, ratios: Sequence[float], replaces: bool = False) -> tuple[int, ...]:
    """Count the poison rows that make each ratio, from 0 on.

    `ratio` is poison rows / all rows. Rows that are added make it `p / (n + p)`, so `p = n ratio /
    (1 - ratio)`; rows that replace clean ones make it `p / n`. Rounded.

    Parameters
    ----------
    n : int
        Clean rows.
    ratios : sequence of float
        The ratios, each in [0, 1).
    replaces : bool, default False
        Whether poison rows take the place of clean ones.

    Returns
    -------
    tuple of int
        0, and the number for each ratio, in rising order.

    Examples
    --------
    >>> edges(300, [0.1, 0.2, 0.4])
    (0, 33, 75, 200)
    >>> edges(300, [0.1, 0.2, 0.4], replaces=True)
    (0, 30, 60, 120)
    """
    return (0, *(round(n * r / (1 if replaces else 1 - r)) for r in sorted(ratios)))


class ThreatModel(eqx.Module):
    """Slots in batches, a box, a lattice for each column, one-hot groups, and what is free.

    Parameters
    ----------
    lower, upper : array, shape (d + 1,)
        Bounds of the features and, last, of the target.
    step : array, shape (d + 1,)
        Spacing of the values a column can take, counted from `lower`; 0 where it is continuous.
    free : array of bool, shape (d + 1,)
        Which columns may be written; the others keep the values of the row a slot started from.
    budget : scalar array
        Farthest that a row may move from there (Euclidean, in the units of the data).
    member : array of bool, shape (g, d)
        The columns of each one-hot group.
    optional : array of bool, shape (g,)
        Whether a row may belong to none of the levels of a group.
    edges : tuple of int
        `edges[i]` rows belong to the first `i` batches.
    replaces : bool, default False
        Whether a slot takes the place of the clean row it started from; else it is added.
    own : array of bool, shape (n,), optional
        The clean rows that a slot may start from, those of the source that is the attacker's; any,
        where it is not given.
    push : {0, 1, -1}, default 0
        Whether predictions are to go up (1) or down (-1), or to be wrong (0).

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> clean = Sample(jnp.array([[0.0], [1.0]]), jnp.array([0.0, 2.0]), jnp.ones(2))
    >>> threat = ThreatModel.around(clean, edges(2, [0.5]))
    >>> outside = Sample(jnp.array([[3.0], [0.5]]), jnp.array([1.0, -1.0]), jnp.ones(2))
    >>> print(threat.project(outside, clean).y)
    [1. 0.]
    """

    lower: Float[Array, " k"]
    upper: Float[Array, " k"]
    step: Float[Array, " k"]
    free: Bool[Array, " k"]
    budget: Scalar
    member: Bool[Array, "g d"]
    optional: Bool[Array, " g"]
    edges: tuple[int, ...] = eqx.field(static=True)
    replaces: bool = eqx.field(static=True, default=False)
    own: Bool[Array, " n"] | None = None
    push: int = eqx.field(static=True, default=0)

    @classmethod
    def around(cls, clean: Sample, edges: tuple[int, ...], **given) -> "ThreatModel":
        """Take the bounding box of the clean rows, all columns continuous and free, unless given.

        Parameters
        ----------
        clean : Sample
            The clean rows.
        edges : tuple of int
            Poison rows after each batch.
        **given
            Any other parameter of the class.

        Returns
        -------
        ThreatModel
            The threat model.
        """
        z = jnp.concatenate([clean.X, clean.y[:, None]], axis=1)
        k = z.shape[1]
        usual = {
            "lower": z.min(axis=0),
            "upper": z.max(axis=0),
            "step": jnp.zeros(k, z.dtype),
            "free": jnp.ones(k, bool),
            "budget": jnp.asarray(jnp.inf, z.dtype),
            "member": jnp.zeros((0, k - 1), bool),
            "optional": jnp.zeros(0, bool),
        }
        return cls(**{**usual, **given}, edges=edges)

    @property
    def capacity(self) -> int:
        """Number of slots in all batches together."""
        return self.edges[-1]

    def offered(self, clean: Sample) -> Sample:
        """Give the clean rows that a slot may start from their weights, and the others none.

        Parameters
        ----------
        clean : Sample
            The clean rows, n.

        Returns
        -------
        Sample
            The rows.
        """
        return clean if self.own is None else clean.weighing(jnp.where(self.own, clean.w, 0.0))

    def project(self, poison: Sample, start: Sample) -> Sample:
        """Move rows into the box, near to their start, frozen columns as there; still fractional.

        Parameters
        ----------
        poison, start : Sample
            The rows, p, and those that they started from.

        Returns
        -------
        Sample
            The rows.
        """
        z, origin = _rows(poison), _rows(start)
        z = jnp.where(
            self.free[None, :], jnp.clip(z, self.lower[None, :], self.upper[None, :]), origin
        )
        far = jnp.linalg.norm(z - origin, axis=1)
        # The box and the ball are convex and hold the start: the way back stays inside.
        share = jnp.where(far > self.budget, self.budget / jnp.where(far > 0, far, 1.0), 1.0)
        z = jnp.where(share[:, None] < 1, origin + share[:, None] * (z - origin), z)
        return Sample(z[:, :-1], z[:, -1], poison.w)

    def harden(self, poison: Sample, start: Sample) -> Sample:
        """Find the nearest rows that could be real: on the lattice, one level a one-hot group.

        Where rounding oversteps the budget, the row's lattice and one-hot columns stay as they
        started.

        Parameters
        ----------
        poison, start : Sample
            The rows, p, and those that they started from.

        Returns
        -------
        Sample
            The rows.
        """
        inside = self.project(poison, start)
        z, origin = _rows(inside), _rows(start)
        spacing = jnp.where(self.step > 0, self.step, 1.0)[None, :]
        low = self.lower[None, :]
        snapped = low + spacing * jnp.round((z - low) / spacing)
        # Rounding up may leave the box where it ends between two points of the lattice.
        snapped = jnp.where(snapped > self.upper[None, :], snapped - spacing, snapped)
        coarse = self.step > 0
        hard = jnp.where(coarse[None, :], snapped, z)
        if self.member.shape[0]:
            grouped = jnp.append(self.member.any(axis=0), False)
            coarse = coarse | grouped
            ones = jnp.pad(self._one_hot(inside.X), ((0, 0), (0, 1)))
            hard = jnp.where(grouped[None, :], ones, hard)
        hard = jnp.where(
            self.free[None, :], jnp.clip(hard, self.lower[None, :], self.upper[None, :]), origin
        )
        over = jnp.linalg.norm(hard - origin, axis=1) > self.budget * (1 + 1e-9)
        hard = jnp.where(over[:, None], jnp.where(coarse[None, :], origin, z), hard)
        return Sample(hard[:, :-1], hard[:, -1], poison.w)

    def _one_hot(self, X: Float[Array, "p d"]) -> Float[Array, "p d"]:
        # A level that the clean rows never show has an empty box and cannot be chosen.
        open_ = self.member.any(axis=0) & (self.upper > self.lower)[:-1]
        groups, d = self.member.shape
        value = jnp.where(open_[:, None], X.T, -jnp.inf)
        group, level = self.member.argmax(axis=0), jnp.arange(d)[:, None]
        largest = jax.ops.segment_max(value, group, groups)
        # The nearest vertex: e_k if x_k > 1/2, else the origin where that is a legal row.
        chosen = ~self.optional[:, None] | (largest > 0.5)
        top = open_[:, None] & (value == largest[group]) & chosen[group]
        first = jax.ops.segment_min(jnp.where(top, level, d), group, groups)
        return (top & (level == first[group])).T.astype(X.dtype)


def standing(
    clean: Sample, threat: ThreatModel, origin: Int[Array, " p"], stop: Int[Array, ""] | int
) -> Sample:
    """Keep the clean rows that are left once the first slots are written.

    Parameters
    ----------
    clean : Sample
        The clean rows.
    threat : ThreatModel
        Whether poison replaces rows.
    origin : array of int, shape (p,)
        The clean row that each slot started from.
    stop : int
        How many slots are written.

    Returns
    -------
    Sample
        The clean rows; those that were replaced have weight 0.
    """
    if not threat.replaces:
        return clean
    taken = jnp.arange(origin.shape[0]) < stop
    replaced = jnp.zeros(clean.y.shape[0], bool).at[origin].max(taken)
    return clean.weighing(jnp.where(replaced, 0.0, clean.w))


def _rows(sample: Sample) -> Float[Array, "n k"]:
    return jnp.concatenate([sample.X, sample.y[:, None]], axis=1)
