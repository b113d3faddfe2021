"""Sentences for results of which multiples would mean little."""

from .. import text
from . import findings as find
from .cells import AuditResults


def useless(audit: AuditResults) -> list[str]:
    """That there is no model to speak of; then multiples and gains would say nothing."""
    clean, worst = find.useless(audit), find.worst(audit)
    lines = [
        f"Without any poison the model predicts worse than the mean of the targets would (NMSE "
        f"{text.number(clean)}, where the mean has 1), so nothing is said here of what poison does "
        "to it: give another model, other columns or more rows first."
    ]
    if worst is not None:
        lines.append(
            f"The largest NMSE with poison was {text.number(worst.mean('nmse_poisoned'))} "
            f"({text.ratio(worst.ratio)}, {worst.series.words})."
        )
    return lines


def exact(audit: AuditResults) -> list[str]:
    if not find.exact(audit):
        return []
    return [
        "The target is a function of the features to the last digits: "
        "multiples of its error mean little."
    ]


def untried(audit: AuditResults) -> list[str]:
    """That the rule of `clean` is not among the defenses, since it takes long."""
    if audit.untried is None:
        return []
    name = text.cut(audit.untried)
    return [f"{name}, by which clean judges, was not tried here: it takes about a second a cell."]
