"""Delimited text: cells as a file spells them, none that a spreadsheet would execute."""

# pyright: reportAttributeAccessIssue=false
# (Arrow makes its compute functions at import, where a type checker cannot see them.)

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._text import quote
from ..errors import InputError
from .frame import columns_of, opened
from .layout import BLANK, UNQUOTED
from .reading import Layout

BLOCK = 1 << 16  # rows formatted at a time
# What a spreadsheet executes when a cell starts so.
ACTIVE = r"^[=+\-@\t\r]"
NUMBER = r"[+-]?(?:\d[\d.,' ]*|[.,]\d+)(?:e[+-]?\d+)?%?"
# Numbers, lone signs, and formulas that are one word in quotes and so compute nothing.
HARMLESS = rf'^(?i:{NUMBER}|[+-](?:inf|infinity|nan)|[+-]+|="[^"]*")$'
WORDS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
LACKING = {"σ": "sd", "×": "x", "…": "...", "≥": ">=", "≤": "<="}  # what old codecs do not have


@dataclass(frozen=True)
class CellStyle:
    """How cells are written: as those of a file, or as plain CSV.

    Parameters
    ----------
    delimiter : str
        What stands between cells.
    quote : str
        What stands around them.
    decimal : str
        The mark of numbers that are written anew.
    line_end : str
        What ends a line.
    encoding : str
        How text is encoded.
    bom : bytes
        The byte order mark.
    quoted : frozenset of str
        Columns whose cells are always quoted.
    names_quoted : bool
        Whether names are quoted.
    all_quoted : bool
        Whether everything is quoted.
    """

    delimiter: str = ","
    quote: str = '"'
    decimal: str = "."
    line_end: str = "\n"
    encoding: str = "utf-8"
    bom: bytes = b""
    quoted: frozenset[str] = frozenset()
    names_quoted: bool = False
    all_quoted: bool = False

    @classmethod
    def of(cls, layout: Layout, bom: bytes = b"") -> "CellStyle":
        """Take the style of a file.

        Parameters
        ----------
        layout : Layout
            How it is laid out.
        bom : bytes
            Its byte order mark.

        Returns
        -------
        CellStyle
            The style.
        """
        return cls(
            "\t" if layout.delimiter == BLANK else layout.delimiter,
            '"' if layout.quote == UNQUOTED else layout.quote,
            layout.marks.decimal,
            layout.line_end,
            layout.encoding,
            bom,
            frozenset(layout.quoted),
            layout.names_quoted,
            len(layout.quoted) == len(layout.names),
        )

    def quotes(self, name: str) -> bool:
        """Say whether the cells of a column are quoted.

        Parameters
        ----------
        name : str
            The column.

        Returns
        -------
        bool
            Whether they are.
        """
        return self.all_quoted or name in self.quoted

    def encoded(self, text: bytes) -> bytes:
        """Encode text for the file; what its codec does not hold is spelled in other words.

        Parameters
        ----------
        text : bytes
            The text, in UTF-8.

        Returns
        -------
        bytes
            The text.
        """
        if self.encoding == "utf-8":
            return text
        plain = text.decode()
        try:
            return plain.encode(self.encoding)
        except UnicodeEncodeError:
            for character, instead in LACKING.items():
                plain = plain.replace(character, instead)
            return plain.encode(self.encoding, "replace")


PLAIN = CellStyle()


def delimited(
    frame: Any, style: CellStyle = PLAIN, header: bool = True
) -> Iterator[tuple[bytes, int]]:
    """Write a frame as bytes, piece by piece.

    Parameters
    ----------
    frame : frame
        The frame.
    style : CellStyle
        How its cells are written.
    header : bool
        Whether the names come first.

    Yields
    ------
    pair of bytes and int
        The pieces, each with the number of cells that were defused.
    """
    # The caller has handled a frame without rows, which `opened` would refuse.
    shown = columns_of(opened(frame, "table").to_native(), "table")
    names, columns = list(shown), list(shown.values())
    if header:
        cells, defused = _defused(pa.array(names, pa.large_string()))
        quoted = [style.names_quoted or style.all_quoted] * len(names)
        first = _lines((cells.slice(i, 1) for i in range(len(names))), quoted, style)
        yield style.bom + style.encoded(first), defused
    quoted = [style.quotes(name) for name in names]
    for start in range(0, len(columns[0]), BLOCK):
        cells, defused = [], 0
        for name, column in zip(names, columns, strict=True):
            text, count = spelled(column.slice(start, BLOCK), name, style.decimal)
            cells.append(text)
            defused += count
        yield style.encoded(_lines(cells, quoted, style)), defused


