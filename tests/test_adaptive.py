"""An attack made for a defense goes through its surrogate, or keeps its score low."""

import pytest

from mithridate import defenses
from mithridate.attack import risks, victims
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


class Mine(defenses.Huber):
    """A defense of somebody else."""


class MineToo(defenses.Huber):
    """One that brings its surrogate."""

    surrogate = victims.Ridge(l2=7.0)


def test_a_defense_of_anyones_may_bring_its_surrogate():
    assert adapted(f"{__name__}:MineToo", RIDGE, RESIDUAL)[0].l2 == 7.0
    with pytest.raises(InputError, match="give its class a 'surrogate'"):
        adapted(f"{__name__}:Mine", RIDGE, RESIDUAL)


def test_a_network_has_no_surrogates():
    with pytest.raises(InputError, match="take ridge as the victim"):
        adapted("trim", victims.MLP(), RESIDUAL)


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
