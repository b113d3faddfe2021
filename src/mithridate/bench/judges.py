"""The real model that poison is judged on: a trained one, in scikit-learn's clothes."""

from typing import Any

from sklearn.base import is_regressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .. import defenses
from .._lookup import build, made
from ..attack import victims
from ..errors import InputError
from .kernel import KernelRegression
from .spec import Spec


def judge(spec: Spec) -> tuple[str, Any]:
    """Name and estimator of the model that is trained on what a defense keeps.

    That is the victim's own kind, trained to convergence, unless the spec names another regressor
    as `package.module.Class`: then the attack goes through the victim as a surrogate.

    >>> judge(Spec())
    ('ridge', Ridge())
    """
    if spec.judge is not None:
        return spec.judge, _imported(spec.judge)
    victim = build(spec.victim.use, spec.victim.options, victims, victims.AbstractVictim)
    if isinstance(victim, victims.MLP):
        return spec.victim.use, _network(victim)
    if isinstance(victim, victims.Kernel | victims.Fourier):
        return spec.victim.use, KernelRegression(victim.kernel, victim.width, victim.l2)
    l2 = getattr(victim, "l2", None)
    if l2 is None:
        raise InputError(
            f"No trained counterpart of {spec.victim.use!r} is known; name a scikit-learn "
            "regressor as the judge."
        )
    return spec.victim.use, defenses.Ridge(l2)


def _network(victim: victims.MLP) -> Any:
    """The same network, trained by L-BFGS on standardized data as a careful user would."""
    network = MLPRegressor(
        hidden_layer_sizes=victim.widths,
        activation=victim.activation,
        solver="lbfgs",
        alpha=10.0,  # strong: a network on a few hundred rows otherwise fits their noise
        max_iter=500,
        random_state=0,
    )
    pipeline = make_pipeline(StandardScaler(), network)
    return TransformedTargetRegressor(pipeline, transformer=StandardScaler())


def _imported(path: str) -> Any:
    estimator = made(path, "judge", "sklearn.ensemble.HistGradientBoostingRegressor")
    if not is_regressor(estimator):
        raise InputError(f"The judge {path!r} is not a regressor; give one.")
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=0)  # the same table twice
    return estimator
