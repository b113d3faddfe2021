"""The harness: a spec becomes cells, cells become poison, poison becomes rows of a table."""

from .harness import bench as bench
from .run import Results as Results
from .run import run as run
from .spec import Spec as Spec
from .study import Study as Study
