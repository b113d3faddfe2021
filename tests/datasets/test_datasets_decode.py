"""How poison is written: numbers, words and levels in the manner of their column."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from mithridate import data
from mithridate.data.load import load
from mithridate.errors import InputError
from mithridate.tables.decode import decode
from mithridate.tables.encode import encode

N = 120
NOISE = np.random.default_rng(0).normal(size=N)
MOST = Decimal("9.99")  # in three digits, two of them decimals


def one(cells: Any, values: Any, **kwargs: Any) -> list[Any]:
    """What numbers become in a column beside noise; the origin is the first row."""
    frame = pa.table({"x": cells, "z": NOISE, "y": NOISE[::-1]})
    encoded = encode(frame, "y", **kwargs)
    p = len(values)
    X = np.column_stack([np.reshape(values, (p, -1)), np.full(p, 0.5)])
    found = decode(frame, encoded, X, np.ones(p), np.zeros(p, dtype=int))
    assert found.schema.equals(frame.schema)
    return found["x"].to_pylist()


@pytest.mark.parametrize(
    ("cells", "values", "wanted"),
    [
        (["1.50", "2.00", "2.75"], [2.25, 2.0, 3], ["2.25", "2.00", "3.00"]),
        (["1.5", "2", "2.75"], [2.25, 3], ["2.25", "3"]),
        (["1.0", "2.0", "4.0"], [3.0], ["3.0"]),
        (["007.5", "012.0", "120.5"], [8, 130], ["008.0", "130.0"]),
        (["1e3", "2e3", "4e3"], [3000.2], ["3000.0"]),
        (["-1", "0", "2"], [-0.2, 1], ["0", "1"]),
        ([" TRUE", "false", "false"], [0.9, 0.2, 7], [" TRUE", "false", " TRUE"]),
        ([True, False, None], [0.6, -3, np.nan], [True, False, None]),
        ([0.1, 0.2, 0.7], [0.3, 0.6], [0.3, 0.6]),
        ([1 / 9, 2 / 9, 7 / 9], [3 / 9], [pytest.approx(3 / 9, abs=1e-15)]),
        ([3, 5, 9], [6.9, 4.1], [7, 5]),
        ([1.5, None, 1.75, 9], [np.nan, 1.6], [None, 1.5]),
        ([1.5, np.inf, None, 9], [np.nan], [None]),
        (["5", "?", "7"], [np.nan, 9], ["?", "9"]),
        (pa.array([100, 105, 120] * 40, pa.int8()), [131, -999], [127, -128]),
        (pa.array([0, 2**63, 2**64 - 1] * 40, pa.uint64()), [2.0**64, 2.0**63], [2**64 - 1, 2**63]),
        (pa.array(NOISE.astype(np.float16)), [1e9], [65504.0]),
        (pa.array([Decimal("1.25"), Decimal("-3.5")] * 60, pa.decimal128(3, 2)), [999], [MOST]),
    ],
)  # fmt: skip
def test_numbers_are_written_as_the_column_writes_them(
    cells: Any, values: list[float], wanted: list[Any]
) -> None:
    if isinstance(cells, list):
        cells = (cells * N)[:N]
    assert one(cells, values) == wanted


@pytest.mark.parametrize(
    ("cells", "value", "wanted"),
    [
        ([1, "2", 3.5], 2.25, "2.25"),
        ([Decimal("1.5"), Decimal(2), None], 4, Decimal(4)),
        ([10**25, 5, 7 * 10**24], 6e24, 6 * 10**24),
        ([np.float64(1), np.int8(2), pd.NA], 4, 4.0),
        ([True, False, None], 1, True),
    ],
)
def test_objects_stay_objects_of_the_kind(cells: list[Any], value: float, wanted: Any) -> None:
    frame = pd.DataFrame({"x": pd.Series(cells * 40, dtype=object), "y": NOISE})
    found = decode(frame, encode(frame, "y"), [[value]], [1], [1])
    assert found["x"].dtype == object
    (cell,) = found["x"]
    assert type(cell) is type(wanted)
    assert cell == pytest.approx(wanted)


def test_new_cells_of_polars_keep_the_type() -> None:
    types = {"x": pl.Decimal(12, 2), "f": pl.Float32, "s": pl.String, "y": pl.UInt8}
    columns = {
        "x": [Decimal(f"{v:.2f}") for v in NOISE],
        "f": NOISE,
        "s": ["1.5", "2.5", "9.5"] * 40,
        "y": [2, 7, 100] * 40,
    }
    frame = pl.DataFrame([pl.Series(n, columns[n], dtype=kind) for n, kind in types.items()])
    found = decode(frame, encode(frame, "y"), [[1.239, 0.1, 4.4]], [999], [0])
    assert found.schema == frame.schema
    assert found.row(0) == (Decimal("1.24"), pytest.approx(0.1), "4.5", 255)


def test_levels_are_written_as_the_table_spells_them() -> None:
    cells = ["a", "b", " b", " b", "?", None, None, "NA"] * 15
    assert one(cells, np.eye(3)) == ["a", " b", None]
    kept = one(pa.array(cells).dictionary_encode(), np.eye(3) * 0.1)
    assert kept == ["a", " b", None]


def test_a_pooled_level_is_the_most_frequent_unless_the_row_has_one() -> None:
    rare = ["r1", "r2", "r2", "r3"]
    frame = pa.table({"x": ["a", "b"] * 200 + rare, "y": range(404)})
    encoded = encode(frame, "y")
    assert encoded.columns.names == ("x=a", "x=b", "x=(other)")
    X = np.array([[0, 0, 1.0]] * 2 + [[1, 0, 0]])
    found = decode(frame, encoded, X, [1.0, 2, 3], [0, 403, 403])
    assert found["x"].to_pylist() == ["r2", "r3", "a"]


def test_columns_that_came_one_hot() -> None:
    hot = np.arange(N) % 3
    frame = pl.DataFrame(
        {"h_a": hot == 0, "h_b": (hot == 1).astype(np.int8), "h": ["u", "v"] * 60, "y": NOISE}
    )
    encoded = encode(frame, "y")
    assert encoded.columns.optional.tolist() == [True, False]
    X = np.array([[0.9, 0.2, 1, 0], [0.4, 0.7, 0, 1], [0.3, 0.4, 0.1, 0.2]])
    found = decode(frame, encoded, X, [1.0, 2, 3], [0, 0, 0])
    assert found.drop("y").rows() == [(True, 0, "u"), (False, 1, "v"), (False, 0, "v")]


def test_the_target_is_a_column_like_any_other() -> None:
    for cells, values, wanted in (
        (["1.50", "2.25", "7.50"], [3.1], ["3.00"]),
        ([True, False, False], [0.7, 0.1], [True, False]),
        ([2, 4, 10], [7.2, 11], [8, 10]),
    ):
        frame = pa.table({"y": cells * 40, "x": NOISE})
        p = len(values)
        found = decode(frame, encode(frame, "y"), np.ones((p, 1)), values, [1] * p)
        assert found["y"].to_pylist() == wanted


def test_a_lazy_frame_gives_an_eager_one() -> None:
    frame = pl.DataFrame({"x": NOISE, "y": NOISE**2})
    found = decode(frame.lazy(), encode(frame, "y"), [[0.5]], [1.5], [3])
    assert found.equals(pl.DataFrame({"x": [0.5], "y": [1.5]}))


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"X": np.ones((2, 3))}, "shape (2, 3)"),
        ({"y": np.ones(3)}, "shape (3,)"),
        ({"origin": [0]}, "shape (1,)"),
        ({"origin": [0, N]}, f"from 0 to {N - 1}"),
        ({"origin": [-1, 0]}, f"from 0 to {N - 1}"),
        ({"origin": [0.0, 1.0]}, "numbers of table rows"),
        ({"X": np.array([[1, np.nan], [1, 1]])}, "in 'b', or missing"),
        ({"X": np.array([[np.inf, 1], [1, 1]])}, "infinite in 'a'"),
        ({"y": np.array([1, np.nan])}, "in 'y', or missing"),
        ({"frame": pa.table({"a": NOISE[1:]})}, "of 119 rows does not go with"),
        ({"frame": pa.table({"a": NOISE, "b": NOISE})}, "no column 'y'"),
        ({"frame": 3}, "type int was given"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], wanted: str) -> None:
    frame = pa.table({"a": [*NOISE[1:], None], "b": NOISE**2, "y": NOISE[::-1]})
    fits = {"frame": frame, "X": np.ones((2, 2)), "y": np.ones(2), "origin": [0, 1]}
    encoded = encode(frame, "y")
    decode(encoded=encoded, **fits)
    with pytest.raises(InputError) as caught:
        decode(encoded=encoded, **{**fits, **change})
    sentence = str(caught.value)
    assert wanted in sentence
    assert sentence.endswith(".")
    assert sentence.count("\n") == 0


def test_open_gives_the_table_that_load_encodes(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a;y\n" + "".join(f"{i % 7},5;{i}\n" for i in range(50)))
    opened = data.open(path)
    assert (opened.name, opened.target, opened.path) == ("t", None, path)
    assert opened.notes == load(path, "y").notes[:1]
    assert "decimal comma" in opened.notes[0]
    frame = opened.frame
    assert frame.schema.types == [pa.float64(), pa.int64()]
    assert opened.columns["a"][1].as_py() == 1.5
    found = decode(frame, load(path, "y"), [[7.5]], [3], [0])
    assert found.to_pylist() == [{"a": 7.5, "y": 3}]
    with pytest.raises(InputError, match="no file"):
        data.open(tmp_path / "none.csv")


def test_open_hands_frames_back_as_they_are() -> None:
    table = pa.table({"a": [1, 2], "b": ["x", "y"]})
    assert data.open(table).frame is table
    assert data.open(pl.LazyFrame({"a": [1, 2]})).frame.equals(pl.DataFrame({"a": [1, 2]}))
    opened = data.open(table, "homes")
    assert (opened.name, opened.path, list(opened.columns)) == ("homes", None, ["a", "b"])
    assert opened.known("b", "to look at") == "b"
    with pytest.raises(InputError, match=r"table 'homes' has no column 'B' to look at; .* is 'b'"):
        opened.known("B", "to look at")
    bundled = data.open("diabetes")
    assert (bundled.frame.num_rows, bundled.target, bundled.path) == (442, "progression", None)
    with pytest.raises(InputError, match="no rows"):
        data.open(table[:0])
