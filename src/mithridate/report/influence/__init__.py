"""The page on the rows that decide a coefficient or a prediction."""

from .page import Deciding as Deciding
from .page import Goal as Goal
from .page import Route as Route
from .page import influence_html as influence_html
