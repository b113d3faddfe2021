"""What every test shares: float64, checked array shapes, and the real data where they are."""

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

# One thread a test process, since there is a process for each core: threads that wait for one
# another on busy cores made the fit of a small network take twenty times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The shapes that the signatures promise are checked in every call of the tests.
with install_import_hook(
    [
        "mithridate.attack.sample",
        "mithridate.attack.threat",
        "mithridate.attack.objective",
        "mithridate.attack.victims",
    ],
    "beartype.beartype",
):
    import mithridate.attack.objective  # noqa: F401

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the repository; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"there is no folder {SHARED.name!r} with real data beside the repository")
    return SHARED


@pytest.fixture
def x64():
    """JAX in float64 for one test, and slips of rank caught."""
    import jax

    with jax.enable_x64(True), jax.numpy_rank_promotion("raise"):
        yield
