"""The first sheet of an Excel workbook as delimited text, which is then read as any other."""

import csv
import io
import zipfile
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..errors import InputError
from .reading import Reading

EXTRA = "mithridate[excel]"


def is_workbook(path: Path) -> bool:
    """Whether a zip archive is an Excel workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False


def reading(wanted: Reading) -> Reading:
    """How the text of a workbook is read: its numbers have no marks of a country."""
    return replace(wanted, delimiter=",", decimal=".", thousands=None, encoding="utf-8")


def as_csv(path: Path, shown: str) -> pa.Buffer:
    """The first sheet that holds rows, as CSV."""
    try:
        import openpyxl
    except ImportError:
        raise InputError(
            f"The file {shown} is an Excel workbook; pip install '{EXTRA}', or save it as CSV."
        ) from None
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        sheet = next(
            (s for s in book.worksheets if any(map(any, s.iter_rows(values_only=True)))), None
        )
        for row in sheet.iter_rows(values_only=True) if sheet is not None else ():
            writer.writerow([_spelled(cell) for cell in row])
        book.close()
    except Exception:  # the library raises whatever its parsers meet
        raise InputError(
            f"The file {shown} is no whole Excel workbook; save it anew, or as CSV."
        ) from None
    text = out.getvalue()
    if not text.strip(", \n"):
        raise InputError(f"The file {shown} is empty; give a workbook with a header and rows.")
    return pa.py_buffer(text.encode("utf-8", "replace"))


def _spelled(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        plain = cell.time() == datetime.min.time()
        return cell.date().isoformat() if plain else cell.isoformat(sep=" ")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    return str(cell)
