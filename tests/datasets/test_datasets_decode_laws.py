"""Poison as rows of the table, there and back: every type of cell, in every library."""

import datetime
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mithridate import data
from mithridate.data.load import load
from mithridate.tables.decode import decode
from mithridate.tables.encode import encode
from mithridate.tables.encoded import Encoded

N = 120
RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=N)
DAY = datetime.date(2020, 1, 1)
COARSE = {
    "float32": 1e-6,
    "float16": 1e-2,
    "half": 1e-2,
    "cents": 0.01,
}  # what these types can hold


def every(*cells: Any) -> list[Any]:
    """The cells again and again, in an order that no other column has."""
    return [cells[i] for i in np.random.default_rng(len(cells)).integers(len(cells), size=N)]


def arrow_frame() -> pa.Table:
    hot = np.array(every(0, 1, 2))
    columns = {
        "int8": pa.array(every(-128, 5, 127, None), pa.int8()),
        "uint64": pa.array(every(0, 2**64 - 1, 2**63), pa.uint64()),
        "int64": pa.array(every(10, 16, 31), pa.int64()),
        "float16": pa.array(NOISE.astype(np.float16)),
        "float32": pa.array(NOISE, pa.float32()),
        "tenths": every(0.1, 0.2, 0.3, 0.7, 1.1),
        "gaps": pa.array([v if i % 3 else (None, np.nan, np.inf)[i % 5 % 3] for i, v in
                          enumerate(NOISE)], from_pandas=False),
        "decimal": pa.array(every(Decimal("1.50"), Decimal("2.25"), None), pa.decimal128(9, 2)),
        "cents": pa.array([Decimal(f"{v:.2f}") for v in NOISE], pa.decimal256(50, 2)),
        "flag": every(True, False),
        "maybe": every(True, False, None),
        "truth": every("TRUE", "false", "N/A"),
        "words": every("a", " b", "b ", "b ", None, "?"),
        "rare": ["x" if i % 2 else "y" if i % 9 else f"r{i % 7}" for i in range(N)],
        "prices": pa.array(every("1.50", "2.00", "2.75", None), pa.large_string()),
        "padded": every("007", "012", "120"),
        "powers": every("1e3", "2.5e-3", "7e1"),
        "spelled": [repr(v) for v in NOISE.tolist()],
        "view": pa.array(every("p", "q", None), pa.string_view()),
        "coded": pa.array(every("k", "l", None)).dictionary_encode(),
        "numbered": pa.array(every(3, 1, 2), pa.int16()).dictionary_encode(),
        "code": every(3, 1, 2, None),
        "hot_x": hot == 0,
        "hot_y": pa.array((hot == 1).astype(np.uint8)),
        "hot:a": every(0.0, 1.0),
        "id": range(N),
        "day": [DAY + datetime.timedelta(i % 9) for i in range(N)],
        "constant": ["same"] * N,
        "unique": [f"name {i}" for i in range(N)],
        "empty": pa.nulls(N),
        "list": [[i] for i in range(N)],
        "bytes": pa.array([bytes([i]) for i in range(N)], pa.binary_view()),
        "runs": pa.RunEndEncodedArray.from_arrays([N // 2, N], [1, 2]),
        "y": pa.array(every(1.5, 2.5, 3.5, 7.5), pa.float32()),
    }  # fmt: skip
    table = pa.table(columns).replace_schema_metadata({"made": "up"})
    field = table.schema.field("int64").with_nullable(False).with_metadata({"unit": "m"})
    table = table.set_column(table.column_names.index("int64"), field, table["int64"])
    return pa.concat_tables([table[:50], table[50:]])


def plain() -> pa.Table:
    return arrow_frame().drop_columns(["view", "bytes", "runs", "float16", "cents"])


def pandas_frame() -> pd.DataFrame:
    frame = plain().to_pandas()
    frame["objects"] = pd.Series(every(1, "2", 3.5, None), dtype=object)
    frame["exact"] = pd.Series(every(Decimal("1.5"), Decimal(2), None), dtype=object)
    frame["integers"] = pd.Series(every(10**25, 3 * 10**24, 5), dtype=object)
    frame["maybe"] = pd.Series(every(True, False, None), dtype=object)
    frame["old words"] = pd.Series(every("a", " b", None), dtype=object)
    frame["old numbers"] = pd.Series(every("1.5", "2.5", "9.5"), dtype=object)
    frame["sparse"] = pd.Series(every(0, 0, 3), dtype=pd.SparseDtype("int64"))
    frame["wide"] = pd.Series(every(1.5, 2.5, 4.5), dtype="longdouble")
    frame["half"] = NOISE.astype(np.float16)
    frame["nullable"] = pd.Series(every(1, 3, None), dtype="Int16")
    frame["boolean"] = pd.Series(every(True, False, None), dtype="boolean")
    frame["cents"] = pd.Series(frame["tenths"], dtype=pd.ArrowDtype(pa.decimal128(8, 3)))
    frame["kind"] = pd.Categorical(every("u", "v", None), ["v", "never", "u"], ordered=True)
    frame["number kind"] = pd.Categorical(every(10, 2, 3))
    frame["period"] = pd.period_range("2020", periods=N, freq="D")
    frame["complex"] = NOISE + 1j
    frame[0], frame[("a", 1)] = np.arange(N) % 7, NOISE**2
    frame.index = pd.Index(np.arange(N)[::-1] * 2.5, name="label")
    return frame


def backed(backend: Any) -> pd.DataFrame:
    return plain().drop_columns(["list"]).to_pandas().convert_dtypes(dtype_backend=backend)


def polars_frame() -> pl.DataFrame:
    return pl.DataFrame(plain().drop_columns(["numbered"])).with_columns(
        pl.Series("wider", every(1, 2, 4), dtype=pl.Int128),
        pl.Series("kind", every("a", "b", None), dtype=pl.Categorical),
        pl.Series("enum", every("2", "1", None), dtype=pl.Enum(["2", "never", "1"])),
        pl.Series("object", [object() for _ in range(N)], dtype=pl.Object),
    )


FRAMES: dict[str, Callable[[], Any]] = {
    "pyarrow": arrow_frame,
    "pandas": pandas_frame,
    "pandas nullable": lambda: backed("numpy_nullable"),
    "pandas arrow": lambda: backed("pyarrow"),
    "polars": polars_frame,
}


@pytest.fixture(scope="module", params=FRAMES)
def case(request: pytest.FixtureRequest) -> tuple[Any, Encoded]:
    frame = FRAMES[request.param]()
    return frame, encode(frame, "y", categorical=["code"])


def taken(frame: Any, rows: np.ndarray) -> Any:
    if isinstance(frame, pd.DataFrame):
        return frame.iloc[rows]
    if isinstance(frame, pl.DataFrame):
        return frame[rows]
    slices = [frame.slice(row, 1) for row in rows.tolist()]
    return pa.concat_tables(slices) if slices else frame[:0]


def joined(frame: Any, more: Any) -> Any:
    if isinstance(frame, pd.DataFrame):
        return pd.concat([frame, more])
    if isinstance(frame, pl.DataFrame):
        return frame.vstack(more)
    return pa.concat_tables([frame, more])


def assert_same_kind(found: Any, frame: Any) -> None:
    """Columns, order and types are those of the frame."""
    assert type(found) is type(frame)
    if isinstance(frame, pd.DataFrame):
        assert found.columns.equals(frame.columns)
        assert found.dtypes.tolist() == frame.dtypes.tolist()
        assert found.index.name == frame.index.name
    elif isinstance(frame, pl.DataFrame):
        assert found.schema == frame.schema
    else:
        assert found.schema.equals(frame.schema, check_metadata=True)


def columns(frame: Any) -> dict[str, list[Any]]:
    if isinstance(frame, pd.DataFrame):
        return {str(name): cells.tolist() for name, cells in frame.items()}
    return {str(k): v for k, v in (frame.to_dict(as_series=False) if isinstance(frame, pl.DataFrame)
            else frame.to_pydict()).items()}  # fmt: skip


def assert_same(found: Any, wanted: Any) -> None:
    """The very same cells, NaN and null told apart."""
    assert_same_kind(found, wanted)
    if isinstance(wanted, pd.DataFrame):
        assert found.index.equals(wanted.index)
    found, wanted = columns(found), columns(wanted)
    for name in wanted:
        assert repr(found[name]) == repr(wanted[name]), name


def left_out(encoded: Encoded, frame: Any) -> list[str]:
    used = {*encoded.columns.column, encoded.target}
    return [name for name in columns(frame) if name not in used]


def again(frame: Any, encoded: Encoded, found: Any, **kwargs: Any) -> Encoded:
    """The encoding of the table with the decoded rows beneath."""
    drop = left_out(encoded, frame)
    result = encode(joined(frame, found), encoded.target, drop=drop, **kwargs)
    grouped = encoded.columns.group >= 0
    shared = [n for n, g in zip(encoded.columns.names, grouped, strict=True) if not g]
    assert set(shared) <= set(result.columns.names)
    return result


def assert_reads(result: Encoded, encoded: Encoded, X: np.ndarray, y: np.ndarray) -> None:
    """The last rows of `result` are the poison; pooled levels may have come up by it."""
    p = len(y)
    pooled = {c for c, n in zip(encoded.columns.column, encoded.columns.names, strict=True)
              if n.endswith("=(other)")}  # fmt: skip
    np.testing.assert_allclose(result.y[-p:], y, rtol=1e-9)
    for j, name in enumerate(encoded.columns.names):
        if encoded.columns.column[j] in pooled:
            continue
        found = result.X[-p:, result.columns.names.index(name)]
        loose = COARSE.get(name, 1e-9)
        np.testing.assert_allclose(found, X[:, j], rtol=loose, atol=loose * (loose > 1e-9))
        # Of more values than that, a lattice of fractions is no longer told from noise.
        if encoded.columns.step[j] > 0 and np.unique(result.X[:, j]).size <= 50:
            step = result.columns.step[result.columns.names.index(name)]
            assert step == pytest.approx(encoded.columns.step[j]), name


def legal(encoded: Encoded, rng: np.random.Generator, p: int) -> tuple[np.ndarray, np.ndarray]:
    """Random rows in the box and on the lattice, as an attack leaves them: (p, d) and (p,)."""
    known = np.column_stack([encoded.X, encoded.y])
    low, high = np.nanmin(known, axis=0), np.nanmax(known, axis=0)
    z = low + rng.random((p, len(low))) * (high - low)
    step = encoded.columns.step
    on = step > 0
    z[:, on] = low[on] + np.rint((z - low)[:, on] / step[on]) * step[on]
    for group, optional in enumerate(encoded.columns.optional):
        members = np.flatnonzero(encoded.columns.group == group)
        level = rng.integers(members.size + optional, size=p)
        z[:, members] = level[:, None] == np.arange(members.size)
    return z[:, :-1], z[:, -1]


ROWS = st.lists(st.integers(0, N - 1), max_size=40).map(lambda rows: np.array(rows, dtype=int))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@settings(max_examples=10, deadline=None)
@given(rows=ROWS)
def test_a_row_comes_back_as_it_was(case: tuple[Any, Encoded], rows: np.ndarray) -> None:
    frame, encoded = case
    found = decode(frame, encoded, encoded.X[rows], encoded.y[rows], rows)
    assert_same(found, taken(frame, rows))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@settings(max_examples=10, deadline=None)
@given(rows=ROWS.filter(len), seed=st.integers(0, 99))
def test_a_row_from_elsewhere_reads_the_same(
    case: tuple[Any, Encoded], rows: np.ndarray, seed: int
) -> None:
    frame, encoded = case
    origin = np.random.default_rng(seed).integers(N, size=rows.size)
    X, y = encoded.X[rows], encoded.y[rows]
    found = decode(frame, encoded, X, y, origin)
    assert_same_kind(found, frame)
    assert_reads(again(frame, encoded, found, categorical=["code"]), encoded, X, y)
    cells, origins = columns(found), columns(taken(frame, origin))
    for name in left_out(encoded, frame):
        assert repr(cells[name]) == repr(origins[name]), name


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@settings(max_examples=10, deadline=None)
@given(origin=ROWS.filter(len), seed=st.integers(0, 99))
def test_new_rows_read_as_they_were_made(
    case: tuple[Any, Encoded], origin: np.ndarray, seed: int
) -> None:
    frame, encoded = case
    X, y = legal(encoded, np.random.default_rng(seed), origin.size)
    found = decode(frame, encoded, X, y, origin)
    assert_same_kind(found, frame)
    assert_reads(again(frame, encoded, found, categorical=["code"]), encoded, X, y)


def test_only_what_cannot_be_read_is_left_out(case: tuple[Any, Encoded]) -> None:
    frame, encoded = case
    useless = {"id", "day", "constant", "unique", "empty", "list", "bytes", "runs"}
    useless |= {"period", "complex", "object"}
    assert set(left_out(encoded, frame)) == useless & set(columns(frame))


def test_the_frame_is_only_read(case: tuple[Any, Encoded]) -> None:
    frame, encoded = case
    before = repr(columns(frame))
    X, y = legal(encoded, np.random.default_rng(0), N)
    kept = X.copy()
    decode(frame, encoded, X, y, np.arange(N))
    assert repr(columns(frame)) == before
    assert np.array_equal(X, kept)


def test_training_rows_know_where_they_stand(case: tuple[Any, Encoded]) -> None:
    _, encoded = case
    split = encoded.split(3)
    assert len(split.rows) == len(split.train.y) == len(set(split.rows.tolist()))
    y = split.train.y * split.scale[-1] + split.shift[-1]
    np.testing.assert_allclose(y, encoded.y[split.rows])


@pytest.mark.parametrize(
    ("name", "target", "drop"),
    [
        ("appliances_energy", "Appliances", ()),
        ("boston", "medv", ()),
        ("heart", "num", ()),
        ("house_manipml", "SalePrice", ()),
        ("loan", "int_rate", ("grade", "sub_grade")),
    ],
)
def test_shared_tables_there_and_back(
    shared_data: Path, name: str, target: str, drop: tuple[str, ...]
) -> None:
    path = shared_data / f"{name}.csv"
    frame, encoded = data.open(path).frame, load(path, target, drop=drop)
    split = encoded.split(0)
    known = ~np.isnan(encoded.X[split.rows]).any(axis=1)
    X = (split.train.X * split.scale[:-1] + split.shift[:-1])[known]
    y = (split.train.y * split.scale[-1] + split.shift[-1])[known]
    rows = split.rows[known]
    assert decode(frame, encoded, X, y, rows).equals(frame.take(rows))
    elsewhere = np.roll(rows, 1)
    found = decode(frame, encoded, X, y, elsewhere)
    assert_reads(again(frame, encoded, found), encoded, X, y)
    X, y = legal(encoded, np.random.default_rng(0), 100)
    found = decode(frame, encoded, X, y, rows[:100])
    assert_same_kind(found, frame)
    assert_reads(again(frame, encoded, found), encoded, X, y)
