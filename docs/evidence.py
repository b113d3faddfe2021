"""Which code the pages of evidence were made with, and whether it has changed since.

A page that shows measured figures carries one line, or one for each of its parts:

    *Figures made with version 0.1.0, code 1a2b3c of 2026-11-29, by `TOLD`; rests on `x.py`.*

Behind `rests on` stand files and folders of `src/mithridate`, or files of `benchmarks`. `code` is a
hash of what they do: of their syntax trees without comments, docstrings and layout. Where it is no
longer that of the code, the page must say so: the line ends in *The code has changed since.*

    python docs/evidence.py                    # every line: as made, says so, or STALE
    python docs/evidence.py made PAGE ...      # after the command was run: code and date of today
    python docs/evidence.py changed [PAGE ...] # figures stay: pages whose code changed say so
"""

import ast
import datetime
import hashlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
CHANGED = "The code has changed since."
UNKNOWN = "unknown"  # what pages have that were made before they said what with
LINE = re.compile(
    r"^\*Figures made with version (?P<version>\S+), code (?P<code>\w+) of (?P<date>[\d-]+), by "
    r"(?P<command>``? ?.+?`); rests on (?P<sources>(?:`[^`]+` ?)+)\.(?P<changed> "
    + CHANGED
    + r")?\*$",
    re.MULTILINE,
)


PAGES: dict[str, tuple[str, str]] = {
    "antidote": ("mithridate bench antidote", "attack defenses"),
    "benchmarks": ("the commands below", "attack moments.py"),
    "bigtable": ("python benchmarks/bigtable.py", "passes tables defenses/streaming.py"),
    "bounds": ("the commands below", "bounds benchmarks/bounds.py benchmarks/promises.py"),
    "comparison": ("mithridate bench", "attack defenses bench"),
    "deep": ("python benchmarks/deep.py", "attack defenses/_deepbayesclean.py benchmarks/deep.py"),
    "explanation/trees": ("python benchmarks/trees.py", "attack bench benchmarks/trees.py"),
    "leaderboard": ("mithridate bench adaptive --scale medium", "attack defenses bench"),
    "normalizers": (
        "python benchmarks/normalizers.py",
        "attack/objective.py attack/attacks/_ascent.py benchmarks/normalizers.py",
    ),
    "poisonability": (
        "python benchmarks/poisonability.py",
        "attack/attacks/_ascent.py attack/victims/_ridge.py benchmarks/poisonability.py",
    ),
    "practical": (
        "python benchmarks/practical.py",
        "cleaning defenses tables benchmarks/practical.py",
    ),
    "reading": ("python benchmarks/reading.py", "tables benchmarks/reading.py"),
    "results": ("mithridate bench paper", "attack defenses bench"),
}
"""Pages whose figures are measured: the command that makes them, and what they rest on."""


@dataclass(frozen=True)
class Mark:
    """What a page says of how its figures were made."""

    version: str
    code: str
    date: str
    command: str  # with its backticks
    sources: tuple[str, ...]
    changed: bool

    def __str__(self) -> str:
        sources = " ".join(f"`{source}`" for source in self.sources)
        made = f"version {self.version}, code {self.code} of {self.date}, by {self.command}"
        end = f" {CHANGED}" if self.changed else ""
        return f"*Figures made with {made}; rests on {sources}.{end}*"

    @property
    def now(self) -> str:
        """The hash of the code as it is."""
        return hashed(self.sources)

    @property
    def stale(self) -> bool:
        """Whether the code is another, and the page does not say so."""
        return not self.changed and self.code != self.now


def marks(text: str) -> Iterator[tuple[int, Mark]]:
    """The lines of a page, each with its number from 1."""
    for match in LINE.finditer(text):
        sources = tuple(re.findall(r"`([^`]+)`", match["sources"]))
        number = text.count("\n", 0, match.start()) + 1
        yield (
            number,
            Mark(
                match["version"],
                match["code"],
                match["date"],
                match["command"],
                sources,
                match["changed"] is not None,
            ),
        )


