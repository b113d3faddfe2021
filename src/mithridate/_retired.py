"""Old names: each works for one version beside the new one, and warns."""

import functools
import importlib
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

ROOT = "mithridate."
MODULES = {
    "attacks": "attack.attacks",
    "bigtable": "cleaning",
    "datasets": "data",
    "objective": "attack.objective",
    "risks": "attack.risks",
    "sample": "attack.sample",
    "table": "schema",
    "threat": "attack.threat",
    "victims": "attack.victims",
}

P = ParamSpec("P")
R = TypeVar("R")


class RetiredName(FutureWarning):
    """An old name was used."""


def warn(old: str, new: str, level: int = 3) -> None:
    """Warns where the caller's caller stands, or `level` frames above."""
    sentence = f"{old} is now {new}; the old name goes in the next version."
    warnings.warn(sentence, RetiredName, stacklevel=level)


def renamed(**names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Lets a function take keywords by their old names, given as old="new".

    >>> @renamed(model="victim")
    ... def audit(victim="ridge"):
    ...     return victim
    >>> with warnings.catch_warnings(action="ignore"):
    ...     audit(model="mlp")
    'mlp'
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def called(*args: Any, **given: Any) -> R:
            for old, new in names.items():
                if old in given and new in given:
                    raise TypeError(f"{function.__name__}() takes {old} as {new}; give one.")
                if old in given:
                    warn(f"{old}=", f"{new}=")
                    given[new] = given.pop(old)
            return function(*args, **given)

        return called

    return decorate


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
        warn(old, new)
        sys.modules[old] = importlib.import_module(new)


def install() -> None:
    """Makes the old names importable; once, however often it is called."""
    if not any(isinstance(finder, _Retired) for finder in sys.meta_path):
        sys.meta_path.append(_Retired())
