"""What the results say: sentences for the terminal, one HTML page for everyone else."""

from ._headlines import headlines
from ._page import html, write_html

__all__ = ["headlines", "html", "write_html"]
