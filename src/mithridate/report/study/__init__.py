"""The pages of a study: many tables, attacks, models and defenses."""

from .pages import study_pages as study_pages
from .pages import write_pages as write_pages
