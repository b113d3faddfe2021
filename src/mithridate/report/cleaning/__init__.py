"""The page on a cleaned table."""

from .histogram import Histogram as Histogram
from .histogram import score_counts as score_counts
from .histogram import score_edges as score_edges
from .page import MOST_SUSPECTS as MOST_SUSPECTS
from .page import CellLine as CellLine
from .page import Cleaning as Cleaning
from .page import GroupLine as GroupLine
from .page import Points as Points
from .page import Suspect as Suspect
from .page import cleaning_html as cleaning_html
