"""The second moments of a long table: a pass of `clean` beside pyarrow and a BLAS, DuckDB, polars.

A table of 2,000,000 rows and 31 columns of doubles is made in a temporary folder. Each way reads it
and computes the 496 sums of products of its columns about their means, on one thread, in a process
of its own, by turns, and the best of three counts, in rows for each second of processor time:

- `clean`: the pass `moments` of BayesClean over files, which scales the columns as well; the first
  pass, which surveys the columns, and the pass of the scatter from a scratch file are told apart;
- `pyarrow and a BLAS`: batches of `dataset.to_batches()`, and a symmetric product of each;
- `DuckDB`: one query with 496 `regr_sxy`;
- `polars`: one lazy query with 496 sums of products, by its streaming engine.

It is checked that all three peers come to the same sums. `pip install duckdb polars`.

    python benchmarks/gram.py [--rows 2000000]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

COLUMNS, PART, RUNS = 31, 500_000, 3
NAMES = [f"x{j}" for j in range(COLUMNS - 1)] + ["y"]
PAIRS = list(combinations_with_replacement(range(COLUMNS), 2))
ALONE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
Result = dict[str, Any]


def generate(rows: int, folder: Path) -> None:
    """Gaussian columns with a common part, and a target that a line explains in part."""
    coef = np.random.default_rng(0).normal(size=COLUMNS - 1)
    for start in range(0, rows, PART):
        rng, n = np.random.default_rng(start + 1), min(PART, rows - start)
        X = rng.normal(size=(n, COLUMNS - 1)) + rng.normal(size=(n, 1))
        table = dict(zip(NAMES, X.T, strict=False)) | {"y": X @ coef + rng.normal(size=n)}
        path = folder / f"part-{start // PART}.parquet"
        pq.write_table(pa.table(table), path, row_group_size=1 << 17)


def ours(folder: str) -> Result:
    """The passes of a cleaning, each in rows for each second."""
    from mithridate import clean

    began = time.process_time(), time.perf_counter()
    result = clean(folder, target="y", defense="bayesclean")
    share = (time.process_time() - began[0]) / (time.perf_counter() - began[1])
    # Passes are timed by the clock; on a busy machine the process had a share of the processor.
    return {"passes": [(what, rate / share) for what, rate in result.passes]}


def blas(folder: str) -> Result:
    """Batch by batch; sums about the means of the first batch, corrected at the end."""
    began, shift, n = time.process_time(), None, 0
    total, gram = np.zeros(COLUMNS), np.zeros((COLUMNS, COLUMNS))
    for batch in ds.dataset(folder).to_batches(use_threads=False):
        Z = np.stack([column.to_numpy() for column in batch.columns])
        shift = Z.mean(axis=1) if shift is None else shift
        Z -= shift[:, None]
        n, total, gram = n + Z.shape[1], total + Z.sum(axis=1), gram + Z @ Z.T
    scatter = gram - np.outer(total, total) / n
    return rate_of(began, n, [scatter[i, j] for i, j in PAIRS])


def duck(folder: str) -> Result:
    """Sums as a database has them."""
    import duckdb

    sums = ", ".join(f"regr_sxy({NAMES[i]}, {NAMES[j]})" for i, j in PAIRS)
    database = duckdb.connect(config={"threads": 1})
    began = time.process_time()
    query = f"SELECT count(*), {sums} FROM read_parquet('{folder}/*.parquet')"
    n, *values = database.execute(query).fetchall()[0]
    return rate_of(began, n, values)


def streamed(folder: str) -> Result:
    """Sums of products and of columns, put together at the end."""
    import polars as pl

    began = time.process_time()
    products = [(pl.col(NAMES[i]) * pl.col(NAMES[j])).sum().alias(f"{i} {j}") for i, j in PAIRS]
    single = [pl.col(name).sum() for name in NAMES]
    table = pl.scan_parquet(f"{folder}/*.parquet")
    row = table.select(pl.len().alias("n"), *single, *products).collect(engine="streaming").row(0)
    n, total, product = row[0], row[1 : COLUMNS + 1], row[COLUMNS + 1 :]
    together = zip(PAIRS, product, strict=True)
    return rate_of(began, n, [p - total[i] * total[j] / n for (i, j), p in together])


def rate_of(began: float, n: int, sums: list[float]) -> Result:
    """Rows for each second, and the sums."""
    return {"rate": n / (time.process_time() - began), "sums": [float(one) for one in sums]}


WAYS = {"clean": ours, "pyarrow and a BLAS": blas, "DuckDB": duck, "polars": streamed}


def measured(way: str, folder: Path) -> Result | None:
    """What a way gives in a process of its own; None where it is not installed."""
    command = [sys.executable, __file__, "--way", way, "--folder", str(folder)]
    run = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | ALONE
    )
    if "ModuleNotFoundError" in run.stderr:
        return None
    if run.returncode:
        raise SystemExit(run.stderr)
    return json.loads(run.stdout.splitlines()[-1])


def rates_table(rows: int, folder: Path) -> None:
    """Measures all ways by turns, and prints the table."""
    generate(rows, folder)
    rates: dict[str, list[float]] = {}
    sums = {}
    for _ in range(RUNS):
        for way in WAYS:
            record = measured(way, folder)
            if record is None:
                continue
            for k, (what, rate) in enumerate(record.get("passes", [])):
                rates.setdefault(f"clean, pass {k + 1}: {what}", []).append(rate)
            if "rate" in record:
                rates.setdefault(way, []).append(record["rate"])
                sums[way] = np.array(record["sums"])
    alone = sums["pyarrow and a BLAS"]
    for way, some in sums.items():
        np.testing.assert_allclose(some, alone, rtol=1e-6, atol=1e-6 * rows, err_msg=way)
    base = max(rates["pyarrow and a BLAS"])
    print("| way | million rows/s | / pyarrow and a BLAS |\n|---|---|---|")
    for way, each in rates.items():
        print(f"| {way} | {max(each) / 1e6:.2f} | {max(each) / base:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--folder")
    asked = parser.parse_args()
    if asked.way:
        print(json.dumps(WAYS[asked.way](asked.folder)))
        return
    with tempfile.TemporaryDirectory() as folder:
        rates_table(asked.rows, Path(folder))


if __name__ == "__main__":
    main()
