"""What a run of `clean` answers, as plain values that are the same in every run.

Three doors: `python` is the call in memory, `command` the command line on a file, `passes` the
command line on a folder, and `passes_file` the call in passes on a file without an output.
"""

import contextlib
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from . import doors
from .table import LINEAR, Table
from .tables import TABLES

FOLDER = Path(__file__).parent / "answers"
DOORS = ("python", "command", "passes", "passes_file")
LONG, SHOWN = 1200, 4  # characters from which on kept rows are a digest, and lines still shown
LONGER, MORE = 3000, 6  # the same of a quarantine
EXACTLY = "sha256 to the last digit"  # depends on how the processor rounds
PASS = re.compile(r"^pass \d+: ")
LONG_NUMBER = re.compile(  # a decimal of many digits; with a comma only between semicolons
    r"-?(?:\d{6,}\.\d+|\d+(?:\.\d{6,}(?:e[+-]?\d+)?|(?:\.\d+)?e[+-]?\d+))|(?<=;)-?\d+,\d{6,}"
)
SPEED = re.compile(r"\d[\d,]* rows/s")


def stored(table: str) -> dict[str, Any]:
    """The frozen answers on a table, by door and run."""
    return json.loads((FOLDER / f"{table}.json").read_text(encoding="utf-8"))


def runs() -> list[tuple[str, str]]:
    """Pairs of a table and a door."""
    made = {name: make() for name, make in TABLES.items()}
    return [
        (name, door)
        for name, table in made.items()
        for door in DOORS
        if (door not in ("command", "passes_file") or not table.parts)
        and (door != "passes_file" or table.form == "parquet")
    ]


def answered(name: str, door: str, folder: Path) -> dict[str, Any]:
    """The answers of all runs of a table at a door; works in the empty `folder`."""
    said, table = {}, TABLES[name]()
    for run in table.runs:
        if run not in ("default", *LINEAR) and door.startswith("passes"):
            continue
        place = folder / run
        place.mkdir()
        with contextlib.chdir(place):
            answer = globals()[f"_{door}"](table, run)
        text = json.dumps(answer, ensure_ascii=False).replace(str(place), "<folder>")
        said[run] = json.loads(text)
    return said


def _python(table: Table, run: str) -> dict[str, Any]:
    """In memory: the mask, what is said, and the two frames by name."""
    paths = table.write(Path())
    frame = table.frame()
    try:
        found = doors.clean(str(paths[0]) if frame is None else frame, **table.how(run))
    except ValueError as error:
        return {"error": f"{type(error).__name__}: {error}"}
    kept, gone = found.kept, found.quarantined
    answer = _said(found) | {
        "library": type(kept).__module__.split(".")[0],
        "kept": [len(kept), *map(str, _names(kept))],
        "quarantined": [len(gone), *map(str, _names(gone))],
    }
    if found.groups is not None:
        answer["groups"] = found.groups.to_dict("records")
    return json.loads(json.dumps(answer, default=lambda value: value.item()))


def _command(table: Table, run: str) -> dict[str, Any]:
    """The command line on one file."""
    (path,) = table.write(Path())
    out = f"out/cleaned.{table.form}"
    Path("out").mkdir()
    return _called(str(path), out, table, run)


def _passes(table: Table, run: str) -> dict[str, Any]:
    """The command line on a folder, which is read in passes."""
    paths = table.write(Path())
    if not table.parts:
        Path("table").mkdir()
        paths[0].rename(Path("table") / paths[0].name)
    return _called("table", "out", table, run)


def _passes_file(table: Table, run: str) -> dict[str, Any]:
    """The call in passes on one file, without an output."""
    (path,) = table.write(Path())
    try:
        return _said(doors.clean_in_passes(path, **table.how(run)))
    except ValueError as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _said(found: Any) -> dict[str, Any]:
    return {
        "rows": len(found.mask),
        "rejected": [i for i, kept in enumerate(found.mask.tolist()) if not kept],
        "summary": list(found.summary),
        "notes": list(found.notes),
    }


def _names(frame: Any) -> list[Any]:
    return list(getattr(frame, "column_names", None) or frame.columns)


def _called(path: str, out: str, table: Table, run: str) -> dict[str, Any]:
    words = [path, "-o", out, "--verbose", *table.words, *_options(table.how(run))]
    code, said, told = doors.command(*words)
    told = [line for line in told.splitlines() if not PASS.match(line)]
    below = Path("out")
    paths = sorted(p for p in below.rglob("*") if p.is_file())
    return {
        "code": code,
        "said": [SPEED.sub("<speed>", line) for line in _without_tries(said, run)],
        "told": told,
        "rejected": _rejected(paths),
        "files": {path.relative_to(below).as_posix(): _written(path) for path in paths},
    }


def _without_tries(said: str, run: str) -> list[str]:
    """Lines but those on passes where the optimizer decides how many there are."""
    return [x for x in said.splitlines() if not (run == "huber" and x.startswith("Pass over"))]


def _options(how: dict[str, Any]) -> list[str]:
    words = []
    for key, value in how.items():
        if key == "options":
            for name, number in value.items():
                words += ["--option", f"{name}={'none' if number is None else number}"]
        else:
            shown = ",".join(value) if isinstance(value, list) else str(value)
            words += [f"--{key.replace('_', '-')}", shown]
    return words


def _rejected(paths: list[Path]) -> list[int]:
    """Numbers of the rejected rows, from 1, by the quarantine."""
    rows = []
    for path in paths:
        if _is_quarantine(path):
            table = pq.ParquetFile(path).read() if path.suffix == ".parquet" else _read(path)
            rows += table["mithridate_row"].to_pylist()
    return rows


def _read(path: Path) -> Any:
    delimiter = next(d for d in ",;\t" if f"{d}mithridate_row{d}" in _plain(path))
    options = arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    return arrow_csv.read_csv(path, parse_options=options)


def _plain(path: Path) -> str:
    return path.read_bytes().decode().replace('"', "")


def _is_quarantine(path: Path) -> bool:
    return "quarantine" in path.name or "quarantine" in path.parts


def _written(path: Path) -> Any:
    """What a file holds: text, or schema and rows; kept rows that are many as a digest."""
    if path.suffix == ".html":
        return "a page"
    if path.suffix == ".parquet":
        file = pq.ParquetFile(path)
        table, about = file.read(), file.metadata
        groups = [about.row_group(i).num_rows for i in range(about.num_row_groups)]
        rows = [json.dumps([*row.values()], default=str) for row in table.to_pylist()]
        answer = {"schema": str(table.schema).splitlines(), "row groups": groups}
        return answer | {"rows": _digested(rows, _is_quarantine(path))}
    # Not splitlines: the ends of lines belong to what is frozen.
    lines = path.read_bytes().decode().split("\n")
    return _digested(lines, _is_quarantine(path))


def _digested(lines: list[str], quarantine: bool) -> Any:
    """The lines, or the first ones and digests; that of a quarantine is of six digits a number."""
    text, long, shown = "\n".join(lines), LONG, SHOWN
    if quarantine:
        long, shown = LONGER, MORE
    if len(text) <= long:
        return lines
    answer = {"lines": len(lines), "first": lines[:shown]}
    if quarantine:
        answer[EXACTLY] = _digest(text)
        text = LONG_NUMBER.sub(lambda found: f"{number(found[0]):.6g}", text)
    return answer | {"sha256": _digest(text)}


def number(text: str) -> float:
    """A decimal, with a point or a comma."""
    return float(text.replace(",", "."))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
