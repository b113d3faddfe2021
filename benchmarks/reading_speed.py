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


def made(path: Path, rows: int, columns: int, quoting: str) -> None:
    """Numbers with decimals, integers, one column of words, which may be quoted."""
    rng = np.random.default_rng(0)
    table = {f"x{j}": rng.normal(50, 15, rows).round(3) for j in range(columns - 6)}
    table |= {f"k{j}": rng.integers(0, 100_000, rows) for j in range(5)}
    table["place"] = np.array(["north", "south", "east", "west"])[rng.integers(0, 4, rows)]
    arrow_csv.write_csv(pa.table(table), path, arrow_csv.WriteOptions(quoting_style=quoting))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of all processors."""
    wall, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - used


def main(rows: int = 1_000_000, columns: int = 30, turns: int = 7) -> None:
    """Prints medians for a file without quotes, and for one whose words are quoted."""
    for quoting, what in (("none", "no quotes"), ("needed", "words in quotes")):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "table.csv")
            made(path, rows, columns, quoting)
            size = path.stat().st_size / 1e6
            print(f"{rows:,} rows x {columns} columns, {size:.0f} MB, {what}, {turns} turns each")
            beside(path, turns)


def beside(path: Path, turns: int) -> None:
    """Reads a file in both ways, by turns."""
    ways = {"arrow": lambda: arrow_csv.read_csv(path), "mithridate": lambda: read.read(path)}
    times_by_way: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(turns):
        for name, work in ways.items():
            times_by_way[name].append(timed(work))
    for name, times in times_by_way.items():
        wall, used = np.median(np.array(times), axis=0)
        print(f"  {name:10} {wall:6.2f} s by the clock, {used:6.2f} s of processors (medians)")
    wall, used = np.median(
        np.array(times_by_way["mithridate"]) / np.array(times_by_way["arrow"]), axis=0
    )
    print(f"  mithridate / arrow, medians: {wall:.2f} by the clock, {used:.2f} of processors")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
