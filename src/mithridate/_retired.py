"""Renamed modules: for one version the old name imports the new module, with a warning."""

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

ROOT = "mithridate."
MODULES = {
    "attacks": "attack.attacks",
    "bigtable": "cleaning.streamed",
    "datasets": "data",
    "objective": "attack.objective",
    "risks": "attack.risks",
    "sample": "attack.sample",
    "table": "schema",
    "threat": "attack.threat",
    "victims": "attack.victims",
}


class _Retired(MetaPathFinder, Loader):
    """Answers for the old names alone, after every other finder has passed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.removeprefix(ROOT) in MODULES and fullname.startswith(ROOT):
            return ModuleSpec(fullname, self)
        return None

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        old = module.__name__
        new = ROOT + MODULES[old.removeprefix(ROOT)]
        warnings.warn(
            f"{old} is now {new}; the old name goes in the next version.",
            FutureWarning,
            stacklevel=2,
        )
        sys.modules[old] = importlib.import_module(new)


def install() -> None:
    """Makes the old names importable; once, however often it is called."""
    if not any(isinstance(finder, _Retired) for finder in sys.meta_path):
        sys.meta_path.append(_Retired())
