"""The first table of an Excel workbook as delimited text, which is then read as any other."""

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from .._text import counted, listing, quote
from ..errors import InputError
from .reading import Reading

EXTRA = "mithridate[excel]"


def is_workbook(path: Path) -> bool:
    """Say whether a zip archive is an Excel workbook.

    Parameters
    ----------
    path : path-like
        The archive.

    Returns
    -------
    bool
        Whether it is.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False


def reading(wanted: Reading) -> Reading:
    """Say how the text of a workbook is read: its numbers have no marks of a country.

    Parameters
    ----------
    wanted : Reading
        What a person said of the file.

    Returns
    -------
    Reading
        The same, for text that this room wrote.
    """
    return replace(wanted, delimiter=",", decimal=".", thousands=None, encoding="utf-8")


def as_csv(path: Path, shown: str) -> tuple[pa.Buffer, list[str]]:
    """Write the first sheet that holds a table as CSV.

    Parameters
    ----------
    path : path-like
        The workbook.
    shown : str
        What an error calls it.

    Returns
    -------
    pair of pyarrow.Buffer and list of str
        The text, and a note on sheets beside it.
    """
    try:
        import openpyxl
    except ImportError:
        raise InputError(
            f"The file {shown} is an Excel workbook; pip install '{EXTRA}', or save it as CSV."
        ) from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        sheets = {sheet.title: _rows(sheet) for sheet in book.worksheets}
        book.close()
    except Exception:  # the library raises whatever its parsers meet
        raise InputError(
            f"The file {shown} is no whole Excel workbook; save it anew, or as CSV."
        ) from None
    filled = {title: rows for title, rows in sheets.items() if rows}
    if not filled:
        raise InputError(f"The file {shown} is empty; give a workbook with a header and rows.")
    tables = [title for title, rows in filled.items() if _is_table(rows)] or [*filled]
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(filled[tables[0]])
    return pa.py_buffer(out.getvalue().encode("utf-8", "replace")), _unread(tables, shown)


def _rows(sheet: Any) -> list[list[str]]:
    rows = [[_spelled(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    return rows if any(map(any, rows)) else []


def _is_table(rows: Sequence[Sequence[str]]) -> bool:
    """Whether two rows or more have two cells or more."""
    return sum(sum(map(bool, row)) > 1 for row in rows) > 1


def _unread(tables: Sequence[str], shown: str) -> list[str]:
    if len(tables) < 2:
        return []
    others = listing([quote(title) for title in tables[1:]])
    first = f"since {quote(tables[0])} is the first that holds a table"
    return [f"Set aside in {shown}: {counted(len(tables) - 1, 'sheet')}, {first} ({others})."]


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
