"""What every test shares: float64, checked array shapes, and the real data where they are."""

import atexit
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

# One thread a test process, since there is a process for each core: threads that wait for one
# another on busy cores made the fit of a small network take twenty times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# For the same reason, what would start a worker for each core runs in the process of the test: a
# worker begins with seconds of imports. A test that is about workers says how many it wants.
os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")

# Most of what a test of an attack takes is the making of its program, and that is made to run long.
# These programs run for a moment: XLA spends a fifth of the time on them without its optimizations.
# Whoever sets the variable decides; where XLA does not know a flag, it takes the rest.
PLAIN = "--xla_cpu_multi_thread_eigen=false"
QUICK = f"{PLAIN} --xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
# There is a process for each core: to cut a program in parts for its threads saves none of them.
QUICK += " --xla_cpu_parallel_codegen_split_count=1"
if "XLA_FLAGS" not in os.environ:
    begin = [sys.executable, "-c", "from jaxlib import xla_client; xla_client.make_cpu_client()"]
    quick = {**os.environ, "XLA_FLAGS": QUICK}
    known = subprocess.run(begin, env=quick, check=False, capture_output=True).returncode == 0
    os.environ["XLA_FLAGS"] = QUICK if known else PLAIN

# What is compiled is kept until the tests end, for all of their processes. Whoever names a folder
# keeps it for the next run too.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    COMPILED = tempfile.TemporaryDirectory(
        prefix="mithridate-compiled-", ignore_cleanup_errors=True
    )
    atexit.register(COMPILED.cleanup)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = COMPILED.name
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def pytest_configure(config):
    """The shapes that the signatures promise are checked in every call of the tests."""
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        return  # its workers run the tests; here nothing is loaded for which they would wait
    checked = [f"mithridate.attack.{name}" for name in ("sample", "threat", "objective", "victims")]
    with install_import_hook(checked, "beartype.beartype"):
        import mithridate.attack.objective  # noqa: F401


# On a busy machine a first example may take a second to make; that says nothing of a test.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

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
