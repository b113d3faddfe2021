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

# Short names of the regressors that are trained most; each stands for its class.
REGRESSORS = {
    "hgb": "sklearn.ensemble.HistGradientBoostingRegressor",
    "forest": "sklearn.ensemble.RandomForestRegressor",
    "knn": "sklearn.neighbors.KNeighborsRegressor",
    "svr": "sklearn.svm.SVR",
    "lightgbm": "lightgbm.LGBMRegressor",
    "xgboost": "xgboost.XGBRegressor",
}
SCALED = ("knn", "svr")  # those that need features, and a target, of one scale


def judge(spec: Spec) -> tuple[str, Any]:
    """Name and estimator of the model that is trained on what a defense keeps.

    That is the victim's own kind, trained to convergence, unless the spec names another regressor
    as `package.module.Class` or by a short name of `REGRESSORS`: then the attack goes through the
    victim as a surrogate.

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


def names_regressor(name: str) -> bool:
    """Whether a model is named that no attack goes through: a regressor to be trained.

    >>> names_regressor("hgb"), names_regressor("sklearn.svm.SVR"), names_regressor("ridge")
    (True, True, False)
    """
    return name.lower() in REGRESSORS or ("." in name and ":" not in name)


def _imported(name: str) -> Any:
    path = REGRESSORS.get(name.lower(), name)
    estimator = made(path, "judge", "sklearn.ensemble.HistGradientBoostingRegressor")
    if not is_regressor(estimator):
        raise InputError(f"The judge {name!r} is not a regressor; give one.")
    known, one_core = estimator.get_params(), {"random_state": 0, "n_jobs": 1, "verbosity": 0}
    # The same table twice; workers side by side share the cores already.
    estimator.set_params(**{key: value for key, value in one_core.items() if key in known})
    if name.lower() not in SCALED:
        return estimator
    pipeline = make_pipeline(StandardScaler(), estimator)
    return TransformedTargetRegressor(pipeline, transformer=StandardScaler())
