"""What cleaning a table costs and finds: plain loops, one ridge fit, size, and cleanlab.

Four parts, each of ways to the same end in turn in one process on one core, medians:

- `loops`: `Trim` and `Sever` against the same algorithms as plain loops, a refit of scikit-learn's
  `Ridge` on the kept rows in each round, SEVER with a full SVD; it is checked that they reject the
  same rows. The package's give reasons of rejected rows as well, but only when they are asked for,
  which they are not here.
- `fits`: `BayesClean` and `Antidote` against one fit of scikit-learn's `Ridge`.
- `scaling`: seconds from 1,000 to 1,000,000 rows of 30 columns, and from 10 to 300 columns of
  10,000 rows, with the exponent of a power law. Sizes that promise to take too long are left out.
- `found`: planted errors, found by `BayesClean(false_positive_rate=0.01)`, `Antidote` and
  cleanlab's `CleanLearning` around the same ridge. `swapped`: a tenth of the rows have the target
  of another row; `poisoned`: a tenth of the rows are stealthy poison, at alpha .3. What is pooled
  over seeds are rows; a row that got its own value back is no error. cleanlab is not among the
  dependencies: `pip install cleanlab`, or it is left out.

    python benchmarks/cleaning.py [--parts loops fits scaling found]
    python benchmarks/cleaning.py --parts found --data FILE:TARGET[:CATEGORICAL]
"""

import os

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import statistics
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import sklearn.linear_model
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score

from mithridate import poison
from mithridate.data import load
from mithridate.defenses import Antidote, BayesClean, Huber, Ridge, Sever, Trim

L2, SHARE, ROUNDS, SECONDS = 1e-3, 0.2, 3, 1.0
SIZES = [(n, d) for n in (1000, 10_000) for d in (10, 30, 100)]
LONG = [(n, 30) for n in (1000, 10_000, 100_000, 1_000_000)]
WIDE = [(10_000, d) for d in (10, 30, 100, 300)]
MOST = 20.0  # seconds that one fit may promise to take
ERRORS, SEEDS = 0.1, 3

Mask = np.ndarray


def rows(n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """A linear table with a fifth of its targets at the far end of the range."""
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(n, d))
    y = X @ rng.normal(size=d) / np.sqrt(d) + 0.1 * rng.normal(size=n)
    some = rng.permutation(n)[: round(SHARE * n)]
    y[some] = np.where(y[some] < np.median(y), y.max(), y.min())
    return X, y


def ridge(X, y):
    """A fit with the penalty on the mean loss."""
    return sklearn.linear_model.Ridge(alpha=L2 * len(y)).fit(X, y)


def plain_trim(X, y) -> Mask:
    """TRIM from all rows: fit, keep the rows that fit best, until they or the loss stand still."""
    n = len(y)
    count, kept, last = n - round(SHARE * n), np.arange(n), np.inf
    for _ in range(400):
        square = (y - ridge(X[kept], y[kept]).predict(X)) ** 2
        previous, kept = kept, np.sort(np.argsort(square, kind="stable")[:count])
        loss = square[kept].sum()
        if np.array_equal(previous, kept) or last - loss <= 1e-5 * last < np.inf:
            break
        last = loss
    ridge(X[kept], y[kept])
    return np.isin(np.arange(n), kept)


def plain_sever(X, y) -> Mask:
    """SEVER's four rounds, the top singular vector out of a full SVD."""
    kept = np.arange(len(y))
    for _ in range(4):
        A, b = X[kept], y[kept]
        residual = b - ridge(A, b).predict(A)
        gradient = residual[:, None] * np.column_stack([np.ones(len(b)), A - A.mean(axis=0)])
        centered = (gradient - gradient.mean(axis=0)) / np.sqrt(len(b))
        pull = np.abs(centered @ np.linalg.svd(centered, full_matrices=False)[2][0])
        removed = int(np.ceil(SHARE / 2 * len(b)))
        kept = np.sort(kept[np.argsort(pull, kind="stable")[: len(b) - removed]])
    ridge(X[kept], y[kept])
    return np.isin(np.arange(len(y)), kept)


def seconds(function) -> float:
    began = time.process_time()
    function()
    return time.process_time() - began


