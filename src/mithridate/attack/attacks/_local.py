"""What the attacks share that are computed against a kernel machine, whatever the victim is."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..sample import Sample
from ..victims import Kernel
from .base import AbstractAttack


class AbstractLocalAttack(AbstractAttack):
    """An attack on models that learn locally: a kernel machine stands in for them."""

    steered: ClassVar[bool] = True

    kernel: str = eqx.field(static=True, default="laplace")
    width: float = eqx.field(static=True, default=1.0)
    l2: float = eqx.field(static=True, default=3e-3)

    def __check_init__(self):
        _ = self._machine  # refuses impossible options

    @property
    def _machine(self) -> Kernel:
        return Kernel(self.kernel, self.width, self.l2)

    def _system(self, clean: Sample):
        """The machine's digest of the clean rows, and the inverse of the system it solves."""
        machine = self._machine
        fixed = machine.digest(clean)
        # Rows of weight 0 are kept apart by a huge penalty of their own, not by a division.
        own = fixed.penalty / jnp.where(clean.w > 0, clean.w, 1e-12)
        inverse: Float[Array, "n n"] = jnp.linalg.inv(
            machine.between(fixed.Z, fixed.Z) + jnp.diag(own)
        )
        return fixed, inverse
