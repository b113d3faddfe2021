"""Tables larger than memory: the linear defenses in passes over files, here or on a cluster."""

from ._door import Cleaned, clean

__all__ = ["Cleaned", "clean"]