def medians(*ways) -> list[float]:
    """Median seconds of each way, in turn."""
    taken: list[list[float]] = [[] for _ in ways]
    until = time.process_time() + SECONDS
    while len(taken[0]) < ROUNDS or time.process_time() < until:
        for way, times in zip(ways, taken, strict=True):
            times.append(seconds(way))
    return [statistics.median(times) for times in taken]


def shown(value: float) -> str:
    return f"{value * 1e3:.1f} ms" if value < 1 else f"{value:.1f} s"


def loops() -> Table:
    """Two defenses against the same as plain loops."""
    head = "defense", "n", "d", "plain loop", "mithridate", "plain / mithridate", "same rows"
    table = Table(*head, title="Plain loops", box=MARKDOWN)
    for ours, plain in (
        (Trim(contamination=SHARE), plain_trim),
        (Sever(contamination=SHARE), plain_sever),
    ):
        for n, d in SIZES:
            X, y = rows(n, d)
            same = np.array_equal(ours.fit(X, y).inlier_mask_, plain(X, y))
            slow, fast = medians(lambda: plain(X, y), lambda: ours.fit(X, y))  # noqa: B023
            figures = shown(slow), shown(fast), f"{slow / fast:.1f}", "yes" if same else "NO"
            table.add_row(type(ours).__name__, str(n), str(d), *figures)
    return table


def fits() -> Table:
    """Two defenses against one fit without any."""
    ways = {
        "BayesClean": BayesClean(),
        "BayesClean, rate .01": BayesClean(false_positive_rate=0.01),
        "Antidote": Antidote(),
    }
    table = Table("n", "d", "one ridge", *ways, title="One fit", box=MARKDOWN)
    for n, d in SIZES:
        X, y = rows(n, d)
        calls = [lambda w=w: w.fit(X, y) for w in ways.values()]  # noqa: B023
        base, *taken = medians(lambda: ridge(X, y), *calls)  # noqa: B023
        cells = [f"{shown(t)} (x {t / base:.0f})" for t in taken]
        table.add_row(str(n), str(d), shown(base), *cells)
    return table


def scaling(sizes: list[tuple[int, int]], axis: int, since: int) -> Table:
    """Seconds by size, and the exponent from size `since` on."""
    name = "nd"[axis]
    heads = [f"{name} = {size[axis]:,}" for size in sizes]
    title = f"Scaling in {name}"
    table = Table("defense", *heads, f"exponent from {since:,} on", title=title, box=MARKDOWN)
    ways = BayesClean(), Trim(contamination=SHARE), Sever(contamination=SHARE), Huber(), Antidote()
    taken: list[list[float]] = [[] for _ in ways]
    for i, size in enumerate(sizes):
        X, y = rows(*size)
        for way, times in zip(ways, taken, strict=True):
            promised = times[-1] * size[axis] / sizes[i - 1][axis] if times else 0.0
            if len(times) == i and promised < MOST:
                first = seconds(lambda: way.fit(X, y))  # noqa: B023
                more = [seconds(lambda: way.fit(X, y)) for _ in range(2 * (first < 1))]  # noqa: B023
                times.append(statistics.median([first, *more]))
    for way, times in zip(ways, taken, strict=True):
        at = np.array([size[axis] for size in sizes[: len(times)]])
        late = at >= since
        slope = np.polyfit(np.log(at[late]), np.log(np.array(times)[late]), 1)[0]
        cells = [*map(shown, times), *["-"] * (len(sizes) - len(times))]
        table.add_row(type(way).__name__, *cells, f"{slope:.2f}" if late.sum() > 1 else "-")
    return table


class Planted(NamedTuple):
    """A table in [0, 1] whose errors are known."""

    X: np.ndarray
    y: np.ndarray
    wrong: np.ndarray


def swapped(given: list[str], seed: int) -> Planted:
    """A tenth of the rows get the target of another row."""
    (X, y), rng = numbers(*given), np.random.default_rng(seed)
    some = rng.permutation(len(y))[: round(ERRORS * len(y))]
    donors = (some + rng.integers(1, len(y), size=len(some))) % len(y)
    changed = y.copy()
    changed[some] = y[donors]
    return Planted(X, changed, changed != y)


