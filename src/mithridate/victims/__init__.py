"""Models that are attacked: each can be differentiated through its own training."""

from ._base import AbstractVictim as AbstractVictim
from ._linear import Linear as Linear
from ._mlp import MLP as MLP
from ._ridge import Ridge as Ridge
from ._unrolled import AbstractUnrolled as AbstractUnrolled
