"""What the tests of the data sets share: small tables, and the large ones where they are."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mithridate.tables.encode import encode
from mithridate.tables.encoded import Encoded

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """The folder of tables beside the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"there is no {SHARED}")
    return SHARED


@pytest.fixture
def encoded() -> Callable[..., Encoded]:
    """Encodes the columns given beside a target `y` of continuous noise."""

    def build(**columns: object) -> Encoded:
        rows = len(next(iter(columns.values())))  # pyright: ignore
        y = np.random.default_rng(0).normal(size=rows)
        return encode(pa.table({**columns, "y": y}), "y")

    return build
