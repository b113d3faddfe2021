"""The same data from every library; hostile names; odd cells; nothing written to."""

import decimal
import fractions
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from mithridate.data.load import load
from mithridate.errors import InputError
from mithridate.tables.encode import encode
from mithridate.tables.encoded import Encoded

N = 120
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "new\nline",
    "\x1b[31mred\x07",
    "🐍" * 30,
    "x" * 100_000,
    "_" * 5_000,
    "a:b=c_d",
    "\u202egnp.exe",
    "{0.__class__}",
    "%s%n",
    "",
    " ",
    "'; DROP TABLE rows; --",
]


def table() -> pa.Table:
    rng = np.random.default_rng(0)
    return pa.table(
        {
            "number": pa.array([None if i % 9 == 0 else float(i * 0.37) for i in range(N)]),
            "whole": pa.array([None if i % 7 == 0 else i % 5 for i in range(N)]),
            "flag": pa.array([i % 3 == 0 for i in range(N)]),
            "maybe": pa.array([None if i % 11 == 0 else i % 4 == 0 for i in range(N)]),
            "text": pa.array([None if i % 13 == 0 else ("a", "b", "c")[i % 3] for i in range(N)]),
            "day": pa.array([f"2020-01-{i % 28 + 1:02d}" for i in range(N)]),
            "hot_x": pa.array([i % 2 == 0 for i in range(N)]),
            "hot_y": pa.array([i % 2 == 1 for i in range(N)]),
            "row": pa.array(range(N)),
            "target": rng.normal(size=N),
        }
    )


def frames(path: Path) -> dict[str, Any]:
    arrow = table()
    pyarrow.csv.write_csv(arrow, path / "t.csv")
    pyarrow.parquet.write_table(arrow, path / "t.parquet")
    polars = pl.DataFrame(arrow)
    return {
        "csv": path / "t.csv",
        "parquet": str(path / "t.parquet"),
        "pandas": arrow.to_pandas().set_index(np.arange(N)[::-1] * 2.5),
        "pandas from csv": pd.read_csv(path / "t.csv"),
        "pandas nullable": pd.read_csv(path / "t.csv", dtype_backend="numpy_nullable"),
        "pandas arrow": pd.read_csv(path / "t.csv", dtype_backend="pyarrow"),
        "polars": polars,
        "polars lazy": polars.lazy(),
        "polars from csv": pl.read_csv(path / "t.csv"),
        "chunked": pa.concat_tables([arrow[:50], arrow[50:]]),
    }


def test_every_library_gives_the_same(tmp_path: Path) -> None:
    wanted = encode(table(), "target")
    assert wanted.columns.names == (
        *("number", "whole", "flag", "maybe", "text=a", "text=b", "text=c", "text=(missing)"),
        *("hot_x", "hot_y"),
    )
    for kind, frame in frames(tmp_path).items():
        found = load(frame, "target")
        assert found.fingerprint == wanted.fingerprint, kind
        assert np.array_equal(found.X, wanted.X, equal_nan=True), kind
        assert found.columns.source == wanted.columns.source, kind
        assert np.array_equal(found.columns.group, wanted.columns.group), kind
        assert np.array_equal(found.columns.step, wanted.columns.step), kind
        assert found.notes == wanted.notes, kind


def test_frames_are_only_read() -> None:
    values = np.array([np.inf, 1.0, 2.0, np.nan] * 30)
    frame = pd.DataFrame({"x": values, "w": ["a", "b", " c"] * 40, "y": np.arange(N) % 17 * 1.5})
    before = frame.copy(deep=True)
    result = encode(frame, "y")
    result.split(0)
    result.X[:] = -1
    result.y[:] = -1
    pd.testing.assert_frame_equal(frame, before)


def one(cells: Any, kind: Any = object) -> Encoded:
    """The encoding of one pandas column beside a plain one."""
    values = pd.Series(cells, dtype=kind)
    noise = np.random.default_rng(0).normal(size=(2, len(values)))
    return encode(pd.DataFrame({"x": values, "z": noise[0], "y": noise[1]}), "y")


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        ([1, "a", None] * 20, ("x=1", "x=a", "x=(missing)")),
        ([1, "2", 3.5] * 20, ("x",)),
        (["\ud800", "b", "c"] * 20, ("x=b", "x=c", "x=(missing)")),
        ([10**25, 3, 4] * 20, ("x",)),
        ([decimal.Decimal("1.5"), None, decimal.Decimal(2)] * 20, ("x",)),
        ([fractions.Fraction(1, 3), 2] * 30, ()),
        ([object() for _ in range(60)], ()),
        ([1j, 2, 3] * 20, ()),
        ([np.float64(1), np.int8(2), pd.NA] * 20, ("x",)),
    ],
)
def test_odd_cells(cells: list[Any], names: tuple[str, ...]) -> None:
    assert one(cells).columns.names == (*names, "z")


