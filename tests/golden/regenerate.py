"""Writes the frozen answers anew: `python -m tests.golden.regenerate [TABLE ...]`.

For use where an answer is meant to change: read the difference of the files before it is committed.
Without names all tables are cleaned, and answers on tables that are gone are removed.
"""

import json
import re
import sys
import tempfile
from pathlib import Path

from .frozen import FOLDER, answered, runs

ROWS = re.compile(r"\[\n[\s\d,]+\]")  # a list of row numbers


def main(names: list[str]) -> None:
    """Cleans the tables at all doors and writes a file for each."""
    every: dict[str, list[str]] = {}
    for table, door in runs():
        every.setdefault(table, []).append(door)
    for table in names or every:
        said = {}
        for door in every[table]:
            with tempfile.TemporaryDirectory() as folder:
                said[door] = answered(table, door, Path(folder).resolve())
        text = json.dumps(said, indent=1, ensure_ascii=False)
        text = ROWS.sub(lambda found: "[" + " ".join(found[0][1:-1].split()) + "]", text)
        (FOLDER / f"{table}.json").write_text(text + "\n", encoding="utf-8")
    for path in FOLDER.glob("*.json"):
        if path.stem not in every:
            path.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
