"""A source whose targets are off as a whole: how often `clean --groups` names it, and no other.

To each table of benchmarks/practical.py a column with eight sources is added, at random. Then every
target of one source is moved by a share of the target's standard deviation, or none is. Printed,
for each share: of how many tables the source is named, and how many other sources are named in all.

    python benchmarks/sources.py [--only tuned|new] [--tables 20] [--minutes 9]
"""

import argparse
import time
import warnings
import zlib

import numpy as np
import pandas as pd
import practical

import mithridate

SHIFTS = 0.0, 0.25, 0.5, 1.0, 1.5
SOURCES = 8


def named(X, y, seed, shift):
    """The sources that are called off, where the first is off by `shift` standard deviations."""
    rng = np.random.default_rng([3, seed])
    rows = rng.permutation(len(y))[:600]
    source = rng.integers(SOURCES, size=len(rows))
    target = y[rows] + shift * y.std() * (source == 0)
    frame = pd.DataFrame(X[rows], columns=[f"x{j}" for j in range(X.shape[1])])
    frame["target"], frame["source"] = target, [f"s{k}" for k in source]
    groups = mithridate.clean(frame, target="target", groups="source", only="rows").groups
    # Without the column no mean could be taken: where all targets but a few are equal, say.
    return set(groups.loc[groups["off"], "group"]) if "off" in groups else set()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", choices=("tuned", "new"))
    parser.add_argument("--tables", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=9.0, help="no new table after that")
    asked, begin, answers = parser.parse_args(), time.monotonic(), []
    warnings.simplefilter("ignore")
    for name, X, y in practical.tables([]):
        seed = zlib.crc32(name.encode())
        if asked.only and (seed // 7 % 2 == 0) != (asked.only == "tuned"):
            continue
        if len(answers) == asked.tables or time.monotonic() - begin > 60 * asked.minutes:
            break
        answers.append([named(X, y, seed, shift) for shift in SHIFTS])
    print(f"{len(answers)} tables, {SOURCES} sources each.\n")
    print("| off by, sd | named | others named |\n|---|---|---|")
    for shift, runs in zip(SHIFTS, zip(*answers, strict=True), strict=True):
        first = sum("s0" in names for names in runs) if shift else 0
        others = sum(len(names - ({"s0"} if shift else set())) for names in runs)
        print(f"| {shift} | {f'{first} of {len(runs)}' if shift else ''} | {others} |")


if __name__ == "__main__":
    main()
