"""The attack made for a defense: through a surrogate of it, or against its own score."""

from typing import Any

from .. import defenses
from .._lookup import build, choices, find
from .._text import quote
from ..attack import risks, victims
from ..errors import InputError


def adapted(against: str, victim: Any, risk: Any) -> tuple[Any, Any]:
    """The victim and the risk of an attack made for the defense `against`.

    A third party's defense may bring its own: a class attribute `surrogate`, an instance of
    `AbstractVictim`. An InputError is raised where nothing is known.
    """
    kind = find(against, defenses, defenses.BaseDefense)
    own = getattr(kind, "surrogate", None)
    if own is not None:
        return own, risk
    if not isinstance(victim, victims.Ridge | victims.Linear):
        # Surrogates are linear models. Through another victim the poison keeps the score low; for a
        # defense that refits on the rows it predicts best, that is the risk `unexpected`.
        scored = kind.scores_like or ("unexpected" if kind.fits_like or _fits(against) else None)
        return victim, _risk(scored, against)
    name = against.lower()
    through = _surrogates().get(kind.fits_like or name)
    if through is not None:
        return through(l2=victim.l2), risk
    return victim, _risk(kind.scores_like, against)


def _risk(scores_like: str | None, against: str) -> Any:
    """The risk that stands for the score of the defense `against`."""
    if scores_like is not None:
        return build(scores_like, {}, risks, risks.AbstractRisk)
    raise InputError(
        f"No attack against {quote(against)} is known; give its class a 'surrogate' "
        "(a victim that fits as it does), or leave 'against' out."
    )


def _fits(against: str) -> bool:
    """Whether a defense has a surrogate of its name."""
    return against.lower() in _surrogates()


def _surrogates() -> dict[str, Any]:
    """Victims that fit as a defense does, by the name of that defense."""
    known: dict[str, Any] = choices(victims, victims.AbstractVictim)
    return {kind.surrogate_of: kind for kind in known.values() if kind.surrogate_of}
