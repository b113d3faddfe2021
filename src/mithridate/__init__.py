"""Mithridate: poisons copies of regression data, shows what would happen, cleans the real data."""

import importlib
from typing import TYPE_CHECKING, Any

from . import _retired

if TYPE_CHECKING:
    from . import attack, bench, cleaning, data, defenses, report
    from ._progress import progress
    from .auditing.audit import Audit, audit
    from .auditing.bound import Bound, bound
    from .auditing.influence import Influence, influence
    from .auditing.poison import poison
    from .cleaning import Cleaned, clean
    from .errors import InputError

__version__ = "0.2.0"
__all__ = [
    "Audit",
    "Bound",
    "Cleaned",
    "Influence",
    "InputError",
    "__version__",
    "attack",
    "audit",
    "bench",
    "bound",
    "clean",
    "cleaning",
    "data",
    "defenses",
    "influence",
    "poison",
    "progress",
    "report",
]

# Opened when they are first asked for, so that importing a defense does not load JAX.
_ROOMS = ("attack", "bench", "cleaning", "data", "defenses", "report")
_PLACES = {
    "Audit": ".auditing.audit",
    "audit": ".auditing.audit",
    "Bound": ".auditing.bound",
    "bound": ".auditing.bound",
    "Influence": ".auditing.influence",
    "influence": ".auditing.influence",
    "poison": ".auditing.poison",
    "Cleaned": ".cleaning",
    "clean": ".cleaning",
    "InputError": ".errors",
    "progress": "._progress",
}
_retired.install()


def __getattr__(name: str) -> Any:
    if name in _ROOMS or name in _retired.MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(importlib.import_module(_PLACES[name], __name__), name)
    return value


def __dir__() -> list[str]:
    return __all__
