"""What the results say: sentences for the terminal, one HTML page for everyone else."""

from ._cleaning import MOST_SUSPECTS, Cleaning, Group, Points, Suspect, cleaning_html
from ._headlines import headlines
from ._page import html, write_html
from ._study import study_pages, write_docs, write_study

__all__ = [
    "MOST_SUSPECTS",
    "Cleaning",
    "Group",
    "Points",
    "Suspect",
    "cleaning_html",
    "headlines",
    "html",
    "study_pages",
    "write_docs",
    "write_html",
    "write_study",
]
