"""Tables in the dialects that people write: what they hold is read, and what was done is said."""

import itertools
import random
from pathlib import Path

import numpy as np
import pytest

from mithridate.data.load import open as open_table
from mithridate.errors import InputError
from mithridate.tables.reading import Reading

RNG = np.random.default_rng(0)
ROWS = 40
CITIES = ["Köln", "Zürich", "Málaga", "Liège"]
TABLE = {
    "größe": RNG.uniform(0.2, 99, ROWS).round(2),
    "menge": RNG.integers(300, 9_000, ROWS).astype(float),
    "stadt": [CITIES[i % 4] for i in range(ROWS)],
    "tag": [f"{1 + i % 28:02d}.{1 + i % 12:02d}.2024" for i in range(ROWS)],
    "y": RNG.normal(0, 500, ROWS).round(3),
}
ENCODINGS = ("utf-8", "utf-8-sig", "cp1252", "utf-16")
DELIMITERS = (",", ";", "\t", "|")
MARKS = ((".", ""), (".", ","), (",", ""), (",", "."), (",", " "), (".", "'"))
ENDS = ("\n", "\r\n")
QUOTES, HEADERS = ("some", "all"), (True, False)
DIALECTS = list(itertools.product(ENCODINGS, DELIMITERS, MARKS, ENDS, QUOTES, HEADERS))


def number(value: float, decimal: str, thousands: str) -> str:
    text = f"{value:,.10g}" if value != int(value) else f"{int(value):,}"
    return text.translate({ord(","): thousands, ord("."): decimal})


def spelled(dialect: tuple) -> bytes:
    encoding, delimiter, (decimal, thousands), end, quoting, header = dialect

    def cell(value: object) -> str:
        text = number(value, decimal, thousands) if isinstance(value, float) else str(value)
        return f'"{text}"' if quoting == "all" or delimiter in text else text

    rows = [list(TABLE)] if header else []
    rows += [list(row) for row in zip(*TABLE.values(), strict=True)]
    lines = [
        delimiter.join(cell(v.item() if hasattr(v, "item") else v) for v in row) for row in rows
    ]
    return (end.join(lines) + end).encode(encoding)


def pairs(dialects: list[tuple]) -> set[tuple]:
    """Any two choices that stand together in some dialect."""
    return {pair for one in dialects for pair in itertools.combinations(enumerate(one), 2)}


def test_a_fifth_of_the_dialects_pairs_any_two_choices() -> None:
    assert len(DIALECTS) >= 500
    assert pairs(DIALECTS[::5]) == pairs(DIALECTS)


@pytest.mark.parametrize(
    "dialects",
    [DIALECTS[::5], pytest.param(DIALECTS, marks=pytest.mark.slow)],
    ids=["every fifth", "all"],
)
def test_a_known_table_is_read_back_in_every_dialect(dialects: list, tmp_path: Path) -> None:
    """No dialect is read wrong; hardly any is refused."""
    refused = []
    path = tmp_path / "t.csv"
    for dialect in dialects:
        path.write_bytes(spelled(dialect))
        try:
            frame = open_table(path).frame
        except InputError:
            refused.append(dialect)
            continue
        names = list(TABLE) if dialect[-1] else [f"column {i + 1}" for i in range(len(TABLE))]
        assert frame.column_names == names, dialect
        for name, wanted in zip(names, TABLE.values(), strict=True):
            assert frame[name].to_pylist() == list(wanted), (dialect, name)
    assert refused == []


def frame_of(tmp_path: Path, text: str, **options: object):
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    return open_table(tmp_path / "t.csv", reading=Reading(**options))


def encoded_of(tmp_path: Path, text: str, **options: object):
    return frame_of(tmp_path, text, **options).encode("b")


def column(tmp_path: Path, cells: list[str], **options: object):
    lines = [f'"{cell}";{i % 7}.5' for i, cell in enumerate(cells)]
    opened = frame_of(tmp_path, "\n".join(["a;b", *lines]) + "\n", **options)
    return opened.frame["a"].to_pylist(), " ".join(opened.notes)


@pytest.mark.parametrize(
    ("cell", "value", "said"),
    [
        ("$1,234.50", 1234.5, "signs of money"),
        ("45%", 45, "percent signs"),
        ("12 kg", 12, "'kg'"),
        ("\u221215.25", -15.25, "minus signs"),
        ("(15.25)", -15.25, "brackets"),
        ("<5", 5, "Limits"),
        ("1'234.5", 1234.5, "between thousands"),
    ],
)
def test_numbers_with_signs(tmp_path: Path, cell: str, value: float, said: str) -> None:
    found, notes = column(tmp_path, [cell] * 12)
    assert found == [value] * 12
    assert said in notes
    assert "12 cells" in notes


@pytest.mark.parametrize("odd", ["-", "#DIV/0!", "n.d.", "\u2014"])
def test_an_odd_cell_is_missing_and_told(tmp_path: Path, odd: str) -> None:
    found, notes = column(tmp_path, [*(f"{i}.25" for i in range(30)), odd])
    assert found == [*(i + 0.25 for i in range(30)), None]
    assert f"taken as missing: 'a' (1 cell: '{odd}')" in notes


