"""What holds whatever an attacker does, in sentences: bounds on the error, and certificates."""

from .. import text
from . import findings as find
from .cells import AuditResults


def bounded(audit: AuditResults) -> list[str]:
    """Both ends of what a tenth of poison does to the error, or less where the bound ends."""
    ends = [text.cut(ends, 300)] if (ends := audit.bound.get("ends")) else []
    ratio = audit.near(0.10)
    if ratio is None:
        return []
    if audit.at_most(ratio) is None:
        ratio = max((r for r in audit.ratios if r and audit.at_most(r)), default=ratio)
    limit, worst = audit.at_most(ratio), find.worst(audit, ratio)
    clean = worst.mean("nmse_clean") if worst else None
    if limit is None or worst is None or not clean:
        return ends
    least = max(worst.growth or 1.0, 1.0)
    return [
        f"With {text.ratio(ratio)} poison the error grows at least {text.at_least_times(least)} "
        f"and at most {text.at_most_times(limit / clean)}.",
        *ends,
    ]


def safe(audit: AuditResults) -> list[str]:
    """How many rows cannot double the error, whatever they say."""
    about = audit.bound.get("safe")
    if not isinstance(about, dict):
        return []
    rows, train, times = (about.get(key) for key in ("rows", "train", "times"))
    if not (isinstance(rows, int) and isinstance(train, int) and times == 2.0 and rows > 0):
        return []
    where = "in place of as many of" if about.get("replaced") else "beside"
    return [
        f"Up to {text.count(rows, 'poison row')} {where} {train:,} clean ones cannot double the "
        "error, whatever they say."
    ]


def unbounded(audit: AuditResults) -> list[str]:
    reason = audit.bound.get("refused")
    return [f"No bound on the damage is proved. {text.cut(reason, 300)}"] if reason else []


def certified(audit: AuditResults) -> list[str]:
    """What no attack of so many rows can do to a median of models, whatever it is."""
    rows = max((one["rows"] for one in audit.certified), default=0.0)
    safe = audit.bound.get("safe")
    # Where this many rows cannot double the error, the promise of a weaker model adds nothing.
    if not rows or (isinstance(safe, dict) and safe.get("rows", 0) >= rows):
        return []
    columns: dict[tuple[float, float], list[str]] = {}
    for one in audit.certified:
        columns.setdefault((one["share"], one["rows"]), []).append(
            f"{text.percent(one['certified'])} by more than ±{text.percent(one['within'])}"
        )
    kept = "; ".join(
        f"{text.percent(share)} of the rows ({text.number(rows)}), whatever they say, cannot "
        f"move {text.listing(moves)}"
        for (share, rows), moves in columns.items()
    )
    errors = [text.number(one["nmse"]) for one in audit.certified]
    cost = " to ".join(dict.fromkeys((min(errors), max(errors))))
    return [
        f"Certified for the predictions of a median of models (NMSE {cost}), in target ranges: "
        f"{kept}."
    ]
