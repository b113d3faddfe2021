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

# Up to this many cells of training rows the attack on ridge, a closed form, takes less than a
# second even without optimizations, which compile in half the time. Results differ by rounding.
FEW_CELLS = 30_000
PLAINLY = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}
MOST_BYTES = 200_000_000  # of kept programs; the least recently used are deleted first


def compiled(lowered: Any, victim: AbstractVictim, cells: int) -> Any:
    """The program, optimized unless it is short; `cells` are the numbers in the training rows."""
    if type(victim) is not Ridge or cells > FEW_CELLS:
        return lowered.compile()
    try:
        return lowered.compile(compiler_options=PLAINLY)
    except Exception:  # versions of XLA that lack an option raise different errors
        return lowered.compile()


def keep() -> None:
    """Keep compiled programs in the folder for caches, for the next process that needs the same.

    A cache that the environment sets for JAX is left as it is. Programs are specific to the
    processor, so each kind has a folder of its own.
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
    description = platform.machine() + platform.processor()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        description += next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return hashlib.sha256(description.encode()).hexdigest()[:12]
