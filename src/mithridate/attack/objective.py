"""What the attacker wants, and all that it may see: damage against risk, on one scale."""

import abc
import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PRNGKeyArray, Scalar

from .held import Held
from .risks import AbstractRisk
from .sample import Sample
from .terms import Reference, Terms
from .threat import ThreatModel, standing
from .tolerance import HELD
from .victims import AbstractVictim

BEYOND = 1e9  # no damage outweighs a risk beyond the limit, or others that are moved too far


class AbstractNormalizer(eqx.Module):
    """Puts damage and risk on one scale, so that alpha weighs like with like."""

    @abc.abstractmethod
    def anchors(self, reference: Reference) -> tuple[Terms, Terms]:
        """Give the raw terms that are mapped to 0 and to 1.

        Parameters
        ----------
        reference : Reference
            What is measured against.

        Returns
        -------
        tuple of Terms
            Those that become 0, and those that become 1.
        """

    def __call__(self, terms: Terms, reference: Reference) -> Terms:
        """Each term on the line through its anchors.

        Where a term's anchors coincide there is nothing to trade in it: damage counts 0 (an attack
        that can do no damage has only its stealth to look after), risk counts as it is.
        """
        low, high = self.anchors(reference)
        span = Terms(high.damage - low.damage, high.risk - low.risk)
        damage = (terms.damage - low.damage) / jnp.where(span.damage == 0, 1.0, span.damage)
        risk = (terms.risk - low.risk) / jnp.where(span.risk == 0, 1.0, span.risk)
        return self.bent(Terms(jnp.where(span.damage == 0, 0.0, damage), risk))

    def bent(self, terms: Terms) -> Terms:
        """Bend scaled terms before they are weighed; where this is not overridden, they stay.

        Parameters
        ----------
        terms : Terms
            0 and 1 at the anchors; NumPy or JAX.

        Returns
        -------
        Terms
            The same kind of arrays.
        """
        return terms


class Raw(AbstractNormalizer):
    """Leaves both terms as they are; then risk, which has no upper end, usually rules."""

    def anchors(self, reference: Reference) -> tuple[Terms, Terms]:
        zero = jnp.zeros_like(reference.previous.damage)
        return Terms(zero, zero), Terms(zero + 1, zero + 1)


class Incremental(AbstractNormalizer):
    """The paper's: damage over that of the batch before, risk over that of the alpha = 1 attack.

    `L̃ = L(w*⁽ⁱ⁾) / L(w*⁽ⁱ⁻¹⁾)`, `R̃ = R / R_ref`.
    """

    def anchors(self, reference: Reference) -> tuple[Terms, Terms]:
        zero = jnp.zeros_like(reference.previous.damage)
        return Terms(zero, zero), Terms(reference.previous.damage, reference.extreme.risk)


class Anchored(AbstractNormalizer):
    """Damage between that of the batch before and that of the alpha = 1 attack.

    `L̃ = (L - L_prev) / (L_{alpha=1} - L_prev)`, `R̃ = R / R_{alpha=1}`.
    """

    def anchors(self, reference: Reference) -> tuple[Terms, Terms]:
        zero = jnp.zeros_like(reference.previous.damage)
        return Terms(reference.previous.damage, zero), reference.extreme


class Ideal(AbstractNormalizer):
    """Squared distance to the ideal point: all the damage of the alpha = 1 attack, at no risk.

    With `t_L = (L - L_clean) / (L_{alpha=1} - L_clean)` and `t_R = R / R_{alpha=1}`,
    `L̃ = 1 - (1 - t_L)|1 - t_L|` and `R̃ = t_R²`, so the attack minimizes
    `alpha (1 - t_L)² + (1 - alpha) t_R²` as far as `t_L ≤ 1`. Where damage grows in proportion to
    risk, as it does while poison pulls one way, a weighted sum of the two can only have all or
    nothing; here alpha is then the share of damage itself.

    Zeleny, "Multiple criteria decision making" (1982), chapter 6: compromise programming.
    """

    def anchors(self, reference: Reference) -> tuple[Terms, Terms]:
        zero = jnp.zeros_like(reference.untouched.damage)
        return Terms(reference.untouched.damage, zero), reference.extreme

    def bent(self, terms: Terms) -> Terms:
        short = 1 - terms.damage
        return Terms(1 - short * abs(short), terms.risk**2)


