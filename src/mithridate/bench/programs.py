"""How the program of an attack is compiled, and where compiled programs are kept."""

import hashlib
import os
import platform
from contextlib import suppress
from pathlib import Path
from typing import Any

import jax

from .. import __version__
from ..attack.victims import AbstractVictim, Ridge
from ..data.sources import cache

# Ridge has a closed form, so that its attack runs for a moment where the table is small. XLA takes
# half the time without its optimizations, and the program, which then runs three times as long,
# takes a second at this many cells of training rows. It does the same up to rounding.
FEW_CELLS = 30_000
PLAINLY = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}
MOST_BYTES = 200_000_000  # of kept programs; those that were not used for longest go first


def compiled(lowered: Any, victim: AbstractVictim, cells: int) -> Any:
    """The program, made to run long if it will: `cells` are the numbers in the training rows."""
    if type(victim) is not Ridge or cells > FEW_CELLS:
        return lowered.compile()
    try:
        return lowered.compile(compiler_options=PLAINLY)
    except Exception:  # a version of XLA that lacks one of the options says so in its own way
        return lowered.compile()


def keep() -> None:
    """Keep compiled programs in the folder for caches, for the next process that needs the same.

    What the environment says of JAX's own cache comes first. Processors differ in what they can
    run, so each kind has a folder of its own.
    """
    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return
    own = cache() / "programs" / f"{__version__}-{_processor()}"
    with suppress(OSError):  # nothing is kept where nothing can be written
        own.mkdir(parents=True, exist_ok=True)
        jax.config.update("jax_compilation_cache_dir", str(own))
        jax.config.update("jax_compilation_cache_max_size", MOST_BYTES)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def _processor() -> str:
    """A short name for what this processor can run."""
    told = platform.machine() + platform.processor()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        told += next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return hashlib.sha256(told.encode()).hexdigest()[:12]
