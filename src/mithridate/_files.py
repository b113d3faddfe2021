"""Files written whole or not at all, and folders that are checked before the work."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import InputError


@contextmanager
def whole(path: Path, *, shared: bool = True) -> Iterator[Path]:
    """A temporary file beside `path`, which replaces it when it was filled without an error.

    Where several processes may write the same file (`shared`) each fills one of its own. Else there
    is one, so that what a killed run left is overwritten by the next.
    """
    temporary = path.with_name(f".{path.name}.new")
    if shared:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        temporary = Path(name)
        temporary.chmod(0o666 & ~_umask())
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Lets `write` fill a file of `whole`: all or nothing."""
    with whole(path) as temporary:
        write(temporary)


@contextmanager
def together(folder: Path) -> Iterator[Path]:
    """A folder to be filled, whose files go into `folder` if nothing went wrong: all or none."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=folder, prefix=".new-"))
    except OSError as error:
        raise unwritable(folder, error) from None
    try:
        yield fresh
        for made in (files := sorted(fresh.iterdir())):
            if (folder / made.name).is_dir():
                raise IsADirectoryError(21, f"{made.name} is a folder there")
        for made in files:
            made.replace(folder / made.name)
    except OSError as error:
        raise unwritable(folder, error) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


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
