"""Writes docs/table.md, the columns of the results, from the code that defines them."""

import dataclasses
from pathlib import Path

from mithridate.schema import Moved, PlottedRow, Row, Step

FILES = {
    "results.parquet": Row,
    "looks.parquet": PlottedRow,
    "moved.parquet": Moved,
    "trace.parquet": Step,
}


def page() -> str:
    """The page as Markdown."""
    lines = ["# The tables of a report", "", "Flat and typed; made by `python docs/make_table.py`."]
    for name, kind in FILES.items():
        lines += ["", f"## {name}", "", kind.__doc__ or "", "", "| column | type | meaning |"]
        lines += ["|---|---|---|"]
        for field in dataclasses.fields(kind):
            key = " *(key)*" if field.metadata["key"] else ""
            meaning = field.metadata["meaning"].replace("|", "\\|")
            lines.append(f"| `{field.name}`{key} | {field.metadata['kind']} | {meaning} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("table.md").write_text(page(), encoding="utf-8")
