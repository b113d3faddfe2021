"""Pages of evidence say which code they were made with, and where it is another by now."""

import ast
import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_spec = importlib.util.spec_from_file_location("evidence", ROOT / "docs" / "evidence.py")
assert _spec and _spec.loader
evidence = importlib.util.module_from_spec(_spec)
sys.modules["evidence"] = evidence
_spec.loader.exec_module(evidence)
MARKS = [(page, *line) for page, lines in evidence.pages().items() for line in lines]


@pytest.mark.parametrize(
    ("page", "number", "mark"), MARKS, ids=[f"{p.stem}-{n}" for p, n, _ in MARKS]
)
def test_a_page_is_as_new_as_the_code_or_says_that_it_is_older(page, number, mark):
    assert not mark.stale, evidence.problem(page, number, mark)


@pytest.mark.parametrize("name", evidence.PAGES)
def test_a_page_says_what_it_was_made_with_in_its_first_lines(name):
    page = ROOT / "docs" / f"{name}.md"
    lines = evidence.pages().get(page, [])
    assert lines and lines[0][0] <= 12
    said = page.read_text(encoding="utf-8").count("*Figures made with version ")
    assert said == len(lines)  # none is written in a way that is not read


def test_a_line_is_read_as_it_is_written():
    made = "*Figures made with version 0.1, code 12ab of 2026-01-31, by `a b`"
    line = f"{made}; rests on `moments.py` `x`.*"
    text = f"# A\n\n{line}\n"
    ((number, mark),) = evidence.marks(text)
    assert number == 3 and str(mark) == line
    assert mark.sources == ("moments.py", "x") and mark.command == "`a b`"
    mark = evidence.replace(mark, sources=("moments.py",))
    assert mark.stale  # its code is none that ever was
    older = evidence.replace(mark, changed=True)
    assert not older.stale
    assert list(evidence.marks(str(older))) == [(1, older)]
    assert "docs/a.md:3" in evidence.problem(ROOT / "docs" / "a.md", 3, mark)
    assert "`a b`" in evidence.problem(ROOT / "docs" / "a.md", 3, mark)


def test_comments_docstrings_and_layout_do_not_count_and_all_else_does():
    code = 'def f(a, b=2):\n    return [a, b, "text", f"{a}"]\n'
    other = (
        '"""Doc."""\n\ndef f(a,\n    b=2):  # why\n    "Doc."\n    return [a, b, "text", f"{a}"]'
    )
    assert evidence.structure(code) == evidence.structure(other)
    for old, new in (("b=2", "b=3"), ('"text"', '"next"'), ("[a, b", "[b, a"), ("def f", "def g")):
        assert evidence.structure(code) != evidence.structure(code.replace(old, new))
    kept = ast.unparse(ast.parse(other))
    assert evidence.structure(kept) == evidence.structure(code)


def test_pages_are_brought_up_to_date(tmp_path, monkeypatch):
    page, mark = (
        tmp_path / "page.md",
        evidence.Mark("0.0.1", "0" * 10, "2020-01-01", "`x`", ("errors.py",), False),
    )
    page.write_text(f"# Page\n\n{mark}\n\n| 1 |\n")
    evidence.rewritten(page, made=False)
    ((_, older),) = evidence.marks(page.read_text())
    assert older == evidence.replace(mark, changed=True)  # the figures are still the old ones
    evidence.rewritten(page, made=True)
    ((_, new),) = evidence.marks(page.read_text())
    assert new.code == evidence.hashed(("errors.py",)) and not new.changed and not new.stale
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", new.date) and new.date > mark.date
    evidence.rewritten(page, made=False)
    assert page.read_text() == f"# Page\n\n{new}\n\n| 1 |\n"
    with pytest.raises(SystemExit, match="no file or folder"):
        evidence.hashed(("nowhere",))
