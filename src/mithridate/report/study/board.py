"""The board in words and figures, and as the page `leaderboard.md`."""

import math
from collections.abc import Sequence

from .. import text
from ..frame import Frame
from ..intervals import Estimate, with_interval
from ..markdown import escaped, footer, paragraph, table
from .leaderboard import Board, BoardLine

HEADS = (
    "rank", "defense", "told", "error left, worst attack", "worst cell: gain", "where",
    "recovered, plain attacks", "recovered, adaptive attacks", "clean rows rejected", "fit",
    "failed",
)  # fmt: skip

DAGGER = "†"


def cells(line: BoardLine, rank: str) -> list[str]:
    """One line of the board, as text by column."""
    return [
        rank,
        line.name + ("" if line.adapted or not line.knowledge else f" {DAGGER}"),
        line.knowledge,
        with_interval(line.left, lambda v: text.times(math.exp(v))),
        with_interval(line.worst) if line.knowledge else "–",
        line.worst_at if line.knowledge else "",
        _share(line.plain),
        _share(line.adaptive),
        "told" if line.informed else _share(line.rejected),
        "–" if line.seconds is None else with_interval(line.seconds, duration),
        f"{line.failed:,} of {line.rows:,}" if line.failed else "0",
    ]


def _share(estimate: Estimate | None) -> str:
    if estimate is None or math.isnan(float(estimate.point)):
        return "–"
    return with_interval(estimate, whole)


def whole(share: float) -> str:
    """A share in whole percent, which may be below 0 or above 1.

    >>> whole(-0.002), whole(-1.712), whole(0.35)
    ('0 %', '−171 %', '35 %')
    """
    return f"{round(100 * share):,} %".replace("-", "−")


def duration(logarithm: float) -> str:
    """The time of a fit, from its logarithm.

    >>> duration(math.log(0.0123)), duration(math.log(2.5))
    ('12 ms', '2.5 s')
    """
    seconds = math.exp(logarithm)
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{1000 * seconds:.0f} ms" if seconds >= 0.01 else f"{1000 * seconds:.1f} ms"


def ranks(board: Board) -> list[tuple[str, BoardLine]]:
    """Lines with their ranks; those no attack was made for are counted apart."""
    ranked = [(str(i + 1), line) for i, line in enumerate(board.ranked)]
    ranked += [(f"{DAGGER}{i + 1}", line) for i, line in enumerate(board.unranked)]
    return ranked + [("", line) for line in board.reference]


ORDER = (
    "Order: the error left under the worst attack. At each table and ratio the attack counts that "
    "leaves this very defense the most error, among all that were tried and those made for it; the "
    "figure is the geometric mean, as times the error without poison. That is what whoever deploys "
    "a defense has to reckon with, since the attacker chooses; the worst gain alone would put "
    "first what does nothing."
)
MEANING = (
    "*Worst cell*: the least test defense gain over tables, attacks, alphas and ratios, each a "
    "mean over the seeds; the interval is that of the cell named. *Recovered*: mean gain over the "
    "mean gain of the oracle, which trains on exactly the clean rows; *plain*: under attacks made "
    "for no defense; *adaptive*: under those made for this one. *Clean rows rejected*: where there "
    "is no poison; *told*: it was told so. *Told*: `ratio` is the true ratio, which nobody knows "
    "in practice. *Fit*: geometric mean; times carry over as ratios only. In brackets 95 % "
    "bootstrap intervals over the seeds: where they overlap, an order is not shown."
)
NONE_KNOWN = (
    f"{DAGGER} No attack made for this defense is in the table. It is ranked apart, because an "
    "attacker who knows it may do better than any attack tried."
)
OWN = '''## Add yours

1. One file: a class of `mithridate.defenses.BaseDefense` with one method, which gives the mask of
   the rows to keep. It may stay in your own package. `sample_weight` is `None`, or the weights of
   the rows; higher `scores_` are more suspicious.

   ```python
   import numpy as np
   from mithridate.defenses import BaseDefense


   class Yours(BaseDefense):
       """Rejects the tenth of the rows whose target is farthest from the median."""

       def _find_inliers(self, X, y, sample_weight):
           self.scores_ = np.abs(y - np.median(y))
           self.threshold_ = float(np.quantile(self.scores_, 0.9))
           return self.scores_ <= self.threshold_
   ```
2. One command, after your class is named in the spec:

   ```
   mithridate bench adaptive --show > mine.toml
   mithridate bench mine.toml -o results/
   mithridate report results/
   ```

   In `mine.toml` add `"your.module:Yours"` to the `defenses` of the experiment `plain`, and an
   experiment of its own, as the other defenses have:

   ```toml
   [[experiments]]
   name = "yours"
   attacks = [{ use = "ascent", alphas = [1, 0.3], against = "your.module:Yours" }]
   unpoisoned = false
   batch = 0.3
   defenses = ["your.module:Yours"]
   ```

   The attack goes through the `surrogate` of your class: an instance of
   `mithridate.attack.victims.AbstractVictim` that fits as your defense does, such as
   `mithridate.attack.victims.Trimmed()`. `--scale small` tries it on one table first.
3. One table to submit: the files of `results/parts/`, with your file, in a pull request. A part is
   named by what it was computed from, so tables merge by copying.'''


def leaderboard_md(boards: Sequence[Board], results: Frame) -> str:
    """The page `leaderboard.md`."""
    parts = ["# Leaderboard", paragraph(ORDER), paragraph(MEANING)]
    for board in boards:
        parts += _board(board)
    parts += [OWN, footer(results)]
    return "\n\n".join(parts) + "\n"


def _board(board: Board) -> list[str]:
    head = f"## {escaped(board.model[:1].upper() + board.model[1:])}"
    lines = [[escaped(shown) for shown in cells(line, rank)] for rank, line in ranks(board)]
    below = len(board.ranked)
    if board.ranked and board.unranked:
        rule = ["", "*no adaptive attack known to us*", *[""] * (len(HEADS) - 2)]
        lines.insert(below, rule)
    parts = [head, paragraph(escaped(scope(board))), table(HEADS, lines)]
    return parts + [paragraph(escaped(note)) for note in notes(board)]


def scope(board: Board) -> str:
    """On what the defenses of a board were compared."""
    seeds = sorted(set(board.seeds))
    shown = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    ratios = text.listing([text.ratio(r) for r in board.ratios])
    return (
        f"{text.count(board.cells, 'cell')} that all of these were judged on: "
        f"{text.count(board.attacks, 'attack')} (alphas and settings) on "
        f"{text.listing(board.tables)}, at {ratios}; {shown} "
        f"{'seed' if shown == '1' else 'seeds'} a table."
    )


def notes(board: Board) -> list[str]:
    """What must be said below a board."""
    sentences = []
    if board.unranked:
        sentences.append(NONE_KNOWN)
    judged = [*board.ranked, *board.unranked]
    worse = [f"{line.name} {line.elsewhere}" for line in judged if line.elsewhere]
    if worse:
        sentences.append(f"Worse in cells that not all were judged on: {'; '.join(worse)}.")
    if board.partly:
        listed = text.listing(board.partly)
        sentences.append(f"Judged on too few cells to be ranked (how many): {listed}.")
    return sentences
