"""What a cleaning in passes writes: rows, columns and how they are stored, and reasons."""

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

import mithridate
from mithridate.passes import engine

from .test_bigtable import long_table, poisoned
from .test_bigtable_files import contents, folder, table  # noqa: F401


def bits(rows):
    """The table with its numbers as they are stored: NaN is not equal to NaN."""
    for i, field in enumerate(rows.schema):
        if pa.types.is_floating(field.type):
            stored = rows[field.name].to_numpy().view(np.int64)
            rows = rows.set_column(i, field.name, pa.array(stored))
    return rows


def test_rows_and_columns_come_back_as_they_came(table, folder, tmp_path):  # noqa: F811
    out = tmp_path / "out"
    found = mithridate.clean(folder, target="y", out=out, defense="antidote")
    want = mithridate.clean(table, target="y", defense="antidote")
    np.testing.assert_array_equal(found.mask, want.mask)
    at = 0
    for path in sorted(folder.rglob("*.parquet")):
        name = path.relative_to(folder)
        source, kept = pq.read_table(path, partitioning=None), pq.ParquetFile(out / name).read()
        mask = want.mask[at : at + len(source)]
        assert bits(kept).equals(bits(source.filter(pa.array(mask))))
        assert kept.schema.equals(source.schema, check_metadata=True)
        gone = pq.ParquetFile(out / "quarantine" / name).read()
        rejected = source.filter(pa.array(~mask))
        assert bits(gone.select(table.column_names)).equals(bits(rejected))
        rows = gone["mithridate_row"].to_numpy()
        np.testing.assert_array_equal(rows, at + np.flatnonzero(~mask) + 1)
        at += len(source)
    assert {p.name for p in tmp_path.iterdir()} == {"table", "out"}


def test_a_table_of_which_nothing_goes_has_no_quarantine_to_show(tmp_path):
    root = tmp_path / "table"
    root.mkdir()
    x = np.arange(200) % 19.0
    pq.write_table(pa.table({"x": x, "y": 2 * x + np.arange(200) % 7 / 7}), root / "a.parquet")
    found = mithridate.clean(root, target="y", out=tmp_path / "out", defense="antidote")
    assert found.mask.all()
    assert found.lines()[-1] == f"Kept rows: {tmp_path / 'out'}"


def test_with_little_memory_files_are_written_one_at_a_time(folder, tmp_path, monkeypatch):  # noqa: F811
    asked, real = [], engine._in_threads
    monkeypatch.setattr(
        engine,
        "_in_threads",
        lambda work, items, threads: asked.append(threads) or real(work, items, threads),
    )
    monkeypatch.setattr(engine, "cores", lambda: 4)
    for name, memory in (("one", 1 << 30), ("two", None)):
        mithridate.clean(folder, target="y", out=tmp_path / name, memory=memory, defense="antidote")
        assert asked[-1] == (1 if memory else 2) and asked[0] == 4
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_columns_are_stored_as_they_were(table, tmp_path):  # noqa: F811
    root = tmp_path / "table"
    root.mkdir()
    codecs = dict.fromkeys(table.column_names, "ZSTD") | {"x1": "NONE", "town": "GZIP"}
    codecs["parts.list.element"] = codecs.pop("parts")
    pq.write_table(table, root / "a.parquet", compression=codecs, use_dictionary=["town"])
    pq.write_table(table, root / "b.parquet", use_dictionary=False)
    mithridate.clean(root, target="y", out=tmp_path / "out", defense="antidote")
    for name in ("a.parquet", "b.parquet"):
        came, went = (
            pq.ParquetFile(f / name).metadata.row_group(0) for f in (root, tmp_path / "out")
        )
        for i in range(came.num_columns):
            one, other = came.column(i), went.column(i)
            assert one.path_in_schema == other.path_in_schema
            assert one.compression == other.compression
            assert ("RLE_DICTIONARY" in one.encodings) == ("RLE_DICTIONARY" in other.encodings)


@pytest.mark.parametrize(
    "how", [{"defense": "antidote"}, {"defense": "trim", "contamination": 0.6}]
)
def test_the_quarantine_says_what_it_says_in_memory(how, table, folder, tmp_path):  # noqa: F811
    mithridate.clean(folder, target="y", out=tmp_path / "out", **how)
    parts = sorted((tmp_path / "out" / "quarantine").rglob("*.parquet"))
    got = pa.concat_tables([pq.ParquetFile(p).read() for p in parts])
    want = mithridate.clean(table, target="y", **how).quarantined
    assert got.column_names == want.column_names
    usual = sum(
        "the score that Trim gave it" in said for said in got["mithridate_reason"].to_pylist()
    )
    assert usual > 10 if how["defense"] == "trim" else not usual
    for name in ("row", "column_1", "column_2", "reason"):
        assert got[f"mithridate_{name}"].equals(want[f"mithridate_{name}"])
    for name in ("score", "residual", "leverage", "predictive_sd"):
        a, b = (t[f"mithridate_{name}"].to_numpy() for t in (got, want))
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_csv_becomes_parquet(tmp_path):
    root = tmp_path / "table"
    root.mkdir()
    made = poisoned(long_table(500), "y").append_column("code", [[f"{i:03}" for i in range(500)]])
    arrow_csv.write_csv(made.slice(0, 300), root / "a.csv")
    arrow_csv.write_csv(made.slice(300), root / "b.csv")
    found = mithridate.clean(root, target="y", out=tmp_path / "out", defense="antidote")
    kept = [pq.read_table(tmp_path / "out" / f"{name}.parquet") for name in "ab"]
    assert sum(map(len, kept)) == found.mask.sum()
    y = made["y"].to_numpy()[found.mask]
    np.testing.assert_array_equal(pa.concat_tables(kept)["y"].to_numpy(), y)
