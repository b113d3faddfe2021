"""Files written whole or not at all, and folders tried before the work."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import InputError


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Lets `write` fill a temporary file beside `path`, then renames it: all or nothing."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def unwritable(folder: Path, error: OSError) -> InputError:
    """The sentence for an output folder that cannot be written."""
    reason = (error.strerror or str(error)).lower()
    return InputError(
        f"The output folder {str(folder)!r} cannot be written ({reason}); give another one."
    )


def check_folder(folder: Path) -> None:
    """Refuses an output folder before the work, not after it; creates nothing."""
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise unwritable(folder, error) from None
