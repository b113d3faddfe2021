"""The harness: a spec becomes cells, cells become poison, poison becomes rows of a table."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .harness import bench as bench
    from .running import Results as Results
    from .running import run as run
    from .spec import Spec as Spec
    from .study import Study as Study

__all__ = ["Results", "Spec", "Study", "bench", "run"]

# Opened when they are first asked for, so that drawing a page does not load JAX.
_PLACES = {
    "bench": ".harness",
    "Results": ".running",
    "run": ".running",
    "Spec": ".spec",
    "Study": ".study",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(importlib.import_module(_PLACES[name], __name__), name)
    return value


def __dir__() -> list[str]:
    return __all__
