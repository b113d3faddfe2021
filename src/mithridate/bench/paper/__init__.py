"""The claims of the paper that the study `paper` repeats, and the page `results.md`."""

from .chapters import chapters as chapters
from .page import study_pages as study_pages