def poisoned(given: list[str], seed: int) -> Planted:
    """A tenth of the rows are stealthy poison."""
    source, target, categorical = [*given, "", ""][:3]
    codes = [c for c in categorical.split(",") if c]
    how: dict[str, Any] = {"alpha": 0.3, "ratio": ERRORS, "seed": seed}
    made = poison(source, target=target or None, categorical=codes, **how)
    wrong = nw.from_native(made.frame, eager_only=True)["is_poison"].to_numpy()
    name = target or load(source).target
    X, y = numbers(made.frame, name, categorical, ["is_poison"])
    order = np.random.default_rng(seed).permutation(len(y))
    return Planted(X[order], y[order], wrong[order])


def numbers(source: Any, target: str = "", categorical: str = "", drop=()) -> tuple[Any, Any]:
    """Features and target of a whole table, in [0, 1], holes filled by the median."""
    codes = [c for c in categorical.split(",") if c]
    data = load(source, target or None, drop=list(drop), categorical=codes)
    X = np.where(np.isnan(data.X), np.nanmedian(data.X, axis=0), data.X)
    both = np.column_stack([X, data.y])
    low, high = both.min(axis=0), both.max(axis=0)
    both = (both - low) / np.where(high > low, high - low, 1.0)
    return both[:, :-1], both[:, -1]


def ours(defense):
    """What a defense rejects, with its scores."""

    def find(X, y):
        fitted = defense.fit(X, y)
        return ~fitted.inlier_mask_, fitted.scores_

    return find


def finders() -> dict[str, Any]:
    """The ways to find errors; cleanlab's where it is installed."""
    ways = {
        "BayesClean, rate .01": ours(BayesClean(false_positive_rate=0.01)),
        "Antidote": ours(Antidote()),
    }
    try:
        from cleanlab.regression.learn import CleanLearning  # pyright: ignore
    except ImportError:
        return ways

    def find(X, y):
        issues = CleanLearning(model=Ridge(L2), seed=0).find_label_issues(X, y)
        return issues["is_label_issue"].to_numpy(), 1 - issues["label_quality"].to_numpy()

    return {**ways, "CleanLearning": find}


def rejected_in_clean(sources: list[str], console: Console) -> Table:
    """Precision, recall and ranking of planted errors, and the time."""
    ways = finders()
    if "CleanLearning" not in ways:
        console.print("cleanlab is not installed (pip install cleanlab): left out.")
    head = "table", "n x d", "errors", "way", "rejected", "precision", "recall", "AUC", "time"
    title = f"Planted errors in 10 % of the rows, {SEEDS} seeds"
    table = Table(*head, title=title, box=MARKDOWN)
    for given in sources:
        source = Path(given.split(":")[0]).stem
        for plant in (swapped, poisoned):
            some = [plant(given.split(":"), seed) for seed in range(SEEDS)]
            size = " x ".join(map(str, some[0].X.shape))
            for name, find in ways.items():
                table.add_row(source, size, plant.__name__, name, *judged(find, some))
    return table


def judged(find, some: list[Planted]) -> list[str]:
    """Share rejected, precision and recall of all rows; mean AUC and median time of the tables."""
    rejected = hits = wrongs = total = 0
    ranks, times = [], []
    for X, y, wrong in some:
        began = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            flagged, scores = find(X, y)
        times.append(time.process_time() - began)
        ranks.append(roc_auc_score(wrong, scores))
        rejected, hits = rejected + flagged.sum(), hits + (flagged & wrong).sum()
        wrongs, total = wrongs + wrong.sum(), total + len(wrong)
    precision = f"{hits / rejected:.2f}" if rejected else "-"
    figures = f"{rejected / total:.2f}", precision, f"{hits / wrongs:.2f}", f"{np.mean(ranks):.2f}"
    return [*figures, shown(statistics.median(times))]


def main() -> None:
    parts = ["loops", "fits", "scaling", "found"]
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--parts", nargs="*", default=parts, choices=parts)
    parser.add_argument("--data", nargs="*", default=[], metavar="FILE:TARGET[:CATEGORICAL]")
    args, console = parser.parse_args(), Console(width=150)
    if "loops" in args.parts:
        console.print(loops())
    if "fits" in args.parts:
        console.print(fits())
    if "scaling" in args.parts:
        console.print(scaling(LONG, 0, 10_000))
        console.print(scaling(WIDE, 1, 30))
    if "found" in args.parts:
        console.print(rejected_in_clean(["diabetes", *args.data], console))


if __name__ == "__main__":
    main()
