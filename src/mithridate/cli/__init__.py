"""The command line: parses, calls, prints; the work is done elsewhere."""

from .app import main

__all__ = ["main"]
