"""What is written of a file has its own bytes: encoding, marks, quotes, line ends."""

import csv
import io
import itertools
from pathlib import Path

import numpy as np
import pytest

import mithridate
from mithridate.data import open, verbatim
from mithridate.tables import read

N = 12
CELLS = [
    [f"naïve {i}" if i % 3 else "", f"{i * 7 % 5},{i}", f"{1000 + i * 37 % 11}"] for i in range(N)
]
ENCODINGS = ["utf-8", "utf-8-sig", "cp1252", "utf-16"]
QUOTINGS = [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]
DIALECTS = list(itertools.product(ENCODINGS, ";\t|", QUOTINGS, ["\n", "\r\n", "\r"]))


def spelled(dialect: tuple, rows: list[list[str]], end: bool = True) -> bytes:
    encoding, delimiter, quoting, line_end = dialect
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=line_end)
    writer.writerows([["Größe", "a", "y"], *rows])
    text = out.getvalue()
    return (text if end else text.removesuffix(line_end)).encode(encoding)


def copied(path: Path, mask: np.ndarray) -> bytes:
    found = verbatim(path, len(mask))
    return b"".join(piece for piece, _ in found.copied(mask))


def test_rows_are_copied_in_every_dialect(tmp_path):
    mask = np.arange(N) % 4 != 1
    for i, dialect in enumerate(DIALECTS):
        path = tmp_path / f"{i}.csv"
        path.write_bytes(spelled(dialect, CELLS))
        assert copied(path, np.ones(N, dtype=bool)) == path.read_bytes(), dialect
        some = [row for row, keep in zip(CELLS, mask, strict=True) if keep]
        assert copied(path, mask) == spelled(dialect, some), dialect


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\na;y\n1;2\n\n3;4\n5;6",
        "Report of May\n\nid,a,y\n1,2,3\n2,3,4\n3,4,5\n4,5,7\n",
        'a,b,y\n1,"two\nlines, and ""quotes""",3\n2,x,4\n3,x,5\n',
        "a,b,y\n1,2\n2,3,4\n3,4,5\n5,6,7,\n",
        "a b   y\n1  2 3\n2 3   4\n 3 4 5\n",
    ],
)
def test_what_stands_around_and_in_the_rows_is_kept(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_text(text)
    opened = open(path)
    n = opened.frame.num_rows + len(opened.account.aside)
    assert copied(path, np.ones(n, dtype=bool)) == path.read_bytes()


def test_a_file_with_a_stray_quote_is_spelled_anew(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('a,b,y\n1,5" pipe,3\n2,x,4\n3,y,5\n4,z,6\n')
    assert copied(path, np.array([True, True, False, True])) == (
        b'a,b,y\n1,"5"" pipe",3\n2,x,4\n4,z,6\n'
    )


def test_a_row_that_a_spreadsheet_executes_is_defused_and_the_others_stay(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('"a";"b";"y"\r\n"1";"x";"3"\r\n"2";"=cmd|\'/c\'!A1";"4"\r\n')
    made = b"".join(piece for piece, _ in verbatim(path, 2).copied(np.ones(2, dtype=bool)))
    assert made == path.read_bytes().replace(b'"=cmd', b"\"'=cmd")


def test_the_quarantine_has_the_marks_of_the_file(tmp_path):
    rng = np.random.default_rng(0)
    a = rng.normal(50, 10, 60)
    y = 3 * a + rng.normal(0, 1, 60)
    y[7] += 900
    rows = [[f"{p:.2f}", f"{q:.2f}"] for p, q in zip(a, y, strict=True)]
    text = "\n".join([f"größe;{'umsatz €'}", *(";".join(row).replace(".", ",") for row in rows)])
    (tmp_path / "t.csv").write_bytes(text.replace("\n", "\r\n").encode("cp1252"))
    found = mithridate.clean(tmp_path / "t.csv", target="umsatz €", defense="antidote")
    found.write(tmp_path / "o.csv")
    gone = (tmp_path / "o.quarantine.csv").read_bytes().decode("cp1252")
    assert "\r\n" in gone
    row = dict(zip(*[line.split(";") for line in gone.split("\r\n")[:2]], strict=True))
    assert row["mithridate_row"] == "8"
    assert "," in row["mithridate_score"]
    assert " sd above" in row["mithridate_reason"]
    assert mithridate.data.open(tmp_path / "o.quarantine.csv").columns["größe"].to_pylist()[0] < 90


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("a,y\n1,2\n", True),
        ('"a","y"\n"x",2\n"z""z",3\n', True),
        ('a,y\n"x\nx",2\n', False),
        ('a,y\n"x\rx",2\n', False),
        ('a,y\n5" pipe,2\nx,3\n', False),
        ('a,y\nx,3\n5" pipe,2', False),
    ],
)
def test_a_file_whose_cells_hold_no_line_ends_is_known(tmp_path, monkeypatch, text, whole):
    monkeypatch.setattr(read, "SCANNED", 3)
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode())
    assert read.Text(path, "").has_whole_lines('"', 4) is whole
