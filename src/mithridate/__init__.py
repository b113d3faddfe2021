"""Mithridate: poisoning and cleaning of regression data."""

__version__ = "0.1.0"
