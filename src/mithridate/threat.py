"""What the attacker may write: how many rows, and where."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .sample import Sample


def edges(n: int, ratios: Sequence[float]) -> tuple[int, ...]:
    """Numbers of poison rows, from 0 on, that make each ratio of `n` clean rows.

    `ratio = p / (n + p)`, so `p = n ratio / (1 - ratio)`, rounded.

    >>> edges(300, [0.1, 0.2, 0.4])
    (0, 33, 75, 200)
    """
    return (0, *(round(n * ratio / (1 - ratio)) for ratio in sorted(ratios)))


class ThreatModel(eqx.Module):
    """Slots in batches, a box, a lattice for each column, and one-hot groups.

    `edges[i]` rows belong to the first `i` batches. `lower` and `upper` bound the features and,
    last, the target; `step` is the spacing of the values a column can take, counted from `lower`,
    and 0 where it is continuous. `member[j]` marks the columns of one-hot group `j`; where
    `optional[j]`, a row may belong to none of its levels.

    Shapes: `lower`, `upper`, `step` (d + 1,); `member` (g, d); `optional` (g,).

    >>> import jax.numpy as jnp
    >>> clean = Sample(jnp.array([[0.0], [1.0]]), jnp.array([0.0, 2.0]), jnp.ones(2))
    >>> threat = ThreatModel.around(clean, edges(2, [0.5]))
    >>> outside = Sample(jnp.array([[3.0], [0.5]]), jnp.array([1.0, -1.0]), jnp.ones(2))
    >>> print(threat.project(outside).y)
    [1. 0.]
    """

    lower: Float[Array, " k"]
    upper: Float[Array, " k"]
    step: Float[Array, " k"]
    member: Bool[Array, "g d"]
    optional: Bool[Array, " g"]
    edges: tuple[int, ...] = eqx.field(static=True)

    @classmethod
    def around(cls, clean: Sample, edges: tuple[int, ...]) -> "ThreatModel":
        """The bounding box of the clean rows, all columns continuous."""
        z = jnp.concatenate([clean.X, clean.y[:, None]], axis=1)
        k = z.shape[1]
        groups = jnp.zeros((0, k - 1), bool), jnp.zeros(0, bool)
        return cls(z.min(axis=0), z.max(axis=0), jnp.zeros(k), *groups, edges)

    @property
    def capacity(self) -> int:
        """Number of slots in all batches together."""
        return self.edges[-1]

    def project(self, poison: Sample) -> Sample:
        """The nearest rows inside the box; columns may still be fractional."""
        X = jnp.clip(poison.X, self.lower[None, :-1], self.upper[None, :-1])
        return Sample(X, jnp.clip(poison.y, self.lower[-1], self.upper[-1]), poison.w)

    def harden(self, poison: Sample) -> Sample:
        """The nearest rows that could be real: on the lattice, one level a one-hot group."""
        z = jnp.concatenate([poison.X, poison.y[:, None]], axis=1)
        spacing = jnp.where(self.step > 0, self.step, 1.0)[None, :]
        low = self.lower[None, :]
        snapped = low + spacing * jnp.round((z - low) / spacing)
        z = jnp.where(self.step[None, :] > 0, jnp.minimum(snapped, self.upper[None, :]), z)
        X = self._one_hot(poison.X, z[:, :-1]) if self.member.shape[0] else z[:, :-1]
        return self.project(Sample(X, z[:, -1], poison.w))

    def _one_hot(self, X: Float[Array, "p d"], rest: Float[Array, "p d"]) -> Float[Array, "p d"]:
        # A level that the clean rows never show has an empty box and cannot be chosen.
        open_ = self.member & (self.upper > self.lower)[None, :-1]
        value = jnp.where(open_[None], X[:, None, :], -jnp.inf)
        top = value.argmax(axis=2)
        # The nearest vertex: e_k if x_k > 1/2, else the origin where that is a legal row.
        chosen = ~self.optional[None, :] | (value.max(axis=2) > 0.5)
        levels = jnp.arange(X.shape[1])[None, None, :] == top[:, :, None]
        one = (levels & chosen[:, :, None] & open_.any(axis=1)[None, :, None]).any(axis=1)
        return jnp.where(self.member.any(axis=0)[None, :], one.astype(X.dtype), rest)
