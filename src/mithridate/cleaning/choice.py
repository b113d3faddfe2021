"""The defense that a person names, with the settings that it takes."""

from collections.abc import Mapping
from typing import Any

from sklearn.base import clone

from .. import _lookup, defenses
from .._text import listing, quote
from ..defenses import BaseDefense
from ..errors import InputError

DEFAULTS = {"contamination": 0.1, "false_positive_rate": 0.01}
DEFAULT = "tableerrors"
DEFAULT_OF_RATE = "antidote"


def chosen(
    use: str | BaseDefense | None,
    options: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> BaseDefense:
    """The defense by name, with the options that it takes; an InputError otherwise.

    Without a name it is the default; where a false-positive rate is told, the one that takes it.
    """
    given = {key: value for key, value in settings.items() if value is not None}
    if use is None:
        rated = "false_positive_rate" in {*given, *options}
        use = DEFAULT_OF_RATE if rated else DEFAULT
    guard = _made(use, options, given)
    guard.check_parameters()  # before a long table is read
    return guard


def _made(
    use: str | BaseDefense, options: Mapping[str, Any], settings: Mapping[str, Any]
) -> BaseDefense:
    if isinstance(use, BaseDefense):
        if settings or options:
            raise InputError(f"Set {listing([*settings, *options])} on the defense itself.")
        return clone(use)  # pyright: ignore[reportReturnType]
    if not isinstance(use, str):
        raise InputError(
            f"defense={use!r}: give a name such as 'trim', or a defense such as Trim()."
        )
    takes = _lookup.options(_lookup.find(use, defenses, BaseDefense))
    for option in settings:
        shown = option.replace("_", "-")
        if option not in takes:
            raise InputError(
                f"The defense {quote(use)} takes no {shown}; leave it out, or take one that does: "
                f"{', '.join(_takers(option))}."
            )
        if option in options:
            raise InputError(f"The option {option} is given as {shown} too; leave one out.")
    # Some parameters exclude each other, so nothing is added to what a person chose.
    usual = {} if options else {o: value for o, value in DEFAULTS.items() if o in takes}
    return _lookup.build(use, {**usual, **settings, **options}, defenses, BaseDefense)


def _takers(option: str) -> list[str]:
    known = _lookup.choices(defenses, BaseDefense)
    return [name for name, kind in known.items() if option in _lookup.options(kind)]
