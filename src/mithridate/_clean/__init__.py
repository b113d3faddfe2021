"""The door of a person with a table: which rows to keep, which to look at, and why."""

from ._door import Cleaned, clean

__all__ = ["Cleaned", "clean"]
