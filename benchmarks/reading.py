"""Real CSV files, read by this package, CleverCSV, pandas and DuckDB with nothing told.

Each file counts as right (98 % of the cells or more are those that the survey states), refused (an
error), or silently wrong. Needs `pip install clevercsv pandas duckdb` and a folder with `as_found`,
files as people left them, and `clean`, the cells that they hold as plain CSV under the same names.

Run: python benchmarks/reading.py FOLDER [page.md]

With a page, the table between its marks `reading` is written anew.
"""

import csv
import sys
from collections.abc import Callable
from pathlib import Path

from mithridate.data import open as open_table
from mithridate.data import verbatim

Rows = list[list[str]]
ALIKE = 0.98
START, END = "<!-- reading -->", "<!-- /reading -->"
VERDICTS = ("right", "refused", "silently wrong")


def bare(row: list) -> list[str]:
    """Cells without blanks around them, empty ones at the end aside."""
    cells = ["" if cell is None else str(cell).strip() for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def by_mithridate(path: Path) -> tuple[Rows, bool]:
    """All rows as they are spelled, those that are set aside too; the door must accept the file."""
    opened = open_table(path)
    n = opened.frame.num_rows + len(opened.account.aside)
    found = verbatim(path, n)
    assert found is not None
    rows = zip(*(column.to_pylist() for column in found.rows.columns), strict=True)
    return [list(row) for row in rows], bool(found.layout.written)


def by_clevercsv(path: Path) -> tuple[Rows, bool]:
    import clevercsv
    from clevercsv.encoding import get_encoding

    text = path.read_text(encoding=get_encoding(str(path)))
    dialect = clevercsv.Sniffer().sniff(text[: 1 << 16])
    return list(clevercsv.reader(text.splitlines(keepends=True), dialect)), False


def by_pandas(path: Path) -> tuple[Rows, bool]:
    import pandas as pd

    frame = pd.read_csv(path, sep=None, engine="python", dtype=str, keep_default_na=False)
    rows = frame.fillna("").values.tolist()
    return [list(map(str, frame.columns)), *rows], False


def by_duckdb(path: Path) -> tuple[Rows, bool]:
    import duckdb

    found = duckdb.sql(f"select * from read_csv('{path}', all_varchar = true)")
    return [list(found.columns), *map(list, found.fetchall())], False


READERS: dict[str, Callable[[Path], tuple[Rows, bool]]] = {
    "Mithridate": by_mithridate,
    "CleverCSV": by_clevercsv,
    "pandas (`sep=None`)": by_pandas,
    "DuckDB's sniffer": by_duckdb,
}


def share(rows: Rows, truth: Rows) -> float:
    """The share of cells that are alike; 0 where there are more or fewer rows."""
    if len(rows) != len(truth):
        return 0.0
    pairs = list(zip(rows, truth, strict=True))
    total = sum(max(len(row), len(other)) for row, other in pairs)
    same = sum(a == b for row, other in pairs for a, b in zip(row, other, strict=False))
    return same / max(total, 1)


def verdict(reader: Callable[[Path], tuple[Rows, bool]], path: Path, truth: Rows) -> str:
    """What a reader made of a file: with or without its names is alike, for all readers."""
    try:
        found, _ = reader(path)
    except Exception:  # each has its own
        return "refused"
    rows = [row for row in map(bare, found) if row]
    # A first row of names may count as one or not, and the survey may have made one up.
    best = max(share(rows[i:], truth[j:]) for i in (0, 1) for j in (0, 1, 2))
    return "right" if best >= ALIKE else "silently wrong"


def table(folder: Path) -> str:
    """The table in Markdown."""
    csv.field_size_limit(sys.maxsize)
    files = sorted((folder / "as_found").glob("*.csv"))
    found: dict[str, list[str]] = {name: [] for name in READERS}
    for path in files:
        with (folder / "clean" / path.name).open(newline="", encoding="utf-8") as file:
            truth = [row for row in map(bare, csv.reader(file)) if row]
        for name, reader in READERS.items():
            found[name].append(verdict(reader, path, truth))
    lines = [f"| of {len(files)} files | {' | '.join(VERDICTS)} |", "|---|---|---|---|"]
    for name, said in found.items():
        lines.append(f"| {name} | {' | '.join(str(said.count(v)) for v in VERDICTS)} |")
    return "\n".join(lines)


def main(folder: str, page: str = "") -> None:
    made = table(Path(folder))
    print(made)
    if page:
        path = Path(page)
        before, _, rest = path.read_text(encoding="utf-8").partition(START)
        after = rest.partition(END)[2]
        path.write_text(f"{before}{START}\n{made}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
