"""The processors and the memory that this process may use."""

import os
import re
from pathlib import Path

LEAST_MEMORY = 3 << 28  # bytes that passes over a table of 30 columns take, whatever its length
UNKNOWN = 4 << 30  # bytes taken to be free where a system does not say
GROUP = Path("/sys/fs/cgroup")


def cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free() -> int:
    """Bytes of memory that this process may take, about: of the machine's, and of a container's."""
    try:
        about = Path("/proc/meminfo").read_text()
        here = int(re.findall(r"MemAvailable:\s*(\d+) kB", about)[0]) << 10
    except (OSError, IndexError):
        here = _half()
    return min(here, _allowed(GROUP, here))


def _half() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, ValueError, OSError):
        return UNKNOWN


def _allowed(group: Path, otherwise: int) -> int:
    """What the limit of a container leaves, if there is one; cached files give way."""
    try:
        most = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
        cached = re.findall(r"^inactive_file (\d+)", (group / "memory.stat").read_text(), re.M)
        return max(most - used + int(cached[0]), 0)
    except (OSError, ValueError, IndexError):  # no limit reads "max"
        return otherwise
