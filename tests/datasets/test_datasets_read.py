"""Files: what is read, and the one sentence for what is not."""

import gzip
import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from mithridate.data import Diabetes
from mithridate.data.dataset import AbstractDataset
from mithridate.data.load import load, names
from mithridate.data.load import open as open_table
from mithridate.errors import InputError

ROWS = [(i % 7, i % 3, i * i % 11) for i in range(50)]


def csv(header: str = "a,b,y", mark: str = ",") -> str:
    return "\n".join([header, *(mark.join(map(str, row)) for row in ROWS)]) + "\n"


def refused(source: object, target: str | None = "y") -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(InputError) as caught:
        load(source, target)
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert sentence.endswith((".", "?")), sentence
    assert "Arrow" not in sentence.replace("an Arrow file", "")
    assert caught.value.__cause__ is None
    return sentence


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.csv", csv().encode()),
        ("bom.csv", csv().encode("utf-8-sig")),
        ("windows.csv", csv().replace("\n", "\r\n").encode()),
        ("no_end.csv", csv().strip().encode()),
        ("tabs.tsv", csv("a\tb\ty", "\t").encode()),
        ("semicolons.csv", csv("a;b;y", ";").encode()),
        ("bars.txt", csv("a|b|y", "|").encode()),
        ("packed.csv.gz", gzip.compress(csv().encode())),
        ("packed_without_suffix.csv", gzip.compress(csv().encode())),
        ("quoted.csv", csv('"a","b","y"').encode()),
        ("blank.csv", b"\n\n" + csv().encode()),
        ("wide.csv", csv().encode("utf-16")),
    ],
)
def test_delimited_text(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    result = load(tmp_path / name, "y")
    assert result.name == name.partition(".")[0]
    assert result.target == "y"
    assert result.columns.names == ("a", "b")
    assert result.X.tolist() == [[a, b] for a, b, _ in ROWS]
    assert result.y.tolist() == [y for _, _, y in ROWS]
    assert result.notes == ()


def test_headers_that_hold_delimiters_and_line_ends(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(csv('"a;1;2;3","b\nc",y'))
    assert load(tmp_path / "t.csv", "y").columns.names == ("a;1;2;3", "b\nc")
    (tmp_path / "t.csv").write_text(csv("price, in euro;size, in m2;y", ";"))
    assert load(tmp_path / "t.csv", "y").columns.names == ("price, in euro", "size, in m2")
    (tmp_path / "t.csv").write_text(csv("a" * 300_000 + ",b,y"))
    assert len(load(tmp_path / "t.csv", "y").columns.names[0]) == 300_000


def test_parquet(tmp_path: Path) -> None:
    table = pa.table(dict(zip("aby", np.array(ROWS).T, strict=True)))
    for name in ("t.parquet", "t.pq", "no_suffix"):
        pyarrow.parquet.write_table(table, tmp_path / name)
        assert load(tmp_path / name, "y").X.shape == (50, 2)


def test_other_encodings(tmp_path: Path) -> None:
    text = csv().replace("\n0,", "\nzéro,").replace("\n1,", "\nein,").replace("a,", "ä,", 1)
    for kind in ("utf-8", "latin-1"):
        (tmp_path / "t.csv").write_bytes(text.encode(kind))
        result = load(tmp_path / "t.csv", "y")
        assert {"ä=ein", "ä=zéro"} < set(result.columns.names)
        said = "The file 't.csv' is not in UTF-8; it was read as cp1252."
        assert (said in result.notes) == (kind == "latin-1")
    (tmp_path / "t.csv").write_bytes(csv("ä,b,y").encode("latin-1"))
    assert load(tmp_path / "t.csv", "y").columns.names == ("ä", "b")


def test_decimal_commas(tmp_path: Path) -> None:
    lines = ["a;b;y", *(f"{i % 7},25;{i % 3};{i * i % 11},5" for i in range(50))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    result = load(tmp_path / "t.csv", "y")
    assert result.X[1].tolist() == [1.25, 1]
    assert result.y[0] == 0.5
    assert result.notes == ("Numbers in 't.csv' were read with a decimal comma.",)


def test_missing_cells(tmp_path: Path) -> None:
    rows = [f"{['', '?', 'NA', ' n/a ', '4'][i % 5]},{i % 3},{i % 11}" for i in range(50)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,y", *rows, "5,1,1"]))
    result = load(tmp_path / "t.csv", "y")
    assert np.isnan(result.X[:, 0]).sum() == 40


def packed(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, "<x/>")
    return buffer.getvalue()


def packed_workbook() -> bytes:
    return packed("xl/workbook.xml")


def feather() -> bytes:
    buffer = io.BytesIO()
    pyarrow.feather.write_feather(pa.table({"a": [1]}), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("picture.csv", b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)), "a JPEG picture"),
        ("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(99), "a PNG picture"),
        ("book.xlsx", packed_workbook(), "no whole Excel workbook"),
        ("other.zip", packed("notes.txt"), "a zip archive"),
        ("frame.feather", feather(), "an Arrow file"),
        ("frame.pkl", pickle.dumps({"a": 1}, protocol=4), "a Python pickle"),
        ("noise.csv", bytes(range(1, 256)) + b"\x00", "binary data"),
        ("list.json", json.dumps([{"a": 1, "y": 2}]).encode(), "is JSON"),
        ("dict.json", json.dumps({"a": [1], "y": [2]}, indent=2).encode(), "is JSON"),
        ("lines.json", b'{"a": 1}\n{"a": 2}\n', "is JSON"),
        ("numbers.json", b"[[1, 2], [3, 4]]", "is JSON"),
        ("page.csv", b"\n<!DOCTYPE html>\n<html>, </html>", "a web page"),
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b" \n\n\t\n", "is empty"),
        ("empty.csv.gz", gzip.compress(b"", mtime=0), "is empty"),
        ("header.csv", b"a,b,y\n", "a header but no rows"),
        ("header2.csv", b"a,b,y", "a header but no rows"),
        ("one.csv", b"y\n1\n2\n", "no table of several columns"),
        ("prose.txt", b"Dear all\nthere is no table here", "no table of several columns"),
        ("long.csv", csv().encode() + b"1,2,3,4\n" * 9, "its rows have 3, 4 cells"),
        ("damaged.parquet", b"PAR1" + bytes(50) + b"PAR1", "no Parquet table, or a damaged one"),
        ("cut.parquet", b"PAR1", "no Parquet table, or a damaged one"),
        ("named.parquet", csv().encode(), "no Parquet table, or a damaged one"),
        ("cut.csv.gz", gzip.compress(csv().encode())[:-30], "it is damaged"),
        ("fake.csv.gz", b"\x1f\x8b" + bytes(30), "it is damaged"),
    ],
)
def test_files_that_are_no_table(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    sentence = refused(tmp_path / name)
    assert words in sentence
    assert repr(name.partition(".")[0])[:-1] in sentence


def test_a_row_of_too_many_cells_past_the_sample_is_set_aside(tmp_path: Path) -> None:
    row = "1.23456789012345678901234567890,2.345678901234567890123456789012345,3\n"
    (tmp_path / "t.csv").write_text("a,b,y\n" + row * 30_000 + "1,2,3,4\n" + row)
    found = open_table(tmp_path / "t.csv")
    assert found.frame.num_rows == 30_001
    aside = [(one.row, one.cells, one.more) for one in found.account.aside]
    assert aside == [(30_001, ("1", "2", "3"), ("4",))]
    assert "it has more cells than the header (row 30001)" in found.notes[0]


def test_a_damaged_file_is_refused_whatever_is_cut(tmp_path: Path) -> None:
    table = pa.table(dict(zip("aby", np.array(ROWS).T, strict=True)))
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    for keep in range(4, len(whole) - 1, 97):
        (tmp_path / "t.parquet").write_bytes(whole[:keep])
        assert "damaged" in refused(tmp_path / "t.parquet")


def test_paths_that_are_no_file(tmp_path: Path) -> None:
    (tmp_path / "houses.csv").write_text(csv())
    assert "did you mean 'houses.csv'?" in refused(tmp_path / "house.csv")
    assert "check the path" in refused(tmp_path / "zzz.parquet")
    assert "folder does not exist" in refused(tmp_path / "nowhere" / "houses.csv")
    assert "is a folder" in refused(tmp_path)
    assert "is a folder" in refused(str(tmp_path))
    assert "no regular file" in refused("/dev/null")
    assert "There is no file" in refused("a\0b.csv")
    assert "There is no file" in refused("a" * 5000 + ".csv")


def test_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "diabetes" in names()
    assert "did you mean 'diabetes'?" in refused("diabets")
    assert f"neither a file nor the name of a data set ({', '.join(names())})" in refused("zzz")
    (tmp_path / "zzz").write_text(csv())
    assert load("zzz", "y").name == "zzz"
    assert "There is no file 'diabetes'" in refused(Path("diabetes"))


def test_a_file_needs_a_target(tmp_path: Path) -> None:
    (tmp_path / "houses.csv").write_text(csv())
    sentence = refused(tmp_path / "houses.csv", None)
    assert "No target was given for the table 'houses'" in sentence
    assert "'a', 'b', 'y'" in sentence


def test_diabetes() -> None:
    result = load("diabetes")
    assert (result.name, result.target, result.X.shape) == ("diabetes", "progression", (442, 10))
    assert result.columns.step[[0, 1]].tolist() == [1, 1]
    assert result.columns.step[-1] == 1
    assert not np.isnan(result.X).any()
    assert load("diabetes", "bmi", drop=["s1"], name="mine").target == "bmi"
    assert load(Diabetes()).fingerprint == result.fingerprint


def test_anyones_data_set_can_be_loaded() -> None:
    class Mine(AbstractDataset):
        target = "y"

        def read(self) -> pa.Table:
            return pa.table(dict(zip("aby", np.array(ROWS).T, strict=True)))

    result = load(Mine())
    assert (result.name, result.X.shape) == ("mine", (50, 2))


def test_a_given_name_is_used(tmp_path: Path) -> None:
    (tmp_path / "houses.2024.csv.gz").write_bytes(gzip.compress(csv().encode()))
    assert load(tmp_path / "houses.2024.csv.gz", "y").name == "houses.2024"
    assert load(tmp_path / "houses.2024.csv.gz", "y", name="homes").name == "homes"
