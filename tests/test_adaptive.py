"""An attack made for a defense goes through its surrogate, or keeps its score low."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import spearmanr

from mithridate import defenses
from mithridate.attack import risks, victims
from mithridate.attack.sample import Sample
from mithridate.bench import Spec, run
from mithridate.bench.adaptive import adapted
from mithridate.errors import InputError

RIDGE, RESIDUAL = victims.Ridge(l2=0.5), risks.Residual()


# What learns from no row of the table has nothing that poison could go through.
KINDS = [getattr(defenses, name) for name in defenses.__all__]
DEFENSES = {kind.__name__.lower() for kind in KINDS if issubclass(kind, defenses.BaseDefense)}
ATTACKED = sorted(DEFENSES - {"basedefense", "trustedonly"})


@pytest.mark.parametrize("name", ATTACKED)
def test_every_defense_has_an_attack_of_its_own(name):
    victim, risk = adapted(name, RIDGE, RESIDUAL)
    assert isinstance(victim, victims.AbstractVictim)
    assert victim.l2 == 0.5
    assert isinstance(risk, risks.AbstractRisk)


def test_a_surrogate_bears_the_name_of_its_defense():
    assert isinstance(adapted("trim", RIDGE, RESIDUAL)[0], victims.Trimmed)
    assert isinstance(adapted("Huber", RIDGE, RESIDUAL)[0], victims.Huberized)
    assert isinstance(adapted("bayesclean", RIDGE, RESIDUAL)[0], victims.BayesCleaned)


def test_a_score_is_kept_low_where_no_surrogate_is():
    victim, risk = adapted("sever", RIDGE, RESIDUAL)
    assert victim is RIDGE and isinstance(risk, risks.Spectral)
    assert isinstance(adapted("duti", RIDGE, RESIDUAL)[1], risks.Correction)
    assert isinstance(adapted("kolmogorovsmirnov", RIDGE, RESIDUAL)[1], risks.Strangeness)
    for judge in ("tableerrors", "targeterrors"):
        assert isinstance(adapted(judge, RIDGE, RESIDUAL)[1], risks.Unexpected)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("kind", [defenses.Duti, defenses.KolmogorovSmirnov])
def test_the_risk_orders_rows_as_the_score_does(kind):
    """Of rows that are clean but for their targets, those the defense suspects most cost most."""
    rng = np.random.default_rng(0)
    X = rng.random((60, 3))
    y = X @ [1.0, 2.0, -1.0] + 0.2 * rng.normal(size=60)
    off = y[:15] + rng.normal(size=15)
    clean, poison = (
        Sample(jnp.asarray(X[part]), jnp.asarray(target), jnp.ones(len(target)))
        for part, target in ((slice(15, None), y[15:]), (slice(15), off))
    )
    rows = np.append(X[15:], X[:15], axis=0), np.append(y[15:], off)
    scores = kind().fit(*rows, trusted=(X[15:], y[15:])).scores_[45:]
    risk = adapted(kind.__name__, RIDGE, RESIDUAL)[1]

    @jax.jit
    def seen(clean, poison):
        """The risk of each poison row alone, beside all of them in the fit."""
        model, key = victims.Ridge(), jax.random.key(0)
        params = model.fit(model.digest(clean), poison, key)
        facts = risk.digest(clean, model, key)
        one = lambda w: risk.after_training(facts, poison.weighing(w), params)  # noqa: E731
        return jax.vmap(one)(jnp.eye(15))

    assert spearmanr(seen(clean, poison), scores).statistic > 0.8


class Mine(defenses.Huber):
    """A defense of somebody else."""


class MineToo(defenses.Huber):
    """One that brings its surrogate."""

    surrogate = victims.Ridge(l2=7.0)


def test_a_defense_of_anyones_may_bring_its_surrogate():
    assert adapted(f"{__name__}:MineToo", RIDGE, RESIDUAL)[0].l2 == 7.0
    with pytest.raises(InputError, match="give its class a 'surrogate'"):
        adapted(f"{__name__}:Mine", RIDGE, RESIDUAL)


@pytest.mark.parametrize("name", ATTACKED)
def test_through_a_network_the_score_is_kept_low(name):
    network = victims.MLP()
    victim, risk = adapted(name, network, RESIDUAL)
    assert victim is network and type(risk) is not risks.Residual


def test_the_table_says_which_attack_was_made_for_which_defense():
    spec = Spec.of(
        {
            "seeds": 1,
            "ratios": [0.2],
            "data": {"rows": 80},
            "attacks": [{"use": "ascent", "alphas": [1], "against": "sever", "steps": 5}],
            "defenses": [{"use": "sever"}, {"use": "huber"}],
            "judge": "sklearn.linear_model.Ridge",  # no bound is proved of its errors
        }
    )
    rows = [r for r in run(spec).table.to_pylist() if r["ratio"] > 0]
    assert {r["against"] for r in rows} == {"sever"}
    assert {r["defense"]: r["adaptive"] for r in rows} == {
        "none": False, "oracle": False, "sever": True, "huber": False
    }  # fmt: skip
