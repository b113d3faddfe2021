"""Mithridate: poisons copies of regression data, shows what would happen, cleans the real data."""

import importlib
from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "audit", "clean", "poison"]

PARTS = ("attacks", "bench", "bigtable", "datasets", "defenses", "report", "risks", "victims")
DOORS = {"audit": "._audit", "clean": "._clean", "poison": "._poison"}


def __getattr__(name: str) -> Any:
    # Lazily, so that importing a defense does not load JAX.
    if name in PARTS:
        return importlib.import_module(f".{name}", __name__)
    if name not in DOORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = getattr(importlib.import_module(DOORS[name], __name__), name)
    return found
