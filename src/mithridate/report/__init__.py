"""What the results say: sentences for the terminal, one HTML page for everyone else."""

from ._cleaning import MOST_SUSPECTS, Cleaning, Group, Points, Suspect, cleaning_html
from ._headlines import headlines
from ._page import html, write_html

__all__ = [
    "MOST_SUSPECTS",
    "Cleaning",
    "Group",
    "Points",
    "Suspect",
    "cleaning_html",
    "headlines",
    "html",
    "write_html",
]
