"""The page `results.md`: the paper's claims with their verdicts, and the tables behind them."""

from collections.abc import Sequence

import pyarrow as pa

from ... import report
from ...report import text
from ...report.frame import Frame
from ...report.intervals import RESAMPLES
from ...report.markdown import escaped, footer, paragraph, table
from ...report.series import NONE
from ...report.study.findings import again
from . import tables
from .chapters import BOTH, chapters
from .claims import COMMAND, FAILS, HOLDS, NOT_RUN, NOTHING, PART, TOO_FEW, Chapter, Claim
from .headline import headline
from .readings import NETWORK, OURS, OWN, PAPER, PAPERS, READINGS, AttackReading

PAPER_TITLE = (
    'Carnerero-Cano et al., "Stealthy Poisoning Attacks Bypass Defenses in Regression Settings", '
    "arXiv 2601.22308"
)
HEADS = ("", "claim", "figure", "95 % interval", "verdict", "where", "command")
RULE = (
    "A verdict is computed, never typed in. A claim has parts: tables, alphas, ratios or defenses, "
    "as *where* names them. A part is shown where its 95 % interval lies on the claimed side, "
    "contrary where it lies on the other, open where it reaches over both. All shown: "
    f"*{HOLDS}*; some: *{PART}*; none: *{FAILS}*. Fewer than three seeds give no interval: "
    f"*{TOO_FEW}*. "
    f"Intervals are percentiles of {RESAMPLES:,} bootstrap draws of the seeds, each table's drawn "
    "apart and the same draw for all that is compared. Tables are not drawn: the figures speak of "
    "these alone. With few seeds such an interval is too narrow, and it is not corrected for the "
    "number of parts."
)
BESIDE = (
    "What the reading of the attack does to each claim. Intervals and exceptions are in the tables "
    "that follow."
)
MEANINGS = {
    **{
        r.experiment: tables.of_defenses
        for r in (*READINGS, *NETWORK)
        if r.whose in (PAPER, OWN)  # gains and damage of the others stand beside theirs
    },
    "sensitivity": tables.sensitivity,
    "predictive": tables.predictive,
    "normalizers": tables.normalizers,
}


def has_claims(chapters: Sequence[Chapter]) -> bool:
    """Whether any claim was held against anything."""
    return any(len(chapter.rows) for chapter in chapters)


def study_pages(results: pa.Table) -> dict[str, str]:
    """Draw the pages of a study, with the claims of the paper where its experiments are there.

    Parameters
    ----------
    results : pyarrow.Table
        Rows of `mithridate.schema.Row`.

    Returns
    -------
    dict of str to str
        The pages of `mithridate.report.study_pages`, and `results.md` where an experiment of the
        study `paper` is in the table.

    Examples
    --------
    >>> from mithridate.schema import Row, to_table
    >>> list(study_pages(to_table([], Row)))
    ['report.html']
    """
    frame = Frame(results)
    made = chapters(frame)
    if not has_claims(made):
        return report.study_pages(results)
    pages = {"results.md": results_md(made, frame)}
    return report.study_pages(results, findings=summaries(made), pages=pages)


def results_md(chapters: Sequence[Chapter], results: Frame) -> str:
    """The page `results.md`."""
    claims = [claim for chapter in chapters for claim in chapter.claims]
    parts = [
        "# Results",
        paragraph(f"The claims of {PAPER_TITLE}, in our words, held against our own runs."),
        *map(paragraph, summaries(chapters)),
        paragraph(size(results)),
        *headline(results),
        "## The claims",
        paragraph(RULE),
        *side_by_side(chapters),
    ]
    for chapter in chapters:
        parts += [f"### {escaped(chapter.title)}", table(HEADS, [_line(c) for c in chapter.claims])]
    for chapter in chapters:
        drawn = MEANINGS.get(chapter.experiment) if len(chapter.rows) else None
        made = drawn(chapter.rows) if drawn else []
        parts += [f"## {escaped(chapter.title)}: figures"] if made else []
        for title, note, figures in made:
            parts += [f"### {title}", paragraph(note), figures]
    commands = [
        f"mithridate bench paper -o results/   # or one experiment: --only {claims[0].experiment}"
    ]
    parts += [
        "## How to repeat it",
        "```bash\n" + "\n".join([*commands, "mithridate report results/"]) + "\n```",
    ]
    return "\n\n".join([*parts, footer(results)]) + "\n"


