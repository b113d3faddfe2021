"""What is proved of single predictions, of rows that replace clean ones, and of Huber regression.

For ridge (l2 = 1e-3), 300 training rows or half of the table, and seed 0, three tables as Markdown:

- of the first 100 test rows (30 where there are more than 40 columns), the share whose prediction
  stays within a tenth of the target range, whatever poison of 1 and of 4 % of the rows is added;
- the error found and the error proved, over the clean one, where 1, 2, 4 and 8 rows are replaced,
  the most rows for which there is a bound, and how many rows cannot double the error;
- the median width of the intervals of 15 validation rows, in ranges of the target, of ridge and of
  Huber regression (delta: 1.345 standard deviations of the clean residuals), where the targets of
  poison keep to their range, and where they may lie 1, 10 or 100 ranges outside. Of tables of
  numbers with at most `MOST` columns.

    python benchmarks/promises.py diabetes table.csv:target[:drop,drop] ...
"""

import sys
from collections.abc import Iterator

import numpy as np
from normalizers import load
from threadpoolctl import threadpool_limits

from mithridate.bench import Spec
from mithridate.bench.worlds import world, writable
from mithridate.bounds import Ball, HuberFits, Replacing, Setting, Writable, moved, swapped
from mithridate.tables.encoded import Encoded, Split

L2 = 1e-3
WITHIN = 0.1  # of the range of the target
SHARES = (0.01, 0.04)
FEW, MANY, WIDE = 30, 100, 40  # predictions, and the columns from which on they are few
REPLACED = (1, 2, 4, 8)
BESIDE, HUBER, MOST = (3, 12), 1.345, 13
OUTSIDE = (0, 1, 10, 100)
JUDGED = 15


def settled(data: Encoded, part: str) -> tuple[Split, Setting, Writable]:
    """A table with the rows of one part to be judged, and what may be written into it."""
    spec = Spec.of({"ratios": [0.1], "attacks": [{"use": "ascent", "alphas": [1.0]}]})
    split = data.split(0)
    judged = getattr(split, part)
    setting = Setting(split.train.X, split.train.y, judged.X, judged.y, l2=L2)
    return split, setting, writable(world(split, data.target, spec.threat))


def bounded(setting: Setting, rows: Writable, poison: int, directions: np.ndarray) -> np.ndarray:
    """The ends of what so many rows can make of each prediction."""
    ball = Ball.of(setting, poison)
    return np.full((len(directions), 2), np.nan) if ball is None else moved(ball, rows, directions)


def stay(data: Encoded) -> str:
    """The share of the predictions that few rows cannot move far."""
    split, setting, rows = settled(data, "test")
    n, d = split.train.X.shape
    count = FEW if d > WIDE else MANY
    directions = np.column_stack([split.test.X, np.ones(len(split.test.y))])[:count]
    cells = []
    for share in SHARES:
        poison = max(round(share * n), 1)
        ends = bounded(setting, rows, poison, directions)
        middle = directions @ setting.fit(0).theta
        stays = np.abs(ends - middle[:, None]).max(axis=1) <= WITHIN
        cells.append(f"{100 * stays.mean():.0f} % ({poison})")
    return f"| {data.name}, {n} rows | {' | '.join(cells)} |"


def replaced(data: Encoded) -> str:
    """Error found and error proved where rows of the table go."""
    split, setting, rows = settled(data, "validation")
    about, clean, cells = Replacing(setting, rows, max(REPLACED)), setting.fit(0).error, []
    for count in REPLACED:
        upper = about.prove(count)
        pool = np.arange(len(split.train.y))
        lower = swapped(setting, rows, count, pool, planes=[upper.witness.q], seed=0)
        cells.append(f"{times(lower.error / clean)} / {times(upper.bound / clean)}")
    whole = Replacing(setting, rows, len(split.train.y))
    cells += [str(whole.most), str(whole.safe_rows(2 * clean))]
    return f"| {data.name}, {len(split.train.y)} rows | {' | '.join(cells)} |"


def times(value: float) -> str:
    """A multiple with three digits or more."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def widths(data: Encoded) -> Iterator[str]:
    """Intervals of ridge and of Huber regression, in ranges of the target."""
    split, setting, rows = settled(data, "validation")
    directions = np.column_stack([split.validation.X, np.ones(len(split.validation.y))])[:JUDGED]
    theta = setting.fit(0).theta
    residuals = setting.v - np.column_stack([split.train.X, np.ones(len(setting.v))]) @ theta
    delta, label = HUBER * float(np.std(residuals)), f"beside {len(setting.v)}"
    for poison in BESIDE:
        cells = []
        for far in OUTSIDE:
            reach = np.append(np.zeros(directions.shape[1] - 1), float(far))
            wide = rows._replace(lower=rows.lower - reach, upper=rows.upper + reach)
            ridge = bounded(setting, wide, poison, directions)
            huber = HuberFits(setting, wide, poison, delta).moved(directions)
            cells.append(" / ".join(f"{np.median(np.ptp(x, axis=1)):.2g}" for x in (ridge, huber)))
        yield f"| {data.name}, {poison} rows {label} | {' | '.join(cells)} |"


def main(names: list[str]) -> None:
    """Prints the three tables."""
    tables = [load(name) for name in names]
    with threadpool_limits(1):
        print("| predictions that stay | 1 % more rows | 4 % more rows |\n|---|---|---|")
        for data in tables:
            print(stay(data), flush=True)
        heads = " | ".join(map(str, REPLACED))
        heads += " | the last with a bound | cannot double"
        print(f"\n| found / bound, rows replaced: | {heads} |\n{'|---' * 7}|")
        for data in tables:
            print(replaced(data), flush=True)
        heads = " | ".join(f"{far} outside" for far in OUTSIDE)
        print(f"\n| width: ridge / Huber | {heads} |\n{'|---' * 5}|")
        for data in tables:
            if data.X.shape[1] <= MOST and not len(data.columns.optional):
                print(*widths(data), sep="\n", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or ["diabetes"])
