"""The model that poison is judged on: a trained estimator with the interface of scikit-learn."""

import ast
import re
from typing import Any

from sklearn.base import BaseEstimator, is_regressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .. import defenses
from .._lookup import build, made
from .._text import listing, quote
from ..attack import victims
from ..errors import InputError
from ..tables.encoded import Encoded, Split
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
_NEEDS_SCALING = ("knn", "svr")  # those that need features, and a target, of one scale
# Losses of the ratio of a target and its prediction.
_RATIO_LOSSES = ("poisson", "gamma", "tweedie")
# name(parameter=value)
_NAME_AND_PARAMETERS = re.compile(r"^\s*([\w.]+)\s*(?:\((.*)\))?\s*$", re.DOTALL)


def judge(spec: Spec) -> tuple[str, Any]:
    """Name and estimator of the model that is trained on what a defense keeps.

    That is the victim's own kind, trained to convergence, unless the spec names another regressor
    as `package.module.Class` or by a short name of `REGRESSORS`: then the attack goes through the
    victim as a surrogate.

    Parameters
    ----------
    spec : Spec
        The spec.

    Returns
    -------
    tuple of str and estimator
        Its name, and the estimator, not fitted.

    Raises
    ------
    InputError
        If it names none.

    Examples
    --------
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
    """Tell whether a model is named that no attack goes through: a regressor to be trained.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    bool
        Whether it is one.

    Examples
    --------
    >>> names_regressor("hgb"), names_regressor("sklearn.svm.SVR"), names_regressor("ridge")
    (True, True, False)
    """
    match = _NAME_AND_PARAMETERS.match(name)
    return bool(match) and (match[1].lower() in REGRESSORS or "." in match[1])


def split_for(table: Encoded, spec: Spec, seed: int) -> Split:
    """The split of a table for a spec; under a loss of ratios the target keeps its zero."""
    ratios = spec.judge is not None and takes_ratios(judge(spec)[1])
    return table.split(seed, spec.data.rows, spec.data.scaled, zero=ratios)


def takes_ratios(model: Any) -> bool:
    """Whether the loss of a regressor is of ratios, so that it needs targets above 0.

    >>> takes_ratios(_imported("hgb")), takes_ratios(_imported("hgb(loss=poisson)"))
    (False, True)
    """
    params = model.get_params()
    names = [*map(params.get, ("loss", "criterion", "objective")), type(model).__name__]
    return any(loss in str(name).lower() for name in names for loss in _RATIO_LOSSES)


def parameters(text: str) -> tuple[str, dict[str, Any]]:
    """The name of a regressor, and its parameters if they are given behind it.

    >>> parameters("hgb(loss=quantile, quantile=0.9)")
    ('hgb', {'loss': 'quantile', 'quantile': 0.9})
    """
    match = _NAME_AND_PARAMETERS.match(text)
    if match is None or not match[2]:
        return (match[1] if match else text), {}
    wrong = InputError(
        f"The parameters in {quote(text)} cannot be read; write them like "
        "hgb(loss=poisson, max_iter=200)."
    )
    try:
        call = ast.parse(f"f({match[2]})", mode="eval").body
        pairs = getattr(call, "keywords", [])
        values = {one.arg: _value(one.value) for one in pairs if one.arg}
    except (SyntaxError, ValueError):
        raise wrong from None
    if getattr(call, "args", [call]) or len(values) < len(pairs):
        raise wrong
    return match[1], values


def _value(node: ast.expr) -> Any:
    """A number, a word with or without quotes, or a list of them."""
    return node.id if isinstance(node, ast.Name) else ast.literal_eval(node)


def _imported(text: str) -> Any:
    name, given = parameters(text)
    path = REGRESSORS.get(name.lower(), name)
    estimator = made(path, "judge", "sklearn.ensemble.HistGradientBoostingRegressor")
    if not (isinstance(estimator, BaseEstimator) and is_regressor(estimator)):
        raise InputError(
            f"The judge {name!r} is no regressor of scikit-learn's kind; give a class of "
            "RegressorMixin and BaseEstimator."
        )
    known, defaults = estimator.get_params(), {"random_state": 0, "n_jobs": 1, "verbosity": 0}
    # One seed, so that figures repeat; one core, since workers share the cores already.
    unknown = [key for key in given if key not in known]
    if unknown:
        raise InputError(
            f"The regressor {name!r} has no parameter {quote(unknown[0])}; it has "
            f"{listing(sorted(known))}."
        )
    applicable = {key: value for key, value in defaults.items() if key in known}
    estimator.set_params(**applicable | given)
    if name.lower() not in _NEEDS_SCALING:
        return estimator
    pipeline = make_pipeline(StandardScaler(), estimator)
    return TransformedTargetRegressor(pipeline, transformer=StandardScaler())
