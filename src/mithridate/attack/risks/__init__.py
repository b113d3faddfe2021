"""Measures of how visible poison is, each as one kind of defense sees it."""

from ._correction import Correction as Correction
from ._difference import Difference as Difference
from ._gap import Gap as Gap
from ._mahalanobis import Mahalanobis as Mahalanobis
from ._neighbor import Neighbor as Neighbor
from ._predictive import Predictive as Predictive
from ._residual import Residual as Residual
from ._spectral import Spectral as Spectral
from ._strangeness import Strangeness as Strangeness
from ._unexpected import Unexpected as Unexpected
from ._weighted import Weighted as Weighted
from .base import AbstractRisk as AbstractRisk
