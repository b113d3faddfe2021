"""What the doors to an audit and to an attack are both given, as a spec writes it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .._lookup import find
from .._text import quote
from ..attack import victims
from ..bench.judges import REGRESSORS, names_regressor
from ..bench.portfolio import PORTFOLIO
from ..data.load import names
from ..errors import InputError
from ..tables.names import column_name, column_names
from ..tables.place import place
from ..tables.reading import ANY, Reading


def table(
    source: str,
    target: str | None,
    drop: Sequence[str],
    categorical: Sequence[str],
    read: Reading,
    more: dict[str, Any],
) -> dict[str, Any]:
    """State the table, what is predicted of it, and how its file is read.

    Parameters
    ----------
    source : str
        What the spec calls the table.
    target : str, optional
        The column to predict.
    drop : sequence of str
        Columns to leave out.
    categorical : sequence of str
        Columns of numbers that are codes.
    read : Reading
        What was said of its file.
    more : dict
        What else its section has, as it is.

    Returns
    -------
    dict
        The section `data` of a spec.
    """
    made = {"source": source, "target": column_name(target)}
    made |= {
        "drop": column_names(drop, "drop"),
        "categorical": column_names(categorical, "categorical"),
        **more,
    }
    return made if read == ANY else made | {"reading": asdict(read)}


def threat(given: Any) -> dict[str, Any]:
    """State the threat model.

    Parameters
    ----------
    given : mapping, optional
        What differs from the usual threat.

    Returns
    -------
    dict
        The section `threat` of a spec.

    Raises
    ------
    InputError
        If it is no mapping.
    """
    if isinstance(given, Mapping) or not given:
        return dict(given or {})
    raise InputError(
        f"threat={given!r}: give a mapping such as {{'writes': 'target'}}, as in the section "
        "'threat' of a spec."
    )


def attack(
    use: str, alphas: Sequence[float] | float, risk: str, normalizer: str, feasible: str
) -> dict[str, Any]:
    """State an attack for each alpha.

    Parameters
    ----------
    use : str
        The attack.
    alphas : float or sequence of float
        Weights of damage against risk, in [0, 1].
    risk : str
        What is to stay low.
    normalizer : str
        What puts damage and risk on one scale.
    feasible : str
        How rows are kept possible; an attack that takes no such word need not be told the usual.

    Returns
    -------
    dict
        A section `attacks` of a spec.
    """
    made = {"use": use, "alphas": several(alphas), "risk": risk, "normalizer": normalizer}
    made |= {"finish": True} if use == "ascent" else {}
    return made if feasible == "through" else made | {"feasible": feasible}


def models(victim: str, l2: float | None, judge: str | None) -> dict[str, Any]:
    """State the model that is attacked and the one that is judged.

    Parameters
    ----------
    victim : str
        The model that is attacked.
    l2 : float, optional
        Its penalty.
    judge : str, optional
        The model that is judged; a regressor is judged itself.

    Returns
    -------
    dict
        The sections of a spec.

    Raises
    ------
    InputError
        If a regressor is given together with another judge or a penalty.
    """
    if not names_regressor(victim):
        return {"victim": model(victim, l2), "judge": judge}
    if judge is not None:
        raise InputError(
            f"Of the model {quote(victim)} and the judge {quote(judge)} only one can be trained "
            "on the result; leave one of them out."
        )
    if l2 is not None:
        raise InputError(f"The model {quote(victim)} takes no l2; leave it out.")
    return {"judge": victim}


def strongest(
    victim: str, alphas: Sequence[float] | float, risk: str, normalizer: str, feasible: str
) -> dict[str, Any]:
    """State the attack on a model: an ascent, or several attacks where that may not be best.

    No ascent goes through a regressor that is only trained. The one through a network takes long
    and follows one training out of many, so that others can do more: it is a staged one, beside
    others.

    Parameters
    ----------
    victim : str
        The model that is attacked.
    alphas : float or sequence of float
        Weights of damage against risk, in [0, 1].
    risk : str
        What is to stay low.
    normalizer : str
        What puts damage and risk on one scale.
    feasible : str
        How rows are kept possible.

    Returns
    -------
    dict
        A section `attacks` of a spec.
    """
    given = alphas, risk, normalizer
    if names_regressor(victim):
        return attack(PORTFOLIO, *given, feasible)
    kind: Any = find(victim, victims, victims.AbstractVictim, REGRESSORS)
    if kind.ascent_suffices:
        return attack("ascent", *given, feasible)
    others = [{"use": "region"}, {"use": "region", "own": 0.5}, {"use": "flip"}]
    staged = attack("staged", *given, feasible)
    return attack(PORTFOLIO, *given, "through") | {"members": [staged, *others]}


def model(use: str, l2: float | None) -> dict[str, Any]:
    """State the model that is attacked.

    Parameters
    ----------
    use : str
        Its name.
    l2 : float, optional
        Its penalty.

    Returns
    -------
    dict
        The section `victim` of a spec.

    Raises
    ------
    InputError
        If it is a regressor, which no attack goes through.
    """
    if names_regressor(use):
        raise InputError(
            f"No attack goes through the model {quote(use)}, which is only trained; write the "
            "poison through another, such as ridge, or audit the model, which tries several."
        )
    return {"use": use} if l2 is None else {"use": use, "l2": l2}


def several(given: Any) -> list[Any]:
    """Make a list, of one thing too.

    Parameters
    ----------
    given : object
        A thing, or several.

    Returns
    -------
    list
        All of them.
    """
    return [given] if isinstance(given, str | int | float) else list(given)


def source_of(data: str | Path | None) -> str:
    """Say what a spec calls a table that was named.

    Parameters
    ----------
    data : path-like or str, optional
        The table.

    Returns
    -------
    str
        A data set, or a file by its whole path.
    """
    if data is None:
        return "diabetes"
    if str(data) in names():
        return str(data)  # as `data.load` has it: that data set, whatever lies around
    where = place(data)
    path = Path(data) if where is None else where.path
    if not path.exists():
        return str(data)
    # An absolute path, so that the spec can be rerun from any folder.
    path = path.absolute()
    return str(path if where is None else where._replace(path=path))
