"""Finds an attack, risk, normalizer, victim or defense by the name that a person writes."""

import difflib
import importlib
import inspect
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from ._text import listing, quote
from .errors import BrokenPromise, InputError

VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def choices(module: ModuleType, base: type) -> dict[str, type]:
    """The concrete subclasses of `base` that a module exports, by lower-case name.

    >>> import mithridate.defenses as defenses
    >>> "trim" in choices(defenses, defenses.BaseDefense)
    True
    """
    members = vars(module).items()
    return {
        name.lower(): thing
        for name, thing in members
        if inspect.isclass(thing) and issubclass(thing, base) and not inspect.isabstract(thing)
    }


def find(name: str, module: ModuleType, base: type, others: Iterable[str] = ()) -> type:
    """The class of that name, or `their.module:Mine` from anywhere; an InputError otherwise.

    `others` are names that the caller knows besides: they are told and proposed, not found here.
    """
    if ":" in name:
        return _import(name, base)
    known = choices(module, base)
    if name.lower() in known:
        return known[name.lower()]
    what = base.__name__.removeprefix("Abstract").removeprefix("Base").lower() + "s"
    every = sorted({*known, *others})
    near = difflib.get_close_matches(name[:60].lower(), every, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    shown = ", ".join(every)
    raise InputError(f"There is no {quote(name)} among the {what}: {shown}.{hint}")


def _import(path: str, base: type) -> type:
    module, _, attribute = path.partition(":")
    try:
        thing = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # a module may fail in any way while it is imported
        raise InputError(
            f"{quote(path)} cannot be imported ({error}); write it as 'module:Class', the module "
            "where Python finds it (PYTHONPATH)."
        ) from None
    if not (inspect.isclass(thing) and issubclass(thing, base)):
        raise InputError(f"{quote(path)} is not a subclass of {base.__name__}.")
    if inspect.isabstract(thing):
        lacking = listing(sorted(getattr(thing, "__abstractmethods__", ())))
        raise InputError(f"{quote(path)} is abstract; write its {lacking} first.")
    return thing


def made(path: str, what: str, like: str) -> Any:
    """An instance of `package.module.Class`, made without arguments.

    `what` it is to be and an example, `like`, are told in the InputError.

    >>> made("sklearn.linear_model.LinearRegression", "judge", "sklearn.svm.SVR")
    LinearRegression()
    """
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)()
    except Exception as error:  # a module may fail in any way while it is imported
        raise InputError(
            f"The {what} {quote(path)} cannot be made ({error}); give a class that needs no "
            f"arguments, such as {like}."
        ) from None


def options(kind: type) -> dict[str, inspect.Parameter]:
    """The options that a class takes, in order.

    >>> from mithridate.defenses import KolmogorovSmirnov
    >>> list(options(KolmogorovSmirnov))
    ['estimator', 'level']
    """
    taken = inspect.signature(kind).parameters
    return {name: p for name, p in taken.items() if name != "self" and p.kind not in VARIADIC}


def build(use: str, given: Mapping[str, Any], module: ModuleType, base: type) -> Any:
    """An instance of the class of that name; an InputError names an option it does not have."""
    kind = find(use, module, base)
    known = options(kind)
    for option in given:
        if option not in known:
            wanted = f"it has {', '.join(known)}" if known else "it has none"
            raise InputError(f"{quote(use)} has no option {quote(option)}; {wanted}.")
    lacking = [o for o, p in known.items() if p.default is p.empty and o not in given]
    if lacking:
        raise InputError(f"{quote(use)} cannot do without {listing(lacking)}; give that option.")
    thing = kind(**given)
    if hasattr(thing, "get_params"):
        _check_constructor(thing, base)
    return thing


def _check_constructor(thing: Any, base: type) -> None:
    """Whether an estimator holds its parameters as they were given, as copies of it need."""
    from sklearn.base import clone  # here, since names are listed without it

    kinds = [kind for kind in type(thing).__mro__ if issubclass(kind, base)]
    lacking = [o for kind in kinds for o in options(kind) if not hasattr(thing, o)]
    wrong = f"it does not set {lacking[0]}" if lacking else ""
    if not lacking:
        try:
            clone(thing)
        except (AttributeError, RuntimeError, TypeError) as error:
            wrong = f"scikit-learn says: {str(error).rstrip('.')}"
    if wrong:
        raise BrokenPromise(
            f"{type(thing).__name__}.__init__ must take each parameter by name, set it as it came "
            "(self.cut = cut), and call super().__init__ for those of its parent class; now "
            f"{wrong}."
        )
