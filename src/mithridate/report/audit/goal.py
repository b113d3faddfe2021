"""What the attack was for and whose rows it sent, in sentences."""

from typing import Any

from ... import schema
from .. import text
from ..series import NONE
from . import findings as find
from .cells import AuditResults, ResultCell

PUSHED = ("up", "down")


def pursued(audit: AuditResults) -> list[str]:
    """Whose figures all others are, what becomes of the other rows, and which way it went."""
    about = _about(audit)
    name, lead = about.get("goal"), _lead(audit)
    if not name:
        return []
    rows, others = about.get("test"), about.get("others")
    some = f"{rows:,} " if isinstance(rows, int) else ""
    line = f"The goal is {text.cut(name, 120)!r}: errors and multiples are those of {some}test rows"
    line += " that meet it" if others else ""
    grown = others and lead and _grown(lead)
    if lead is None or not grown:
        lines = [f"{line}."]
    else:
        lines = [f"{line}; for the {others:,} others the error {grown} ({_where(lead)})."]
    return lines + (_pushed(audit) if str(name).split()[0] in PUSHED else [])


def beside(audit: AuditResults, cell: ResultCell) -> str:
    """What becomes of the rows that the goal is not about, in a clause; empty where it is of all.

    A control does not hold them, so that it may do more to the rows of the goal.
    """
    whole = audit.defended.get((cell.series, cell.ratio, NONE))
    grown = whole and _grown(whole)
    return f", that of the others {grown}," if grown else ""


def sent(audit: AuditResults) -> list[str]:
    """Whose rows the poison is, and which ratios would be more of them than are plausible."""
    about = _about(audit)
    sources, beyond = about.get("source"), about.get("beyond")
    if not isinstance(sources, list) or not sources:
        return []
    line = f"Poison comes as rows with {text.cut(' or '.join(map(str, sources)), 120)} alone"
    if not beyond:
        return [f"{line}."]
    shown = text.listing([text.percent(ratio) for ratio in beyond])
    return [
        f"{line}, and no more of them than there are clean ones: a ratio of {shown} was not tried."
    ]


def _pushed(audit: AuditResults) -> list[str]:
    """The mean prediction without poison, with it, and with the best defense."""
    lead = _lead(audit)
    before, after = (lead.mean(f"mean_{name}") if lead else None for name in ("clean", "poisoned"))
    if lead is None or before is None or after is None:
        return []
    best, defended = find.best_defense(audit, lead), ""
    mean = best.mean("mean_defended") if best else None
    if best is not None and mean is not None:
        defended = f"; {audit.labels.defense(best.defense)} brings it to {text.number(mean)}"
    return [
        f"With {text.ratio(lead.ratio)} poison ({lead.series.words}) their mean prediction goes "
        f"from {text.number(before)} to {text.number(after)}{defended}."
    ]


def _grown(cell: ResultCell) -> str:
    """How the error of the rows that the goal is not about grows; empty where it is of all."""
    before, after = cell.mean("nmse_others_clean"), cell.mean("nmse_others")
    return text.growth(after / before) if before and after is not None else ""


def _lead(audit: AuditResults) -> ResultCell | None:
    """The undefended cell to speak of, with all its figures."""
    cell = find.lead(audit)
    return cell and audit.defended.get((cell.series, cell.ratio, NONE))


def _where(cell: ResultCell) -> str:
    return f"{text.ratio(cell.ratio)} poison, {cell.series.words}"


def _about(audit: AuditResults) -> dict[str, Any]:
    fact = schema.about(audit.table).get("goal")
    return fact if isinstance(fact, dict) else {}
