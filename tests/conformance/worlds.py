"""Small made-up problems on which every abstraction is tested."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from mithridate.attack.objective import Incremental, Problem, Reference, Terms
from mithridate.attack.risks import Residual
from mithridate.attack.sample import Sample
from mithridate.attack.threat import ThreatModel, edges
from mithridate.attack.victims import Ridge


def sample(n=40, seed=0):
    """Rows with two numbers, a whole number, and categories without and with a reference."""
    rng = np.random.default_rng(seed)
    number = rng.uniform(size=(n, 2))
    whole = rng.integers(0, 5, size=(n, 1)) / 4
    three = np.eye(3)[rng.integers(0, 3, size=n)]
    two = np.eye(3)[rng.integers(0, 3, size=n)][:, :2]
    X = np.concatenate([number, whole, three, two], axis=1)
    y = X @ np.linspace(0.2, 0.6, X.shape[1]) + 0.1 * rng.normal(size=n)
    return Sample(jnp.asarray(X), jnp.asarray(y), jnp.ones(n))


def threat(clean, ratios=(0.1, 0.2, 0.3), **more):
    """The box, lattice and groups of `sample`; `more` fields of the threat model."""
    step = jnp.array([0, 0, 0.25, 1, 1, 1, 1, 1, 0], dtype=clean.y.dtype)
    member = np.zeros((2, 8), bool)
    member[0, 3:6] = member[1, 6:8] = True
    optional = jnp.array([False, True])
    given = {"step": step, "member": jnp.asarray(member), "optional": optional, **more}
    cuts = edges(clean.y.shape[0], ratios, more.get("replaces", False))
    return ThreatModel.around(clean, cuts, **given)


def problem(victim=None, risk=None, normalizer=None, ratios=(0.1, 0.2, 0.3), n=40, **more):
    """A whole problem at alpha = 1."""
    parts = victim or Ridge(1e-3), risk or Residual(), normalizer or Incremental()
    more = {name: jnp.asarray(v) if isinstance(v, np.ndarray) else v for name, v in more.items()}
    others = more.pop("others", None)
    return _posed(sample(n), sample(n, seed=1), others, parts, tuple(ratios), more)


@eqx.filter_jit  # one program for seventy, which take seconds to make
def _posed(clean, aimed, others, parts, ratios, more):
    victim, risk, normalizer = parts
    world, key = threat(clean, ratios, **more), jax.random.key(0)
    return Problem.of(clean, aimed, victim, world, risk, normalizer, key=key, others=others)


def reference(untouched=(0.2, 0.0), previous=(0.3, 0.5), extreme=(0.9, 40.0)):
    """Anchors that do not coincide."""
    return Reference(*(Terms(*map(jnp.asarray, t)) for t in (untouched, previous, extreme)))


def exported(module, base):
    """Concrete classes that a module exports, with their defaults."""
    import inspect

    found = [c for c in vars(module).values() if inspect.isclass(c) and issubclass(c, base)]
    return [c() for c in found if not inspect.isabstract(c)]


def name(thing) -> str:
    """Class name, for test ids."""
    return type(thing).__name__
