"""Tables larger than memory: what a pass costs beside decoding, memory in n, Dask, and peers.

    python benchmarks/bigtable.py TABLE.csv TARGET [--rows 1000000,10000000] [--folder DIR]

Makes tables from a real one: rows drawn with replacement, every number with noise of a tenth of its
column's deviation, 30 numeric columns, a twentieth of the targets at the far end of their range. In
a folder that is given they stay, and are taken from there the next time.

Everything is measured in processes of its own, in one run; decoding and the passes by turns in the
same process, the best of three, up to 10,000,000 rows. The figures that count are the ratios.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

COLUMNS = 30
PART = 1_000_000  # rows of a file
TARGET = "y"
SPAN = 1 << 21  # rows that one worker reads
PATIENCE = 3600  # seconds
RUNS = 3  # of which the best counts, of tables of at most LONG rows
LONG = 10_000_000


def generate(real: Path, target: str, rows: int, folder: Path) -> None:
    from mithridate import data

    encoded = data.load(str(real), target)
    X = np.where(np.isnan(encoded.X), np.nanmedian(encoded.X, axis=0), encoded.X)
    X = X[:, np.arange(COLUMNS) % X.shape[1]]
    spread, low, high = X.std(axis=0), encoded.y.min(), encoded.y.max()
    for start in range(0, rows, PART):
        rng = np.random.default_rng(start)
        n = min(PART, rows - start)
        drawn = rng.integers(0, len(X), n)
        table = {}
        for j in range(COLUMNS):
            table[f"x{j}"] = X[drawn, j] + 0.1 * spread[j] * rng.standard_normal(n)
        y = encoded.y[drawn] + 0.01 * encoded.y.std() * rng.standard_normal(n)
        bad = rng.random(n) < 0.05
        y[bad] = np.where(y[bad] > np.median(y), low, high)
        table[TARGET] = y
        path = folder / f"part-{start // PART:04}.parquet"
        pq.write_table(pa.table(table), path, row_group_size=1 << 17)


def decode(folder: str, runs: int) -> dict:
    """All columns through pyarrow as it comes, and nothing done with them."""

    def scan() -> int:
        return sum(len(batch) for batch in ds.dataset(folder).to_batches())

    return {"seconds": min(timed(scan)[0] for _ in range(runs))}


def passes(folder: str, defense: str, runs: int) -> dict:
    """The same through our reader, and each pass of a cleaning."""
    from mithridate import clean
    from mithridate.tables.folder import find_files, surveyed

    source, _ = surveyed(*find_files(folder), False)
    names, seconds_of_runs = source.schema.names, []

    def read() -> int:
        return sum(t.num_rows for _, t in source.blocks(names, 0, source.rows))

    for _ in range(runs):
        decoding, n = timed(read)
        seconds, result = timed(lambda: clean(folder, target=TARGET, defense=defense))
        seconds_of_runs.append([decoding, seconds, *(n / rate for _, rate in result.passes)])
    decoding, seconds, *each = map(min, zip(*seconds_of_runs, strict=True))
    named = [(what, s) for (what, _), s in zip(result.passes, each, strict=True)]
    rejected = result.defense.n_rejected_
    return {"decoding": decoding, "seconds": seconds, "passes": named, "rejected": rejected}


def written(folder: str, defense: str, out: str) -> dict:
    """A cleaning with its output."""
    from mithridate import clean

    seconds, result = timed(lambda: clean(folder, target=TARGET, defense=defense, out=out))
    return {"seconds": seconds, "rejected": result.defense.n_rejected_}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def dask(folder: str, workers: int) -> dict:
    from distributed import Client, LocalCluster

    from mithridate import clean

    options = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        clean(folder, target=TARGET, client=client)  # imports, once
        sent, submit = [], client.submit
        client.submit = lambda *given, **how: sent.append(1) or submit(*given, **how)
        began = time.perf_counter()
        result = clean(folder, target=TARGET, client=client)
        seconds = time.perf_counter() - began
    if not sent:
        raise SystemExit("the table was too short to be sent to the cluster")
    rejected = result.defense.n_rejected_
    return {"seconds": seconds, "rejected": rejected, "tasks": len(sent)}


def memory(folder: str, defense: str) -> dict:
    """The same in memory, reading included."""
    import mithridate

    began = time.perf_counter()
    table = pq.read_table(folder)
    result = mithridate.clean(table, target=TARGET, defense=defense)
    return {"seconds": time.perf_counter() - began, "rejected": int((~result.mask).sum())}


def huber(folder: str, rows: int) -> dict:
    from sklearn.linear_model import HuberRegressor
    from sklearn.preprocessing import minmax_scale

    began = time.perf_counter()
    table = pq.read_table(folder).slice(0, rows).to_pandas()
    X = minmax_scale(table.drop(columns=TARGET).to_numpy())
    model = HuberRegressor(max_iter=1000).fit(X, minmax_scale(table[TARGET]))
    return {"seconds": time.perf_counter() - began, "rejected": int(model.outliers_.sum())}


def cleanlab(folder: str, rows: int) -> dict:
    try:
        from cleanlab.regression.learn import CleanLearning
    except ImportError:
        raise SystemExit("cleanlab is not installed; pip install cleanlab") from None
    from sklearn.linear_model import LinearRegression

    began = time.perf_counter()
    table = pq.read_table(folder).slice(0, rows).to_pandas()
    finder = CleanLearning(LinearRegression(), seed=0)
    issues = finder.find_label_issues(table.drop(columns=TARGET).to_numpy(), table[TARGET])
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "rejected": int(issues["is_label_issue"].sum())}


TASKS = {f.__name__: f for f in (decode, passes, written, dask, memory, huber, cleanlab)}


def measured(task: str, *given: object) -> dict:
    """What a task gives in a process of its own, with the peak of its memory in MB."""
    command = [sys.executable, __file__, "--task", task, json.dumps(given)]
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return {"failed": f"longer than {PATIENCE} s"}
    if run.returncode:
        printed = run.stderr.strip().splitlines() or [f"ended by signal {-run.returncode}"]
        return {"failed": printed[-1][:100]}
    return json.loads(run.stdout.splitlines()[-1])


def largest(task: str, folder: str, rows: int) -> dict:
    """The same of a peer on as many of the rows as it can do in memory and time."""
    while True:
        record = measured(task, folder, rows) | {"rows": rows}
        if "failed" not in record or "installed" in record["failed"] or rows <= 10_000:
            return record
        print(f"  {task}: {record}", flush=True)
        rows //= 10


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", nargs="?")
    parser.add_argument("target", nargs="?")
    parser.add_argument("--rows", default="100000,1000000,10000000")
    parser.add_argument("--most", type=int, default=1_000_000, help="rows for peers")
    parser.add_argument("--folder", default=None)
    parser.add_argument("--task", nargs=2)
    asked = parser.parse_args()
    if asked.task:
        result = TASKS[asked.task[0]](*json.loads(asked.task[1]))
        print(json.dumps(result | {"peak": peak()}))
        return
    for rows in map(int, asked.rows.split(",")):
        home = Path(asked.folder or tempfile.mkdtemp())
        folder = home / f"rows-{rows}"
        try:
            if not folder.exists():
                fresh = folder.with_suffix(".new")
                shutil.rmtree(fresh, ignore_errors=True)
                fresh.mkdir(parents=True)
                generate(Path(asked.table), asked.target, rows, fresh)
                fresh.rename(folder)
            report(rows, str(folder), asked.most)
        finally:
            if not asked.folder:
                shutil.rmtree(home)


def report(rows: int, folder: str, most: int) -> None:
    runs = RUNS if rows <= LONG else 1
    print(f"\n{rows:,} rows\n  pyarrow: {measured('decode', folder, runs)}", flush=True)
    for defense in ("bayesclean", "trim") if rows <= LONG else ("bayesclean",):
        record = measured("passes", folder, defense, runs)
        print(f"  {defense}: {record}", flush=True)
        ratios = []
        for what, seconds in record.get("passes", []):
            ratios.append(seconds / record["decoding"])
            print(f"    {what}: {seconds / rows * 1e9:.0f} ns/row, {ratios[-1]:.2f} of decoding")
        if ratios:
            print(f"    a pass on average: {np.mean(ratios):.2f} of decoding")
    if shutil.disk_usage(folder).free > 2 * sum(p.stat().st_size for p in Path(folder).iterdir()):
        print(f"  with output: {measured('written', folder, 'bayesclean', f'{folder}.out')}")
        shutil.rmtree(f"{folder}.out", ignore_errors=True)
    else:
        print("  with output: no room on the disk")
    if rows <= most:
        print(f"  memory: {measured('memory', folder, 'bayesclean')}", flush=True)
        for task in ("huber", "cleanlab"):
            print(f"  {task}: {largest(task, folder, rows)}", flush=True)
    for workers in (1, 2) if SPAN < rows <= LONG else ():  # a shorter table stays here
        print(f"  dask, {workers} workers: {measured('dask', folder, workers)}", flush=True)


if __name__ == "__main__":
    main()