def active_rows(rows: pa.Table) -> np.ndarray:
    """Find rows of text that hold a cell which a spreadsheet would execute.

    Parameters
    ----------
    rows : pyarrow.Table
        The rows.

    Returns
    -------
    array of bool, shape (n,)
        Whether each does.
    """
    mask = np.zeros(rows.num_rows, dtype=bool)
    for column in rows.columns:
        active = pc.match_substring_regex(column, ACTIVE)
        if pc.any(active, min_count=0).as_py():
            active = pc.and_(active, pc.invert(pc.match_substring_regex(column, HARMLESS)))
            mask |= pc.fill_null(active, False).to_numpy()
    return mask


def spelled(column: pa.ChunkedArray, name: str, decimal: str = ".") -> tuple[pa.Array, int]:
    """Write the cells of a column as text without nulls.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        The column.
    name : str
        Its name.
    decimal : str
        The mark of decimals.

    Returns
    -------
    pair of pyarrow.Array and int
        The text, and how many cells were defused.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    try:
        text = column.cast(pa.large_string()).combine_chunks()
    except (pa.ArrowException, NotImplementedError):
        raise InputError(
            f"The column {quote(name)} is of type {kind}, which CSV cannot hold; give an output "
            "that ends in .parquet."
        ) from None
    if isinstance(text, pa.ChunkedArray):  # of no chunks
        text = pa.concat_arrays(text.chunks) if text.num_chunks else pa.array([], text.type)
    if pa.types.is_floating(kind):
        text = pc.replace_substring_regex(text, r"^nan$", "")
        text = pc.replace_substring_regex(text, r"^(-?\d+)$", r"\1.0")  # a float stays a float
        text = pc.replace_substring(text, ".", decimal) if decimal != "." else text
    text = text.fill_null("")
    return _defused(text) if any(is_text(kind) for is_text in WORDS) else (text, 0)


def _defused(text: pa.Array) -> tuple[pa.Array, int]:
    active = pc.match_substring_regex(text, ACTIVE)
    if not pc.any(active, min_count=0).as_py():
        return text, 0
    active = pc.and_(active, pc.invert(pc.match_substring_regex(text, HARMLESS)))
    return pc.if_else(active, _around(text, "'", ""), text), pc.sum(active).as_py() or 0


def _lines(cells: Iterable[pa.Array], quoted: Sequence[bool], style: CellStyle) -> bytes:
    """Rows of delimited text: cells that hold a quote, a delimiter or a line end are quoted."""
    made = [_quoted(column, always, style) for column, always in zip(cells, quoted, strict=True)]
    rows = pc.binary_join_element_wise(*made, _word(style.delimiter))
    ended = _around(rows, "", style.line_end)
    end = int(np.frombuffer(ended.buffers()[1], dtype=np.int64)[ended.offset + len(ended)])
    return ended.buffers()[2].slice(0, end).to_pybytes()


def _quoted(text: pa.Array, always: bool, style: CellStyle) -> pa.Array:
    mark = style.quote
    special = pc.match_substring_regex(text, f"[{mark}\\r\\n\\x{{{ord(style.delimiter):x}}}]")
    if always:
        special = pa.array(np.ones(len(text), bool)) if style.all_quoted else pc.not_equal(text, "")
    if not pc.any(special, min_count=0).as_py():
        return text
    doubled = pc.replace_substring(text, mark, 2 * mark)
    return pc.if_else(special, _around(doubled, mark, mark), text)


def _around(text: pa.Array, before: str, after: str) -> pa.Array:
    return pc.binary_join_element_wise(_word(before), text, _word(after), _word(""))


def _word(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())
