"""Seconds to read plain CSV files, beside Arrow alone, in turns.

Run: python benchmarks/reading_speed.py [rows] [columns] [turns]
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from mithridate.tables import read


def made(path: Path, rows: int, columns: int) -> None:
    """Numbers with decimals, integers, one column of words, as exports have them."""
    rng = np.random.default_rng(0)
    table = {f"x{j}": rng.normal(50, 15, rows).round(3) for j in range(columns - 6)}
    table |= {f"k{j}": rng.integers(0, 100_000, rows) for j in range(5)}
    table["place"] = np.array(["north", "south", "east", "west"])[rng.integers(0, 4, rows)]
    arrow_csv.write_csv(pa.table(table), path, arrow_csv.WriteOptions(quoting_style="needed"))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of all processors."""
    wall, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - used


def main(rows: int = 1_000_000, columns: int = 30, turns: int = 7) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.csv")
        made(path, rows, columns)
        size = path.stat().st_size / 1e6
        print(f"{rows:,} rows x {columns} columns, {size:.0f} MB, {turns} turns each, in turns")
        ways = {"arrow": lambda: arrow_csv.read_csv(path), "mithridate": lambda: read.read(path)}
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(turns):
            for name, work in ways.items():
                found[name].append(timed(work))
        middle = {name: np.median(np.array(times), axis=0) for name, times in found.items()}
        for name, (wall, used) in middle.items():
            print(f"{name:12} {wall:6.2f} s by the clock, {used:6.2f} s of processors (medians)")
        ratios = np.array(found["mithridate"]) / np.array(found["arrow"])
        wall, used = np.median(ratios, axis=0)
        print(
            f"mithridate / arrow, median of the turns: {wall:.2f} by the clock, {used:.2f} of time"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
