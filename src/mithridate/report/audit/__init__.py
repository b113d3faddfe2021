"""The report of an audit: one table, one attack at several alphas, several defenses."""

from . import plots as plots
from .headlines import headlines as headlines
from .page import html as html
from .page import write_html as write_html
