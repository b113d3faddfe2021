"""The results of a run so far, so that a stopped run continues at the pass it was in."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .._files import whole


class Journal:
    """The results of the passes in their order, in a small JSON file; None keeps them nowhere.

    A run does the same passes each time, so the k-th result is that of the k-th pass. Results are
    used only under the same `key`.

    Parameters
    ----------
    path : path, optional
        The file; None keeps the results nowhere.
    key : str
        What the run depends on, as `key_of` says it; what is kept under another is not believed.
    """

    def __init__(self, path: Path | None, key: str):
        self.path, self.key = path, key
        self.steps: list[tuple[str, Any]] = []
        self.asked = 0
        if path is not None and path.exists():
            try:
                state = json.loads(path.read_text())
                self.steps = state["steps"] if state["key"] == key else []
            except (ValueError, KeyError):  # another file, or one of another version
                self.steps = []

    @property
    def resumed(self) -> int:
        """Passes that need not be done again."""
        return len(self.steps)

    def step(self, what: str, compute: Callable[[], Any]) -> Any:
        """Give the result of the next pass, computed if it was not before.

        Parameters
        ----------
        what : str
            The pass, in words.
        compute : callable
            Does it.

        Returns
        -------
        object
            Its result.
        """
        self.asked += 1
        if self.asked <= len(self.steps) and self.steps[self.asked - 1][0] == what:
            return _unpacked(self.steps[self.asked - 1][1])
        result = compute()
        self.steps = [*self.steps[: self.asked - 1], (what, _packed(result))]
        if self.path is not None:
            with whole(self.path, shared=False) as fresh:
                fresh.write_text(json.dumps({"key": self.key, "steps": self.steps}))
        return result

    def forget(self) -> None:
        """Remove the file: nothing can be resumed any more."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def key_of(*parts: Any) -> str:
    """Hash what a run depends on.

    Parameters
    ----------
    *parts : object
        All of it, such as JSON or `str` can say.

    Returns
    -------
    str
        The hash.
    """
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def _packed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    if isinstance(value, dict):
        return {"dict": [[k, _packed(v)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        return [_packed(v) for v in value]
    return value.item() if isinstance(value, np.generic) else value


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_unpacked(v) for v in value)
    if isinstance(value, dict) and "array" in value:
        return np.array(value["array"], dtype=value["dtype"])
    if isinstance(value, dict):
        return {k: _unpacked(v) for k, v in value["dict"]}
    return value
