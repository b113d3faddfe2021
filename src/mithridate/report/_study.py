"""The pages of a study: the report, the paper's claims, the leaderboard."""

from pathlib import Path

import pyarrow as pa

from .. import _files
from ._board_words import leaderboard_md
from ._claims import chapters
from ._comparison import compared, comparison_md
from ._frame import Frame
from ._leaderboard import boards
from ._results_md import has_claims, results_md
from ._study_page import study_html


def study_pages(results: pa.Table) -> dict[str, str]:
    """The pages that a table of results gives, by file name, from the table alone.

    `report.html` always; `leaderboard.md` and `comparison.md` where defenses were judged on poison;
    `results.md` where an experiment of the study `paper` is there. `results` is a table of
    `schema.Row`.

    >>> from mithridate.schema import Row, to_table
    >>> keys = dict(dataset="t", victim="ridge", judge="ridge", attack="flip", seed=0, ratio=0.1)
    >>> keys |= dict(nmse_clean=0.2, nmse_poisoned=0.6, nmse_defended=0.3, gain=0.5)
    >>> rows = [Row(**keys, defense="none"), Row(**keys, defense="trim")]
    >>> list(study_pages(to_table(rows, Row)))
    ['report.html', 'leaderboard.md', 'comparison.md']
    """
    frame = Frame(results)
    found, claims = boards(frame), chapters(frame)
    pages = {"report.html": study_html(frame, found, claims)}
    if has_claims(claims):
        pages["results.md"] = results_md(claims, frame)
    if found:
        pages["leaderboard.md"] = leaderboard_md(found, frame)
        pages["comparison.md"] = comparison_md(compared(frame), frame)
    return pages


def write_study(results: pa.Table, folder: Path | str) -> list[Path]:
    """Writes the pages of a study to a folder, each all or nothing; gives their paths."""
    return [_written(Path(folder) / name, page) for name, page in study_pages(results).items()]


def write_docs(results: pa.Table, folder: Path | str) -> list[Path]:
    """Writes the Markdown pages alone."""
    pages = study_pages(results)
    return [_written(Path(folder) / n, page) for n, page in pages.items() if n.endswith(".md")]


def _written(path: Path, page: str) -> Path:
    _files.write_atomically(path, lambda part: part.write_text(page, encoding="utf-8"))
    return path
