"""Where the seconds of a first audit go: processor time and wall time of each phase.

Run it as `python benchmarks/seconds.py [mithridate audit's arguments]`; without any it audits
`diabetes`. Processor time counts the processes that were started, too, and all threads, so that a
busy machine changes little in it. Two runs in a row show what is kept in the cache folder.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from typing import NamedTuple

WORDS = sys.argv[1:] or ["diabetes"]


class Clock(NamedTuple):
    """Seconds since some moment: by the clock, and of the processors."""

    wall: float
    processor: float

    @classmethod
    def now(cls) -> "Clock":
        """Read both."""
        mine, others = (resource.getrusage(who) for who in USERS)
        used = mine.ru_utime + mine.ru_stime + others.ru_utime + others.ru_stime
        return cls(time.perf_counter(), used)

    def since(self, earlier: "Clock") -> "Clock":
        """The seconds between."""
        return Clock(self.wall - earlier.wall, self.processor - earlier.processor)


USERS = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


class Phases:
    """Seconds of each stage that an audit tells of, in the order in which they came."""

    def __init__(self) -> None:
        self.spent: dict[str, Clock] = {}
        self._stage, self._began = "importing", Clock(time.perf_counter(), 0.0)

    def __call__(self, stage: str, finished: int, total: int) -> None:
        """What an audit calls: a stage begins, or goes on."""
        if stage == self._stage:
            return
        now = Clock.now()
        more, before = now.since(self._began), self.spent.get(self._stage, Clock(0.0, 0.0))
        self.spent[self._stage] = Clock(before.wall + more.wall, before.processor + more.processor)
        self._stage, self._began = stage, now


def timed(phases: Phases, work: Callable[[], object]) -> None:
    """Do the work and print the table of its phases."""
    work()
    phases("end", 0, 0)
    total = Clock(*map(sum, zip(*phases.spent.values(), strict=True)))
    print(f"{'phase':<28}{'processor':>10}{'wall':>8}")
    for name, took in {**phases.spent, "in all": total}.items():
        print(f"{name:<28}{took.processor:>10.2f}{took.wall:>8.2f}")


def main() -> None:
    """Audit as the command line does, with a clock in place of the bars."""
    phases = Phases()
    from mithridate.auditing.audit import audit
    from mithridate.bench import programs

    programs.keep()
    phases("reading the table", 0, 0)
    with tempfile.TemporaryDirectory() as folder:

        def work() -> None:
            result = audit(WORDS[0], target=WORDS[1] if len(WORDS) > 1 else None, tell=phases)
            phases("writing the report", 0, 0)
            result.save(folder)

        timed(phases, work)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
