"""A file and its target in one word."""

from pathlib import Path

import pytest

import mithridate
from mithridate import data
from mithridate.auditing.asked import source_of
from mithridate.bench import Spec
from mithridate.bench.running import loaded
from mithridate.cli import app
from mithridate.data.load import load
from mithridate.errors import InputError
from mithridate.tables import write
from mithridate.tables.place import place

TEXT = "\n".join(["a,b,y", *(f"{i % 7},{i % 3},{i * i % 11}" for i in range(80))]) + "\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("homes.csv").write_text(TEXT)
    return tmp_path


def test_the_target_follows_the_last_mark(here: Path) -> None:
    Path("a#b.csv").write_text(TEXT.replace("b,y", "b,y#2"))
    for source, name, target in (
        ("file:homes.csv#y", "homes", "y"),
        (f"file:{here}/homes.csv#b", "homes", "b"),
        ("file:a#b.csv#a", "a#b", "a"),
    ):
        table = data.open(source)
        assert (table.name, table.target) == (name, target)
        assert load(source).target == target
        assert table.path is not None
    assert load("file:homes.csv#y", "a").target == "a"
    assert load("file:homes.csv", "y").target == "y"
    assert load("file:a#b.csv", "y#2").target == "y#2"
    assert load("a#b.csv", "y#2").name == "a#b"
    assert load(Path("a#b.csv"), "y#2").name == "a#b"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("file:", "names no file"),
        ("file:#y", "names no file"),
        ("file:homes.csv#", "names no target after '#'"),
        ("file:home.csv#y", "There is no file 'home.csv'; did you mean 'homes.csv'?"),
        ("file:homes.csv#z", "no column 'z' to predict"),
        ("file:homes.csv", "No target was given"),
        ("homes.csv#y", "write 'file:homes.csv#y'"),
        ("file:\0#y", "There is no file"),
    ],
)
def test_what_is_not_so_is_one_sentence(source: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        load(source)
    assert words in str(caught.value)
    assert str(caught.value).isprintable()


def test_it_is_written_as_it_is_read() -> None:
    for source in ("file:homes.csv#y", "file:homes.csv"):
        assert str(place(source)) == source
    assert place("homes.csv#y") is place(Path("file:x")) is place(None) is None


def test_every_door_takes_it(here: Path) -> None:
    source = "file:homes.csv#y"
    assert mithridate.clean(source, defense="trim").mask.shape == (80,)
    assert mithridate.poison(source, attack="random", ratio=0.1, rows=40).rows == 9


def test_a_spec_names_it_from_any_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Spec.of({"data": {"source": source_of("file:homes.csv#y")}})
    assert spec.data.source == f"file:{here}/homes.csv#y"
    monkeypatch.chdir(here.parent)
    assert loaded(spec, None).X.shape == (80, 2)
    again = Spec.parse(spec.dump())
    assert (again.data.source, again.data.target) == (spec.data.source, "y")
    assert loaded(again, None).name == "homes"


def test_the_file_behind_it_is_never_overwritten(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "file:homes.csv#y"
    assert write.output_for(source) == Path("homes.cleaned.csv")
    with pytest.raises(InputError, match="never overwritten"):
        write.check_output(Path("homes.csv"), data.file_of(source))
    command = ["mithridate", "poison", source, "--out", "homes.csv"]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit) as stop:
        app.main()
    assert stop.value.code == 1
    assert "is the table itself" in capsys.readouterr().err
    assert Path("homes.csv").read_text() == TEXT
