"""What the results say: sentences for the terminal, one HTML page for everyone else."""

from .audit import headlines, html, plots, write_html
from .cleaning import (
    MOST_SUSPECTS,
    CellLine,
    Cleaning,
    GroupLine,
    Histogram,
    Points,
    Suspect,
    cleaning_html,
    score_counts,
    score_edges,
)
from .influence import Deciding, Goal, Route, influence_html
from .notebook import notebook
from .study import study_pages, write_pages

__all__ = [
    "MOST_SUSPECTS",
    "CellLine",
    "Cleaning",
    "Deciding",
    "Goal",
    "GroupLine",
    "Histogram",
    "Points",
    "Route",
    "Suspect",
    "cleaning_html",
    "headlines",
    "html",
    "influence_html",
    "notebook",
    "plots",
    "score_counts",
    "score_edges",
    "study_pages",
    "write_html",
    "write_pages",
]