def pages() -> dict[Path, list[tuple[int, Mark]]]:
    """The pages that have such lines."""
    by_page = {page: list(marks(page.read_text(encoding="utf-8"))) for page in DOCS.rglob("*.md")}
    return {page: lines for page, lines in sorted(by_page.items()) if lines}


def hashed(sources: tuple[str, ...]) -> str:
    """A hash of what some files and folders do, whatever their comments and layout."""
    files = sorted({file for source in sources for file in _files(source)})
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(ROOT).as_posix()}\n".encode())
        digest.update(structure(file.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:10]


def structure(source: str) -> str:
    """The syntax tree of a source without docstrings, written alike by all versions of Python."""
    return _written(ast.parse(source))


def _files(source: str) -> list[Path]:
    place = (ROOT if source.startswith("benchmarks/") else ROOT / "src" / "mithridate") / source
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    if not files or not all(file.is_file() for file in files):
        raise SystemExit(f"{source} is no file or folder of the code; name one that is.")
    return files


def _written(node: object) -> str:
    if isinstance(node, ast.AST):
        # Versions of Python differ in fields that are empty.
        fields = ((name, _written(value)) for name, value in ast.iter_fields(node))
        inside = ",".join(f"{name}={text}" for name, text in fields if text not in ("None", "[]"))
        return f"{type(node).__name__}({inside})"
    if isinstance(node, list):
        return "[" + ",".join(_written(item) for item in node if not _is_text(item)) + "]"
    return repr(node)


def _is_text(node: object) -> bool:
    """Whether a statement is a string alone: a docstring."""
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def problem(page: Path, number: int, mark: Mark) -> str:
    """What is wrong with a line that is stale, and what to do."""
    name = page.relative_to(ROOT)
    return (
        f"{name}:{number} was made with code {mark.code} of "
        f"{', '.join(mark.sources)}, which is now {mark.now}. Either run {mark.command}, put its "
        f"figures into the page and run `python docs/evidence.py made {name}`; or let the page "
        f"say that it is older: `python docs/evidence.py changed {name}`."
    )


def rewritten(page: Path, made: bool) -> None:
    """Brings the lines of a page up to date: made today, or older than the code and saying so."""
    text = page.read_text(encoding="utf-8")
    if made and not any(marks(text)):  # the command wrote the page anew
        title, _, rest = text.partition("\n")
        text = f"{title}\n\n{_unmade(page)}\n{rest}"
    for _, mark in marks(text):
        if made:
            today = datetime.date.today().isoformat()
            new = replace(mark, version=_version(), code=mark.now, date=today, changed=False)
        else:
            new = replace(mark, changed=mark.changed or mark.stale)
        text = text.replace(str(mark), str(new))
    page.write_text(text, encoding="utf-8")


def _unmade(page: Path) -> Mark:
    """The line of a page that has none yet."""
    command, sources = PAGES[page.relative_to(DOCS).with_suffix("").as_posix()]
    return Mark(_version(), UNKNOWN, "0", f"`{command}`", tuple(sources.split()), changed=True)


def _version() -> str:
    code = (ROOT / "src" / "mithridate" / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "(.+)"', code, re.MULTILINE)
    assert match
    return match[1]


def main(arguments: list[str]) -> None:
    known = [DOCS / f"{name}.md" for name in PAGES]
    if not arguments:
        for page, lines in pages().items():
            for number, mark in lines:
                state = "STALE" if mark.stale else "says so" if mark.changed else "as made"
                print(f"{state:8} {page.relative_to(ROOT)}:{number}  {mark.command}")
        return
    what, *names = arguments
    given = [Path(name).resolve() for name in names] or (known if what == "changed" else [])
    if what not in ("made", "changed") or not given or not set(given) <= set(known):
        raise SystemExit((__doc__ or "").strip())
    for page in given:
        rewritten(page, made=what == "made")


if __name__ == "__main__":
    main(sys.argv[1:])
