"""Defenses against poisoned training rows, as scikit-learn regressors; none of them loads JAX."""

from ._base import BaseDefense as BaseDefense
from ._bayesclean import BayesClean as BayesClean
from ._huber import Huber as Huber
from ._ridge import Ridge as Ridge
from ._trim import Trim as Trim

__all__ = ["BaseDefense", "BayesClean", "Huber", "Ridge", "Trim"]
