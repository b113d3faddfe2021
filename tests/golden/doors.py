"""All that the golden tests know of the library: its two Python doors and its command line."""

import contextlib
import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import mithridate
from mithridate import cli


def clean(data: Any, **how: Any) -> Any:
    """Cleans a frame or file in memory."""
    return mithridate.clean(data, **how)


def clean_in_passes(path: str | Path, **how: Any) -> Any:
    """Cleans a folder in passes, or a file by way of a folder that holds nothing else."""
    if Path(path).is_dir():
        return mithridate.clean(path, **how)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(path, folder)
        return mithridate.clean(folder, **how)


def command(*words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `mithridate clean`, in this process."""
    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["mithridate", "clean", *words]
    code: Any = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                cli.main()
            except SystemExit as stop:
                code = stop.code or 0
    finally:
        sys.argv = before
    return code, out.getvalue(), err.getvalue()
