"""What an attacker may fear: measures of how visible poison is."""

from ._base import AbstractRisk as AbstractRisk
from ._residual import Residual as Residual
