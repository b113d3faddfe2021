"""The schema of the results is one thing in code, files and docs."""

import importlib.util
from pathlib import Path

import pytest

from mithridate import _files, schema
from mithridate.errors import InputError

DOCS = Path(__file__).parents[1] / "docs"
ROW = schema.Row(dataset="t", victim="ridge", attack="none", seed=0, ratio=0.0, defense="none")


@pytest.mark.parametrize(
    ("script", "page"), [("make_table", "table.md"), ("make_errors", "reference/errors.md")]
)
def test_a_generated_page_is_up_to_date(script, page):
    spec = importlib.util.spec_from_file_location(script, DOCS / f"{script}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = module.page()
    assert (DOCS / page).read_text(encoding="utf-8") == made, f"run python docs/{script}.py"


def test_a_table_comes_back_as_it_was_written(tmp_path):
    made = schema.to_table([ROW], schema.Row, {"notes": ["é"]})
    schema.write(made, tmp_path / "t.parquet")
    back = schema.read(tmp_path / "t.parquet")
    assert back.equals(made)
    assert schema.about(back) == {"notes": ["é"]}
    assert back.schema.field("gain").metadata[b"meaning"].startswith(b"test defense gain")


def test_a_failed_write_leaves_nothing(tmp_path):
    (tmp_path / "t.parquet").write_text("old")

    def fail(path):
        path.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        _files.write_atomically(tmp_path / "t.parquet", fail)
    assert [p.name for p in tmp_path.iterdir()] == ["t.parquet"]
    assert (tmp_path / "t.parquet").read_text() == "old"


def test_what_a_killed_run_left_is_overwritten(tmp_path):
    path = tmp_path / "t.json"
    for text in ("half", "whole"):  # the first is killed, so that nothing is put away
        run = _files.whole(path, shared=False)
        run.__enter__().write_text(text)
    assert not path.exists()
    run.__exit__(None, None, None)
    assert path.read_text() == "whole" and [*tmp_path.iterdir()] == [path]


def test_files_are_written_together_or_not_at_all(tmp_path):
    out = tmp_path / "out"
    with _files.together(out) as fresh:
        (fresh / "a").write_text("1")
        (fresh / "b").write_text("2")
    assert {p.name: p.read_text() for p in out.iterdir()} == {"a": "1", "b": "2"}
    with pytest.raises(RuntimeError), _files.together(out) as fresh:
        (fresh / "a").write_text("3")
        raise RuntimeError
    (out / "c").mkdir()
    with pytest.raises(InputError, match="c is a folder there"), _files.together(out) as fresh:
        (fresh / "a").write_text("3")
        (fresh / "c").write_text("4")
    assert (out / "a").read_text() == "1" and sorted(p.name for p in out.iterdir()) == [*"abc"]


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="cannot be written"):
            _files.check_folder(folder)
    _files.check_folder(tmp_path / "new" / "below")
    assert not (tmp_path / "new").exists()
