"""The runs of the reference attack on house prices, where they are beside the repository."""

import csv

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mithridate.attack.objective import Problem, Raw
from mithridate.attack.risks import Residual
from mithridate.attack.sample import Sample
from mithridate.attack.threat import ThreatModel
from mithridate.attack.victims import Ridge

KEY = jax.random.key(3)
COUNTS = (13, 26, 41, 57, 75)
PENALTY = 0.1  # on the summed loss


class House:
    """A run of the reference: its rows, its box, its one-hot groups."""

    def __init__(self, arrays, member):
        d = member.shape[1]
        self.arrays = arrays
        self.clean, self.test = self.rows("trn"), self.rows("tst")
        box = {"lower": jnp.zeros(d + 1), "upper": jnp.ones(d + 1)}
        groups = {"member": jnp.asarray(member), "optional": jnp.ones(len(member), bool)}
        threat = ThreatModel.around(self.clean, (0, COUNTS[-1]), **box, **groups)
        victim = Ridge(jnp.asarray(PENALTY / len(self.clean.y)))
        parts = victim, threat, Residual(), Raw()
        self.problem = Problem.of(self.clean, self.rows("vld"), *parts, key=KEY)

    def rows(self, before, after=""):
        X, y = (jnp.asarray(self.arrays[f"{before}{end}{after}"]) for end in "xy")
        return Sample(X, y, jnp.ones(len(y)))

    def start(self, count):
        return self.rows("p", f"0_{count}")

    def end(self, count):
        return self.rows("p", f"_{count}")

    def at(self, count):
        """The problem with the penalty that the reference has beside that many poison rows."""
        l2 = jnp.asarray(PENALTY / (len(self.clean.y) + count))
        return eqx.tree_at(lambda p: p.victim.l2, self.problem, l2)

    def mse(self, poison, count):
        problem = self.at(count)
        fixed = problem.victim.digest(problem.clean)
        params = problem.victim.fit(fixed, poison, KEY)
        return float(problem.victim.loss(params, problem.victim.digest(self.test)))


def read(shared, init, feasible=True):
    """The run that started so, its categories free if not `feasible`; skips where it is absent."""
    run, table = shared / f"peers/manipml_house_ridge_{init}.npz", shared / "data/house_manipml.csv"
    for path in (run, table):
        if not path.is_file():
            pytest.skip(f"there is no {path.name} beside the repository")
    with table.open() as file:
        stems = [column.partition(":") for column in next(csv.reader(file))[1:]]
    groups = sorted({stem for stem, colon, _ in stems if colon})
    member = [[stem == group and bool(colon) for stem, colon, _ in stems] for group in groups]
    return House(np.load(run), np.array(member)[: None if feasible else 0])
