"""What the results say: sentences for the terminal, one HTML page for everyone else."""

from mithridate.report._headlines import headlines
from mithridate.report._page import html, write_html

__all__ = ["headlines", "html", "write_html"]