@pytest.mark.parametrize(
    ("cells", "kind", "names"),
    [
        ([1j, 2, 3] * 20, complex, ()),
        ([1, 2, 3] * 20, "float16", ("x",)),
        ([1, 2, 3] * 20, "longdouble", ("x",)),
        ([0, 0, 3] * 20, pd.SparseDtype(int), ("x",)),
        ([0, 2**64 - 1] * 30, "uint64", ("x",)),
        (pd.period_range("2020", periods=60, freq="D"), None, ()),
        (pd.interval_range(0, 60), None, ()),
        (["a", "b", None] * 20, "string", ("x=a", "x=b", "x=(missing)")),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_odd_types(cells: Any, kind: Any, names: tuple[str, ...]) -> None:
    assert one(cells, kind).columns.names == (*names, "z")


def test_types_of_polars() -> None:
    frame = pl.DataFrame(
        {
            "wide": pl.Series([1, 2, 4] * 20, dtype=pl.Int128),
            "kind": pl.Series(["a", "b", "c"] * 20, dtype=pl.Categorical),
            "enum": pl.Series(["2", "1", "2"] * 20, dtype=pl.Enum(["2", "1"])),
            "object": pl.Series([object()] * 60, dtype=pl.Object),
            "y": np.random.default_rng(0).normal(size=60),
        }
    )
    names = ("wide", "kind=a", "kind=b", "kind=c", "enum=1", "enum=2")
    assert encode(frame, "y").columns.names == names


def test_names_that_are_no_text() -> None:
    frame = pd.DataFrame({0: [1, 2, 4] * 20, ("a", 1): [1.5, 2, 7] * 20})
    assert encode(frame, "('a', 1)").columns.names == ("0",)
    with pytest.raises(InputError, match="share a name: '0'"):
        encode(pd.DataFrame({0: [1], "0": [2]}), "0")


@pytest.mark.parametrize("library", [pa.Table.to_pandas, lambda t: t])
def test_equal_names_are_refused(library: Any) -> None:
    twice = pa.table([[1, 2], [3, 4], [5, 6]], names=["a", "b", "a"])
    with pytest.raises(InputError, match="share a name: 'a'"):
        encode(library(twice), "b")


@pytest.mark.parametrize("thing", [np.ones((50, 2)), {"a": [1]}, None, 3, pd.Series([1, 2])])
def test_other_objects_are_refused(thing: Any) -> None:
    with pytest.raises(InputError, match=f"type {type(thing).__name__} was given"):
        load(thing, "y")


def test_hostile_names_and_cells_pass(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    columns = {name: rng.normal(size=N) for name in HOSTILE}
    columns["words\n"] = np.array(["<b>", "\x00\x07", "long" * 999, "🐍"] * (N // 4))
    arrow = pa.table({**columns, "y\t": rng.normal(size=N)})
    for frame in (arrow, arrow.to_pandas(), pl.DataFrame(arrow.to_pydict())):
        result = encode(frame, "y\t", drop=[HOSTILE[2]])
        assert set(HOSTILE) - {HOSTILE[2]} < set(result.columns.names)
        assert all(note.isprintable() and len(note) < 500 for note in result.notes)
    pyarrow.parquet.write_table(arrow, tmp_path / "hostile.parquet")
    assert load(tmp_path / "hostile.parquet", "y\t").X.shape == (N, len(HOSTILE) + 4)
    pyarrow.csv.write_csv(arrow.drop_columns(["words\n"]), tmp_path / "hostile.csv")
    named = {name.strip() for name in HOSTILE} - {""} | {"unnamed 11", "unnamed 12"}
    assert set(load(tmp_path / "hostile.csv", "y\t").columns.names) == named
    for target in ("\n", "x" * 50_000, *HOSTILE[:3]):
        with pytest.raises(InputError) as caught:
            encode(arrow.drop_columns([target]) if target in HOSTILE else arrow, target)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 600
