"""Models that are attacked: each can be differentiated through its own training."""

from ._base import AbstractVictim as AbstractVictim
from ._ridge import Ridge as Ridge
