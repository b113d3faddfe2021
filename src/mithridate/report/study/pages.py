"""The pages of a study: the report, the leaderboard, the comparison."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from ... import _files
from ..frame import Frame
from .board import leaderboard_md
from .comparison import compared, comparison_md
from .leaderboard import boards
from .page import study_html


def study_pages(
    results: pa.Table, *, findings: Sequence[str] = (), pages: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Draw the pages of a study from its table of results alone.

    Parameters
    ----------
    results : pyarrow.Table
        Rows of `mithridate.schema.Row`.
    findings : sequence of str, optional
        Sentences of whoever knows the study, to stand among those of the report.
    pages : mapping of str to str, optional
        Pages of whoever knows the study, by file name; they are given back after the report.

    Returns
    -------
    dict of str to str
        The pages by file name: `report.html` always; `leaderboard.md` and `comparison.md` where
        defenses were judged on poison.

    Examples
    --------
    >>> from mithridate.schema import Row, to_table
    >>> keys = dict(dataset="t", victim="ridge", judge="ridge", attack="flip", seed=0, ratio=0.1)
    >>> keys |= dict(nmse_clean=0.2, nmse_poisoned=0.6, nmse_defended=0.3, gain=0.5)
    >>> rows = [Row(**keys, defense="none"), Row(**keys, defense="trim")]
    >>> list(study_pages(to_table(rows, Row)))
    ['report.html', 'leaderboard.md', 'comparison.md']
    """
    frame = Frame(results)
    standings = boards(frame)
    drawn = {"report.html": study_html(frame, standings, findings), **(pages or {})}
    if standings:
        drawn["leaderboard.md"] = leaderboard_md(standings, frame)
        drawn["comparison.md"] = comparison_md(compared(frame), frame)
    return drawn


def write_pages(pages: Mapping[str, str], folder: Path | str) -> list[Path]:
    """Write pages to a folder, each all or nothing.

    Parameters
    ----------
    pages : mapping of str to str
        Pages by file name, as `study_pages` gives them.
    folder : path-like
        Folder to write to; it must exist.

    Returns
    -------
    list of pathlib.Path
        The files, in the order of `pages`.
    """
    return [_written(Path(folder) / name, page) for name, page in pages.items()]


def _written(path: Path, page: str) -> Path:
    _files.write_atomically(path, lambda part: part.write_text(page, encoding="utf-8"))
    return path
