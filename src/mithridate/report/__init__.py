"""What the results say: sentences for the terminal, one HTML page for everyone else."""

from .audit import headlines, html, write_html
from .cleaning import MOST_SUSPECTS, Cleaning, Group, Points, Suspect, cleaning_html
from .study import study_pages, write_pages

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
    "write_html",
    "write_pages",
]
