"""Finds an attack, risk, normalizer, victim or defense by the name that a person writes."""

import difflib
import importlib
import inspect
from types import ModuleType
from typing import Any

from ..errors import InputError


def choices(module: ModuleType, base: type) -> dict[str, type]:
    """The concrete subclasses of `base` that a module exports, by lower-case name.

    >>> import mithridate.defenses as defenses
    >>> "trim" in choices(defenses, defenses.BaseDefense)
    True
    """
    found = vars(module).items()
    return {
        name.lower(): thing
        for name, thing in found
        if inspect.isclass(thing) and issubclass(thing, base) and not inspect.isabstract(thing)
    }


def find(name: str, module: ModuleType, base: type) -> type:
    """The class of that name, or `their.module:Mine` from anywhere; an InputError otherwise."""
    if ":" in name:
        return _import(name, base)
    known = choices(module, base)
    if name.lower() in known:
        return known[name.lower()]
    what = base.__name__.removeprefix("Abstract").removeprefix("Base").lower() + "s"
    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise InputError(f"There is no {name!r} among the {what}: {', '.join(sorted(known))}.{hint}")


def _import(path: str, base: type) -> type:
    module, _, attribute = path.partition(":")
    try:
        thing = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"{path!r} cannot be imported ({error}); write it as 'module:Class'."
        ) from None
    if not (inspect.isclass(thing) and issubclass(thing, base)):
        raise InputError(f"{path!r} is not a subclass of {base.__name__}.")
    return thing


def build(use: str, options: dict[str, Any], module: ModuleType, base: type) -> Any:
    """An instance of the class of that name; an InputError names an option it does not have."""
    kind = find(use, module, base)
    known = [p for p in inspect.signature(kind).parameters if p != "self"]
    for option in options:
        if option not in known:
            wanted = f"it has {', '.join(known)}" if known else "it has none"
            raise InputError(f"{use!r} has no option {option!r}; {wanted}.")
    return kind(**options)
