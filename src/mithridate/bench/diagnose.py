"""Reads the traces of an attack and says in sentences what failed, if anything did."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..schema import Step
from .sweep import Poison

_SMALL_CHANGE = 0.01  # a smaller relative change of the damage counts as none
_SAME_SHARE = 0.97  # an attack that reaches this share of another's damage does the same
_EXPLODED_RATIO = 1e4  # a gradient this many times the median has exploded


def steps(
    name: str, poison: Poison, alphas: Sequence[float | None], seeds: Sequence[int], n: int
) -> Iterator[Step]:
    """The trace as rows of a table; nothing for an attack that keeps no path."""
    if poison.path is None:
        return
    damage, risk = poison.path.terms
    parts = damage, risk, poison.path.gain, poison.path.gradient, poison.path.border
    for a, i, b, t in np.ndindex(damage.shape):
        p = poison.edges[b + 1]
        values = [float(part[a, i, b, t]) for part in parts]
        names = ("damage", "risk", "gain", "gradient", "border")
        yield Step(
            attack=name, alpha=alphas[a], seed=seeds[i], ratio=p / (n + p), step=t,
            **dict(zip(names, values, strict=True)),
        )  # fmt: skip


def diagnose(poison: Poison, alphas: Sequence[float | None]) -> list[str]:
    """Sentences on the failure signatures of an attack with alphas; none if all went well.

    Damage is compared with that before any poison. The signatures are those of Carnerero-Cano et
    al. (2026): damage that does not rise because one objective dominates, an exploding gradient,
    anchors that coincide, and batches without progress.
    """
    if poison.path is None:
        return []
    rise = poison.damage[:, :, -1] / poison.untouched - 1
    findings = [*_coinciding(rise, alphas), *_dominated(poison, rise, alphas)]
    return [*findings, *_exploded(poison), *_stuck(poison, alphas)]


def _coinciding(rise: np.ndarray, alphas: Sequence[float | None]) -> Iterator[str]:
    for a, alpha in enumerate(alphas):
        if alpha == 1 and rise[a].mean() < _SMALL_CHANGE:
            yield (
                "The anchors coincide: the attack at alpha 1 does no damage to speak of "
                f"({rise[a].mean():+.1%}), so there is nothing to trade for stealth."
            )


def _dominated(poison: Poison, rise: np.ndarray, alphas: Sequence[float | None]) -> Iterator[str]:
    largest = rise.max(axis=0).mean()
    if largest < _SMALL_CHANGE:
        return
    top = int(np.argmax(rise.mean(axis=1)))
    idle, damage_only = [], []
    for a, alpha in enumerate(alphas):
        if alpha is None or not 0 < alpha < 1:
            continue
        if rise[a].mean() < _SMALL_CHANGE * largest:
            idle.append(f"{alpha:g}")
        visible = poison.risk[a, :, -1].mean() / poison.risk[top, :, -1].mean()
        if alpha < 0.5 and rise[a].mean() > _SAME_SHARE * largest and visible > _SAME_SHARE:
            damage_only.append(f"{alpha:g}")
    if idle:
        yield f"Damage does not rise at alpha {', '.join(idle)}: there the risk dominates."
    if damage_only:
        yield f"At alpha {', '.join(damage_only)} the damage dominates: it does what alpha 1 does."


def _exploded(poison: Poison) -> Iterator[str]:
    assert poison.path is not None
    gradient = poison.path.gradient
    usual = np.median(gradient[np.isfinite(gradient)]) if np.isfinite(gradient).any() else 0.0
    burst = ~np.isfinite(gradient) | (gradient > _EXPLODED_RATIO * max(usual, 1e-300))
    if burst.any():
        yield (
            f"The gradient exploded in {burst.sum()} of {burst.size} steps; the attack went back "
            "to its best rows and took smaller steps from there."
        )


def _stuck(poison: Poison, alphas: Sequence[float | None]) -> Iterator[str]:
    assert poison.path is not None
    gain = np.where(np.isfinite(poison.path.gain), poison.path.gain, -np.inf)
    progress = gain.max(axis=-1) > gain[..., 0]
    runs = [
        f"alpha {alpha:g}" for a, alpha in enumerate(alphas)
        if alpha is not None and not progress[a].all(axis=0).all()
    ]  # fmt: skip
    if runs:
        share = (~progress).mean()
        yield f"{share:.0%} of the batches made no progress ({', '.join(runs)})."
