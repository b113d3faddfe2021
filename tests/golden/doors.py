"""All that the golden tests know of the library: its two Python doors and its command line."""

import contextlib
import io
import sys
from pathlib import Path
from typing import Any

import mithridate
from mithridate import cli


def clean(data: Any, **how: Any) -> Any:
    """Cleans a frame or file in memory."""
    return mithridate.clean(data, **how)


def clean_in_passes(path: str | Path, **how: Any) -> Any:
    """Cleans a file or folder in passes."""
    return mithridate.cleaning.streamed.clean(path, **how)


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
