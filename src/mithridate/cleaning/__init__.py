"""Cleaning a table: which rows to keep, which to look at, and why."""

from .door import clean, in_passes
from .result import Cleaned

__all__ = ["Cleaned", "clean", "in_passes"]