def test_codes_stay_text(tmp_path: Path) -> None:
    found, notes = column(tmp_path, ["01067", "80331", "50667"] * 5)
    assert found[:2] == ["01067", "80331"]
    assert "codes with leading zeros or too many digits: 'a'" in notes


def test_two_likely_readings_are_a_question(tmp_path: Path) -> None:
    text = "menge;wert\n" + "7.700;1\n656;2\n5.841;3\n" * 5
    with pytest.raises(InputError, match="--decimal or --thousands"):
        frame_of(tmp_path, text)
    assert frame_of(tmp_path, text, decimal=",").frame["menge"][0].as_py() == 7700
    assert frame_of(tmp_path, text, thousands="").frame["menge"][0].as_py() == 7.7


def test_a_first_row_that_may_be_names_is_a_question(tmp_path: Path) -> None:
    text = "a,7\n" + "1,2\n3,4\n5,6\n" * 5
    with pytest.raises(InputError, match="--header or --no-header"):
        frame_of(tmp_path, text)
    assert frame_of(tmp_path, text, header=True).frame.column_names == ["a", "7"]
    assert frame_of(tmp_path, text, header=False).frame.num_rows == 16


@pytest.mark.parametrize(
    ("text", "names", "rows"),
    [
        ("sep=;\na;b\n" + "1;2\n" * 5, ["a", "b"], 5),
        ("Report of 2024\n\na,b,c\n" + "1,2,x\n" * 5, ["a", "b", "c"], 5),
        ("a,b,\n" + "1,2,\n" * 5, ["a", "b"], 5),
        ("a,a,,b\n" + "1,2,3,4\n" * 5, ["a", "a (2)", "unnamed 3", "b"], 5),
        (" a , b\n" + "1, 2\n" * 5, ["a", "b"], 5),
        ("a,b\n" + "1,2\n" * 5 + ",\n,\n", ["a", "b"], 5),
        ("a,b,c\nx,3,4\n" + "y,1,2\n" * 9 + "Total,12,22\n", ["a", "b", "c"], 10),
        ("a,b\n" + "1,2\n" * 60 + "1\n", ["a", "b"], 61),
        ("g,,h,\nx,y,x,y\n" + "1,2,3,4\n" * 5, ["g x", "g y", "h x", "h y"], 5),
    ],
)
def test_what_stands_around_a_table(tmp_path: Path, text: str, names: list[str], rows: int) -> None:
    opened = frame_of(tmp_path, text)
    assert opened.frame.column_names == names
    assert opened.frame.num_rows == rows


def test_rows_set_aside_are_named(tmp_path: Path) -> None:
    opened = frame_of(tmp_path, "a,b\n" + "1,2\n" * 8 + ",\n3,4\n")
    assert [(one.row, one.why) for one in opened.account.aside] == [
        (9, "all of its cells are empty")
    ]
    assert opened.frame["a"].to_pylist() == [1] * 8 + [3]


def test_words_for_no_value(tmp_path: Path) -> None:
    cells = [str(i) for i in range(20)] + ["-999", "-999"]
    assert column(tmp_path, cells)[0][-1] == -999
    assert column(tmp_path, cells, missing=("-999",))[0][-2:] == [None, None]


def test_dates_become_numbers_when_asked(tmp_path: Path) -> None:
    days = ["13.01.2024", "02.03.2024", "01.01.1970"] * 20
    text = "\n".join(["tag;b", *(f"{day};1,{i % 7}" for i, day in enumerate(days))]) + "\n"
    made = encoded_of(tmp_path, text, dates="auto")
    assert made.columns.names[:3] == ("tag", "tag (month)=January", "tag (month)=March")
    assert made.columns.names[3:] == ("tag (weekday)=Saturday", "tag (weekday)=Thursday")
    assert made.X[:3].tolist() == [[19735, 1, 0, 1, 0], [19784, 0, 1, 1, 0], [0, 1, 0, 0, 1]]
    unsure = text.replace("13.01", "03.01")
    with pytest.raises(InputError, match="--dates dmy or --dates mdy"):
        encoded_of(tmp_path, unsure, dates="auto")


def test_a_workbook_is_read(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [["a", "b"], *([i, i + 0.25] for i in range(9))]:
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    frame = open_table(tmp_path / "t.xlsx").frame
    assert frame["b"].to_pylist() == [i + 0.25 for i in range(9)]


@pytest.mark.parametrize("seed", range(300))
def test_broken_files_are_read_or_refused_in_a_sentence(tmp_path: Path, seed: int) -> None:
    rnd = random.Random(seed)
    content = bytearray(spelled(rnd.choice(DIALECTS)))
    for _ in range(rnd.randint(1, 30)):
        at = rnd.randrange(len(content))
        what = rnd.randrange(4)
        if what == 0:
            content[at] = rnd.randrange(256)
        elif what == 1:
            del content[at : at + rnd.randrange(1, 60)]
        elif what == 2:
            content[at:at] = rnd.choice([b'"', b"\n", b"'", b";;", b",,", b"\r", b"\xff", b"\t"])
        else:
            content[at:at] = content[: rnd.randrange(1, 200)]
        content = content or bytearray(b"a")
    (tmp_path / "t.csv").write_bytes(content)
    try:
        assert open_table(tmp_path / "t.csv").frame.num_rows
    except InputError as error:
        assert str(error).isprintable()