class Problem(eqx.Module):
    """Everything an attack may see; there is no test set in it. Build it with `of`.

    Parameters
    ----------
    clean : Sample
        The clean training rows that the attacker knows.
    victim : AbstractVictim
        The model that is attacked.
    threat : ThreatModel
        What may be written.
    risk : AbstractRisk
        What is to stay low.
    normalizer : AbstractNormalizer
        What puts damage and risk on one scale.
    alpha : scalar array
        Weighs damage against stealth, in [0, 1]: 1 is aggressive, 0 is stealthy.
    extreme : Terms
        What the alpha = 1 attack reached, one entry a batch.
    key : PRNG key
        Where chance comes from.
    aimed : Sample
        The validation rows.
    judged : object
        The same, digested by the victim.
    facts : object
        The clean rows, digested by the risk.
    limit : scalar array, optional
        The largest risk that poison may have.
    held : Held, optional
        The rows that the attack is not about, where there are some.
    """

    clean: Sample
    victim: AbstractVictim
    threat: ThreatModel
    risk: AbstractRisk
    normalizer: AbstractNormalizer
    alpha: Scalar
    extreme: Terms
    key: PRNGKeyArray
    aimed: Sample  # the validation rows
    judged: Any  # the same, digested by the victim
    facts: Any  # the clean rows, digested by the risk
    limit: Scalar | None = None
    held: Held | None = None

    @classmethod
    def of(
        cls,
        clean: Sample,
        validation: Sample,
        victim: AbstractVictim,
        threat: ThreatModel,
        risk: AbstractRisk,
        normalizer: AbstractNormalizer,
        *,
        key: PRNGKeyArray,
        others: Sample | None = None,
    ) -> "Problem":
        """State the alpha = 1 problem on raw terms: its solution is the reference of all others.

        Parameters
        ----------
        clean, validation : Sample
            Training and validation rows that the attacker knows.
        victim : AbstractVictim
            The model that is attacked.
        threat : ThreatModel
            What may be written.
        risk : AbstractRisk
            What is to stay low.
        normalizer : AbstractNormalizer
            What puts damage and risk on one scale.
        key : PRNG key
            Where chance comes from.
        others : Sample, optional
            Rows that the attack is not about, whose predictions are to stay.

        Returns
        -------
        Problem
            The problem.
        """
        one = jnp.ones((len(threat.edges) - 1,), clean.y.dtype)
        rows = validation, victim.digest(validation)
        alpha = jnp.ones((), clean.y.dtype)
        made = cls(
            clean, victim, threat, risk, normalizer, alpha, Terms(one, one), key, *rows,
            risk.digest(clean, victim, key),
        )  # fmt: skip
        if others is None:
            return made
        return dataclasses.replace(made, held=Held.of(others, clean, victim, key))

    def through(self, victim: AbstractVictim) -> "Problem":
        """State the same problem for another model, the predictions that are held as they are.

        Parameters
        ----------
        victim : AbstractVictim
            The model.

        Returns
        -------
        Problem
            The problem.
        """
        made = dataclasses.replace(self, victim=victim, judged=victim.digest(self.aimed))
        held = None if self.held is None else self.held.through(victim)
        return dataclasses.replace(made, held=held)

    def reference(self) -> "Problem":
        """State the same problem at alpha = 1 and without a normalizer.

        Returns
        -------
        Problem
            The problem.
        """
        values = (Raw(), jnp.ones_like(self.alpha))
        return eqx.tree_at(lambda p: (p.normalizer, p.alpha), self, values)

    def at(self, alpha: Scalar, extreme: Terms) -> "Problem":
        """State the same problem at another alpha.

        Parameters
        ----------
        alpha : scalar array
            The alpha, in [0, 1].
        extreme : Terms
            What the alpha = 1 attack reached, one entry a batch.

        Returns
        -------
        Problem
            The problem.
        """
        return eqx.tree_at(lambda p: (p.alpha, p.extreme), self, (alpha, extreme))

    def within(self, limit: Scalar) -> "Problem":
        """State the same problem with a largest risk.

        Parameters
        ----------
        limit : scalar array
            The risk.

        Returns
        -------
        Problem
            The problem.
        """
        return dataclasses.replace(self, limit=limit)

    def terms(self, fixed: Any, moving: Sample, poison: Sample) -> Terms:
        """Compute damage and risk after training.

        Parameters
        ----------
        fixed : object
            The rows that stay, digested by the victim.
        moving : Sample
            The rows that move.
        poison : Sample
            All poison so far.

        Returns
        -------
        Terms
            The damage of the trained model, and the risk of the poison.
        """
        return self._trained(fixed, moving, poison)[0]

    def _trained(self, fixed: Any, moving: Sample, poison: Sample) -> tuple[Terms, Scalar]:
        """The terms, and by how much others are moved too far."""
        params = self.victim.fit(fixed, moving, self.key)
        risk = self.risk.after_training(self.facts, poison, params)
        terms = Terms(self.victim.loss(params, self.judged), risk)
        if self.held is None:
            return terms, jnp.zeros_like(risk)
        return terms, jnp.maximum(self.held.growth(self.victim, params) - HELD, 0.0)

    def weighed(
        self, fixed: Any, moving: Sample, poison: Sample, reference: Reference
    ) -> tuple[Scalar, Terms]:
        """Compute what the attack maximizes, and the terms after training.

        Where the attack is about some rows only, the error of the others may grow by `HELD` of what
        it was. An exact penalty takes off the gain what goes beyond (Zangwill, "Non-linear
        programming via penalty functions", 1967), so steep that it acts as a limit.

        Parameters
        ----------
        fixed : object
            The rows that stay, digested by the victim.
        moving : Sample
            The rows that move.
        poison : Sample
            All poison so far.
        reference : Reference
            What the terms are measured against.

        Returns
        -------
        scalar array and Terms
            The gain, and the raw terms.
        """
        terms, excess = self._trained(fixed, moving, poison)
        return self.gain(terms, reference) - BEYOND * excess, terms

    def gain(self, terms: Terms, reference: Reference) -> Scalar:
        """Compute `alpha L̃ - (1 - alpha) R̃`, what the attack maximizes.

        Beyond the `limit` only risk counts, and less than anything within: an ascent falls back
        whenever it has crossed the limit, and its best rows lie within (a switching subgradient
        method: Polyak, "A general method of solving extremum problems", 1967).

        Parameters
        ----------
        terms : Terms
            Raw damage and risk.
        reference : Reference
            What they are measured against.

        Returns
        -------
        scalar array
            The gain.
        """
        damage, risk = self.normalizer(terms, reference)
        gain = self.alpha * damage - (1 - self.alpha) * risk
        if self.limit is None:
            return gain
        return jnp.where(terms.risk <= self.limit, gain, -BEYOND * terms.risk)

    def untouched(self) -> Terms:
        """Compute the terms before any poison.

        Returns
        -------
        Terms
            The clean damage, and the risk of no rows.
        """
        nothing = self.clean.absent()
        return self.terms(self.victim.digest(self.clean), nothing, nothing)

    def ends(self, poison: Sample, origin: Int[Array, " p"]) -> Terms:
        """Compute the terms after each batch of poison.

        Parameters
        ----------
        poison : Sample
            The rows of all batches, p.
        origin : array of int, shape (p,)
            The clean row that each started from.

        Returns
        -------
        Terms
            One entry a batch.
        """
        slot = jnp.arange(self.threat.capacity)

        def after(edge):
            present = poison.weighing(poison.w * (slot < edge))
            fixed = self.victim.digest(standing(self.clean, self.threat, origin, edge))
            return self.terms(fixed, present, present)

        return jax.lax.map(after, jnp.asarray(self.threat.edges[1:]))
