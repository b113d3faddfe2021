"""Mithridate: poisons copies of regression data, shows what would happen, cleans the real data."""

from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "audit"]


def __getattr__(name: str) -> Any:
    # Lazily, so that importing a defense does not load JAX.
    if name == "audit":
        from ._audit import audit

        globals()["audit"] = audit
        return audit
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
