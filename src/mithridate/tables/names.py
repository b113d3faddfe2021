"""Names of columns as people give them, as text."""

from numbers import Integral
from typing import Any

from ..errors import InputError


def column_name(given: Any, option: str = "target") -> str | None:
    """Read the name of a column, which may be a whole number or a tuple in some frames.

    Parameters
    ----------
    given : object
        The name.
    option : str
        What it was given as, for the error.

    Returns
    -------
    str or None
        The name as text; None where none was given.

    Raises
    ------
    InputError
        If it is no name, such as a column itself.

    Examples
    --------
    >>> column_name("price"), column_name(0), column_name(("size", "area"))
    ('price', '0', "('size', 'area')")
    """
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, Integral | tuple):
        return str(given)
    raise InputError(
        f"{option}= was given an object of type {type(given).__name__}; give the name of a column."
    )


def column_names(given: Any, option: str) -> list[str]:
    """Read the names of columns; one alone may be given as it is.

    Parameters
    ----------
    given : object
        A name, or several in a list.
    option : str
        What they were given as, for the error.

    Returns
    -------
    list of str
        The names as text.

    Raises
    ------
    InputError
        If one of them is no name.

    Examples
    --------
    >>> column_names("price", "drop"), column_names([0, "area"], "drop")
    (['price'], ['0', 'area'])
    """
    if given is None:
        return []
    if isinstance(given, str | Integral):
        return [str(given)]
    try:
        names = [*given]
    except TypeError:
        names = [given]
    return [str(column_name(name, option)) for name in names]