def side_by_side(chapters: Sequence[Chapter]) -> list[str]:
    """Each claim under every reading of the attack that was run, one table a model."""
    parts = []
    for model, readings in (("linear regression", READINGS), ("deep network", NETWORK)):
        drawn = _beside(chapters, readings)
        parts += [f"### Side by side, {model}", paragraph(BESIDE), drawn] if drawn else []
    return parts


def _beside(chapters: Sequence[Chapter], readings: Sequence[AttackReading]) -> str | None:
    run = {c.experiment: c for c in chapters if len(c.rows)}
    shown = [r for r in readings if r.experiment in run]
    if len(shown) < 2:
        return None
    verdicts = [{claim.number: claim for claim in run[r.experiment].claims} for r in shown]
    lines = [
        [s.number, s.text, *(_verdict(one[s.number]) for one in verdicts)]
        for s in BOTH
        if all(s.number in one for one in verdicts)
    ]
    heads = ["", "claim", *(_head(r) for r in shown)]
    return table(heads, lines)


def _head(reading: AttackReading) -> str:
    return f"{reading.whose}: {reading.risk}, {reading.when}, scaled by {reading.scaled}"


def _verdict(claim: Claim) -> str:
    return f"{_bold(claim.verdict)}: {escaped(claim.figure)}"


def _bold(verdict: str) -> str:
    return f"**{verdict}**" if verdict in (HOLDS, PART, FAILS) else verdict


def _line(claim: Claim) -> list[str]:
    return [
        claim.number,
        claim.text,
        escaped(claim.figure),
        escaped(claim.interval),
        _bold(claim.verdict),
        escaped(claim.where),
        f"`{COMMAND.format(claim.experiment)}`",
    ]


def summaries(chapters: Sequence[Chapter]) -> list[str]:
    """How the claims fare under the paper's attack, under ours, and in the other experiments."""
    readings = {r.experiment for r in READINGS}
    sets = {
        "of the paper on linear regression under its own attack": [PAPERS[0].experiment],
        "on linear regression under our attack": [OURS.experiment],
        "on other experiments": [c.experiment for c in chapters if c.experiment not in readings],
    }
    return [
        summary([claim for c in chapters if c.experiment in names for claim in c.claims], what)
        for what, names in sets.items()
    ]


def summary(claims: Sequence[Claim], what: str) -> str:
    """How many claims have which verdict.

    >>> summary([], "on trees")
    'Of 0 claims on trees none was run.'
    """
    order = (HOLDS, PART, FAILS, TOO_FEW, NOTHING, NOT_RUN)
    counts = {verdict: sum(c.verdict == verdict for c in claims) for verdict in order}
    verbs = {
        HOLDS: ("holds", "hold"),
        PART: ("holds in part", "hold in part"),
        FAILS: ("does not hold", "do not hold"),
        TOO_FEW: ("has too few seeds to tell", "have too few seeds to tell"),
        NOTHING: ("was not measured", "were not measured"),
        NOT_RUN: ("was not run", "were not run"),
    }
    line = [f"{n} {verbs[v][n != 1]}" for v, n in counts.items() if n]
    return f"Of {len(claims)} claims {what} {text.listing(line) or 'none was run'}."


def size(results: Frame) -> str:
    """How large the table of results is, and what of it is there twice."""
    tables = results.distinct("dataset")
    seeds = text.count(len(results.distinct("seed")), "seed")
    sets = text.count(len(results.poisoned.where(defense=NONE)), "poisoned training set")
    line = (
        f"{text.count(len(tables), 'table')} ({text.listing([escaped(t) for t in tables])}), up "
        f"to {seeds}, {sets}, {text.count(len(results), 'judged cell')}, {results.failed:,} of "
        "them failed."
    )
    return line + (f" {again(results.repeated)}" if results.repeated else "")
