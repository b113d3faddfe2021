"""Models that are attacked: each can be differentiated through its own training."""

from ._cleaned import BayesCleaned as BayesCleaned
from ._fourier import Fourier as Fourier
from ._huberized import Huberized as Huberized
from ._kernel import Kernel as Kernel
from ._linear import Linear as Linear
from ._mlp import MLP as MLP
from ._ridge import Ridge as Ridge
from ._surrogate import AbstractSurrogate as AbstractSurrogate
from ._trimmed import Trimmed as Trimmed
from ._unrolled import AbstractUnrolled as AbstractUnrolled
from .base import AbstractVictim as AbstractVictim
