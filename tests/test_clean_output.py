"""What cleaning writes: files as they were spelled, harmless, and all of them or none."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

import mithridate
from mithridate.cleaning.findings import Rejected
from mithridate.data import Reading
from mithridate.errors import InputError
from mithridate.tables import write

from .planted import GOAL, HOSTILE, RATED, planted
from .test_audit import call


@pytest.fixture(scope="module")
def frame():
    return planted()


@pytest.fixture(scope="module")
def csv(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "table.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def found(frame):
    return mithridate.clean(frame, target="progression", defense="antidote")


def test_parquet_keeps_types_metadata_and_index(frame, found, tmp_path):
    frame.to_parquet(tmp_path / "in.parquet")
    code, out, err = call("clean", tmp_path / "in.parquet", *RATED, "-o", tmp_path / "good.parquet")
    assert (code, "Traceback" in err) == (0, False)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "good.parquet"), frame[found.mask])
    whole, kept = (pq.read_schema(tmp_path / f"{n}.parquet") for n in ("in", "good"))
    assert kept.equals(whole, check_metadata=True)
    rejected = pd.read_parquet(tmp_path / "good.quarantine.parquet")
    pd.testing.assert_frame_equal(rejected[frame.columns], frame[~found.mask])
    assert len(out[out.index("Found: ") :].splitlines()) <= 10


def test_csv_cells_stay_as_they_are_spelled(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["zip;weight;note;y"]
    for i in range(80):
        w = rng.random() * 90 + 10
        y = 900.0 if i == 11 else w + rng.random()
        lines.append(f"0{2000 + i % 9};{w:.3f}00;{'NA' if i % 2 else f'a;{i}'!r};{y:.2f}")
    lines = [line.replace("'a;", '"a;').replace("';", '";') for line in lines]
    lines = [line.replace("'NA\"", "NA").replace("'NA'", "NA") for line in lines]
    (tmp_path / "in.csv").write_text("\n".join(lines) + "\n")
    found = mithridate.clean(tmp_path / "in.csv", target="y", defense="antidote")
    found.write(tmp_path / "out.csv")
    kept = [lines[0], *(line for line, keep in zip(lines[1:], found.mask, strict=True) if keep)]
    assert not found.mask[11]
    assert (tmp_path / "out.csv").read_text().splitlines() == kept
    assert (tmp_path / "out.quarantine.csv").read_text().splitlines()[1].startswith(lines[12])


def test_csv_output_is_defused(frame, csv, tmp_path):
    code, out, _ = call("clean", csv, *RATED, "-o", tmp_path / "o.csv")
    assert code == 0
    cells = arrow_csv.read_csv(
        tmp_path / "o.csv", parse_options=arrow_csv.ParseOptions(newlines_in_values=True)
    )
    assert "'" + HOSTILE in cells.column_names
    remarks = set(cells["remark"].to_pylist())
    assert "'=1+1" in remarks
    assert not any(remark.startswith("=") for remark in remarks)
    assert "Defused: " in out
    assert len(out[out.index("Found: ") :].splitlines()) <= 10


def test_only_what_a_spreadsheet_executes_is_defused(tmp_path):
    risky = ["=1+1", "+1+1|x", "-2+3", "@SUM(A1)", "\tx", "\rx", "=HYPERLINK(1)", "-x"]
    plain = ["-5", "+1.5e-3", "-1,234.5", "a=b", "", "-inf", "-", "--", "+49 123", "'=x", "-3%"]
    table = pa.table({"text": risky + plain, "number": [-1.0] * (len(risky) + len(plain))})
    assert write.write({tmp_path / "t.csv": table}) == len(risky)
    text, number = pd.read_csv(
        tmp_path / "t.csv", keep_default_na=False, lineterminator=None
    ).T.values
    assert list(text) == [f"'{cell}" for cell in risky] + plain
    assert set(number) == {-1.0}


def test_written_floats_stay_floats_and_gaps_are_empty(tmp_path):
    table = pa.table(
        {"a": [1.0, None, float("nan"), 1e300, 0.1], "b": pa.array([1, 2, 3, 4, None])}
    )
    write.write({tmp_path / "t.csv": table})
    assert (tmp_path / "t.csv").read_text() == "a,b\n1.0,1\n,2\n,3\n1e+300,4\n0.1,\n"


def test_a_name_that_is_taken_gets_a_number(found):
    again = found.quarantined.assign(progression=np.arange(len(found.quarantined)) % 7 * 1.0)
    both = pd.concat([again] * 4)
    both.iloc[0, both.columns.get_loc("progression")] = 1e6
    twice = mithridate.clean(both, target="progression", defense="antidote").quarantined
    assert "mithridate_row (2)" in twice.columns


def test_neither_file_is_written_if_one_fails(frame, found, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", fail)
    with pytest.raises(InputError, match="no space left"):
        found.write(tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_changed_meanwhile_is_not_mixed_up(csv, tmp_path):
    path = tmp_path / "in.csv"
    path.write_bytes(csv.read_bytes())
    found = mithridate.clean(path, target="progression", defense="antidote")
    path.write_bytes(csv.read_bytes()[:20_000].rpartition(b"\n")[0])
    with pytest.raises(InputError, match="changed since"):
        found.write(tmp_path / "o.csv")
    path.unlink()
    with pytest.raises(InputError, match="changed since"):
        found.write(tmp_path / "o.csv")
    assert list(tmp_path.iterdir()) == []


def test_files_land_in_the_current_folder_by_default(csv, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = call("clean", csv, *RATED, "--verbose")
    assert code == 0
    assert {p.name for p in tmp_path.iterdir()} == {"table.cleaned.csv", "table.quarantine.csv"}
    assert "imputed by the median: 'age' (1 row)." in out
    code, out, _ = call("clean", csv, *RATED, "-o", "q.tsv", "--quiet")
    assert (code, out) == (0, "")
    assert "\t" in (tmp_path / "q.tsv").read_text().splitlines()[0]


def test_how_a_file_is_read_can_be_said_and_is_told_first(tmp_path):
    rng = np.random.default_rng(3)
    x, y = rng.random(60), rng.random(60)
    rows = [f"{a:.3f};{2 * a + b / 9:.3f}".replace(".", ",") for a, b in zip(x, y, strict=True)]
    path, out = tmp_path / "sensors.csv", tmp_path / "kept.csv"
    path.write_text("\n".join(["x;y", *rows[:-1], "-999;1,5"]))
    given = ["--delimiter", ";", "--decimal", ",", "--missing", "-999"]
    code, said, _ = call("clean", path, "--target", "y", *given, "-o", out)
    assert code == 0
    assert said.splitlines()[0] == "Numbers in 'sensors.csv' were read with a decimal comma."
    kept = out.read_text().splitlines()
    assert kept[0] == "x;y" and set(kept[1:]) <= {*rows, "-999;1,5"}
    found = mithridate.clean(
        path, target="y", reading=Reading(decimal=",", missing=("-999",)), defense="antidote"
    )
    assert any("imputed by the median: 'x' (1 row)" in note for note in found.notes)


def test_a_folder_is_read_as_was_said(tmp_path):
    folder = tmp_path / "table"
    folder.mkdir()
    lines = [f"{i % 13},{3 * (i % 13) + i % 7}" for i in range(80)]
    (folder / "a.csv").write_text("\n".join(["x,y", *lines[:-1], "gone,4"]))
    found = mithridate.clean(
        folder, target="y", reading=Reading(missing=("gone",)), defense="antidote"
    )
    assert any("imputed by the median: 'x' (1 row)" in note for note in found.notes)


def test_check_says_the_same_and_writes_nothing(csv, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    args = ("clean", csv, *GOAL, "--defense", "trim", "--contamination", "0.05")
    code, said, err = call(*args, "--check", "--max-rejected", "0.01")
    assert code == 2 and "rejected 22 of 442 rows" in said and "Over the limit" in err
    assert not list(tmp_path.iterdir())
    for more in (("-o", "kept.csv"), ("--report",)):
        code, _, err = call(*args, "--check", *more)
        assert code == 1 and err == "--check writes nothing; leave --out and --report out.\n"


def test_max_rejected_is_a_gate(csv, tmp_path):
    out = tmp_path / "kept.csv"
    args = ("clean", csv, *GOAL, "--defense", "trim", "--contamination", "0.05", "-o", out)
    code, _, err = call(*args, "--max-rejected", "0.01")
    assert code == 2 and "Over the limit: rejected 22 of 442 rows (5%), more than 1%." in err
    assert out.exists() and write.quarantine_of(out).exists()  # people want to look at them
    assert call(*args, "--max-rejected", "0.05")[0] == 0
    code, _, err = call(*args, "--max-rejected", "5")
    assert code == 1 and "--max-rejected 5 is no share of the rows; give one in [0, 1)." in err


def test_a_folder_is_no_output_of_one_file_nor_a_file_one_of_several(csv, tmp_path):
    (tmp_path / "there").mkdir()
    code, _, err = call("clean", csv, *GOAL, "-o", tmp_path / "there")
    assert code == 1 and "'there' is a folder; give the name of a file" in err
    (tmp_path / "b.csv").write_bytes(csv.read_bytes())
    code, _, err = call("clean", csv, tmp_path / "b.csv", *GOAL, "-o", tmp_path / "both.csv")
    assert code == 1 and "is named like a file" in err and not (tmp_path / "both.csv").exists()


def test_the_reason_of_a_row_takes_no_look_at_all_others(frame, monkeypatch):
    looks, usual = [], Rejected.sigmas.fget
    monkeypatch.setattr(Rejected, "sigmas", property(lambda self: looks.append(1) or usual(self)))
    found = mithridate.clean(frame, target="progression", defense="antidote")
    assert len(found.quarantined) > 10 > len(looks)
