"""The results in plain sentences, most important first, for the terminal and for the page."""

import pyarrow as pa

from .. import text
from ..growth import LITTLE
from ..poisonability import BELOW, NOT
from ..series import NONE
from . import findings as find
from . import goal, promises
from .caveats import exact, untried, useless
from .cells import ENOUGH, HARM, TRUE_RATIO, AuditResults, ResultCell
from .moves import still

MOST = 12  # sentences
_BEFORE_SEEDS = 5  # at most so many sentences stand before the word on the seeds


def headlines(results: pa.Table) -> list[str]:
    """Say in at most twelve sentences what a busy person can act on, most important first.

    Parameters
    ----------
    results : pyarrow.Table
        Rows of `mithridate.schema.Row`; every figure is a mean over their seeds.

    Returns
    -------
    list of str
        Sentences for a terminal. Names in them come from the results and may hold anything.

    Examples
    --------
    >>> from mithridate.schema import Row, to_table
    >>> keys = dict(dataset="t", victim="ridge", attack="ascent", seed=0)
    >>> row = Row(**keys, alpha=0.3, ratio=0.1, defense="none", nmse_clean=0.2, nmse_poisoned=0.6)
    >>> headlines(to_table([row], Row))[0]
    'With 10 % poison (ascent alpha 0.3) the error grows 3.0×.'
    """
    return sentences(AuditResults(results))


def sentences(audit: AuditResults) -> list[str]:
    """The headlines of results that are grouped already."""
    if not len(audit):
        return ["The table holds no results."]
    if audit.failed == len(audit):
        return [f"All {text.count(len(audit), 'cell')} failed, so nothing can be said."]
    if find.useless(audit) is not None:
        return [*useless(audit), *_seeds(audit), *_failed(audit)]
    parts = [
        goal.pursued,
        goal.sent,
        exact,
        promises.bounded,
        promises.safe,
        _little,
        _at_ten,
        _strongest,
        _unseen,
        _worst,
        _controls,
        _visible,
        _poisonability,
        _best,
        _hurting,
        _clean,
        still,
        promises.certified,
        _crossing,
        promises.unbounded,
    ]
    lines = [line for part in parts for line in part(audit)]
    seeds, failed, last = _seeds(audit), _failed(audit), untried(audit)
    lines = lines[: MOST - len(seeds + failed + last)] + failed
    return [*lines[:_BEFORE_SEEDS], *seeds, *lines[_BEFORE_SEEDS:], *last]


def _little(audit: AuditResults) -> list[str]:
    """The first sentence where the poison did hardly any damage."""
    cell = find.worst(audit)
    if cell is None:
        return ["No damage by poison was measured in this table."]
    if cell.growth is None or cell.growth >= LITTLE:
        return []
    return [f"No poison tried here {_at_most(cell.growth)}."]


def _at_most(growth: float) -> str:
    if growth < 1.005:
        return "grew the error"
    return f"grew the error by more than {text.at_most(growth - 1)}"


def _at_ten(audit: AuditResults) -> list[str]:
    """What about a tenth of poison does: stealthy poison if it does much, else the worst."""
    lead = find.lead(audit)
    return [] if lead is None or lead.growth is None else [_grown(audit, lead)]


def _strongest(audit: AuditResults) -> list[str]:
    """Which attacks of a portfolio did most to the model, and where."""
    gains: dict[str, list[float]] = {}
    for ratio in audit.ratios:
        cell = find.worst(audit, ratio, audit.main)
        there = audit.defended.get((cell.series, ratio, NONE)) if cell else None
        for row in there.rows if there else []:
            name = (row.get("member") or "").partition(", alpha")[0]
            if name:
                gains.setdefault(name, []).append(ratio)
    if not gains:
        return []
    most = sorted(gains, key=lambda name: len(gains[name]), reverse=True)
    where = [
        f"{text.cut(name)} at {text.listing([text.ratio(r) for r in dict.fromkeys(gains[name])])}"
        for name in most[:3]
    ]
    return [f"Of the attacks tried on the model itself the strongest were {'; '.join(where)}."]


def _unseen(audit: AuditResults) -> list[str]:
    """That only poison that can be seen did damage, where that is so."""
    lead = find.lead(audit)
    if lead is None or find.looks_clean(lead) or (lead.growth or 0.0) < LITTLE:
        return []
    looks = f"looked clean (risk up to {text.number(find.LOOKS_CLEAN)})"
    anywhere, here = find.clean_looking(audit), find.clean_looking(audit, lead.ratio)
    if anywhere is None:
        known = any(c.mean("risk") is not None for c in audit.poison.values())
        return [f"No poison tried here {looks}."] if known else []
    if (anywhere.growth or 0.0) < LITTLE:
        return [f"No poison tried here that {looks} {_at_most(anywhere.growth or 0.0)}."]
    if here is None:
        return [f"At {text.ratio(lead.ratio)} no poison tried {looks}."]
    if (here.growth or 0.0) < LITTLE:
        return [
            f"At {text.ratio(lead.ratio)} no poison tried that {looks} "
            f"{_at_most(here.growth or 0.0)}."
        ]
    return []


def _grown(audit: AuditResults, cell: ResultCell) -> str:
    growth = cell.growth or 0.0
    kind = "stealthy poison" if find.stealthy(cell) else "poison"
    start = f"With {text.ratio(cell.ratio)} {kind} ({cell.series.words}) the error"
    if growth < LITTLE:
        return f"{start} {text.growth(growth)}{' only' if growth >= 1.005 else ''}."
    return f"{start} {text.growth(growth)}{_relief(audit, cell)}."


def _relief(audit: AuditResults, cell: ResultCell) -> str:
    """What the best defense does about this poison."""
    best = find.best_defense(audit, cell)
    if best is None or best.gain is None:
        return ""
    if best.gain < -HARM:
        return "; no defense tried helps"
    share = best.recovered
    verb = f"gains {text.signed(best.gain)}"
    if share is not None:
        verb = f"recovers {'all of it' if share >= 1 else text.percent(share)}"
    return f"; {_who(audit, best.defense, ',')} {verb}{_turn(audit, best)}"


def _who(audit: AuditResults, defense: str, close: str = "") -> str:
    """The name of a defense, with a remark where it was told the true ratio."""
    name = audit.labels.defense(defense)
    if TRUE_RATIO in name or not find.knows_ratio(audit, defense):
        return name
    return f"{name}, told {TRUE_RATIO}{close}"


def _turn(audit: AuditResults, cell: ResultCell) -> str:
    """Where, on the same series, a helpful defense turns harmful."""
    cells = audit.judged(cell.defense, [cell.series])
    harmful, onset = find.harmful_from(cells)
    if not harmful:
        return ""
    if onset is None or onset == harmful[-1]:
        where = text.listing([text.ratio(r) for r in harmful])
        return f", but at {where} it makes things worse"
    return f", but from {text.ratio(onset)} on it makes things worse"


def _worst(audit: AuditResults) -> list[str]:
    cell, ratio = find.worst(audit), audit.near(0.10)
    if cell is None or cell.growth is None or cell.growth < LITTLE or ratio is None:
        return []
    clean, poisoned = cell.mean("nmse_clean"), cell.mean("nmse_poisoned")
    sentence = (
        f"Worst case tried: with {text.ratio(cell.ratio)} poison ({cell.series.words}) the error "
        f"{text.growth(cell.growth)}, NMSE {text.number(clean)} to {text.number(poisoned)}"
    )
    small = find.worst(audit, ratio)
    if small is None or small.growth is None or cell.ratio == ratio or small is find.lead(audit):
        return [f"{sentence}."]
    grown = text.growth(small.growth)
    return [f"{sentence}; with {text.ratio(ratio)} ({small.series.words}) it {grown}."]


def _visible(audit: AuditResults) -> list[str]:
    """How poison looks beside clean rows: under the clean model, and to the best scores."""
    cell = find.lead(audit)
    if cell is None:
        return []
    parts = []
    risk = cell.mean("risk")
    if risk is not None:
        parts.append(f"have risk {text.number(risk)}, where 1 is an average clean row")
    auc = find.best_auc(audit, cell)
    if auc is not None:
        turned = ", turned round, as the poison looks too normal" if auc.turned else ""
        parts.append(
            f"are told from clean rows with AUC {text.area(auc.auc)} by the best scores "
            f"({audit.labels.defense(auc.defense)}{turned}), {_certainty(auc.auc)}"
        )
    if not parts:
        return []
    where = f"{text.ratio(cell.ratio)}, {cell.series.words}"
    return [f"How visible: these poison rows ({where}) {', and '.join(parts)}."]


def _certainty(auc: float) -> str:
    if auc >= 0.99:
        return "which is nearly certain"
    if auc >= 0.9:
        return "far better than guessing"
    return "better than guessing" if auc >= 0.65 else "which is close to guessing"


def _best(audit: AuditResults) -> list[str]:
    standings = find.standings(audit)
    if not standings:
        return []
    best = standings[0]
    amount = text.count(len(best.cells), "poisoned cell")
    ceiling = "" if best.oracle is None else f", the oracle {text.signed(best.oracle)}"
    if best.mean < -HARM:
        return [
            f"No defense tried helps on the whole: the best, {_who(audit, best.defense)}, "
            f"has a mean gain of {text.signed(best.mean)} over {amount}{ceiling}."
        ]
    worst = text.signed(best.worst.gain)
    lowest = f"in its worst cell {worst}" if best.harmful else f"never below {worst}"
    return [
        f"The most helpful defense is {_who(audit, best.defense)}: "
        f"mean gain {text.signed(best.mean)} over {amount}{ceiling}, {lowest}."
    ]


def _hurting(audit: AuditResults) -> list[str]:
    standings = sorted(
        (s for s in find.standings(audit) if s.harmful), key=lambda s: s.worst.gain or 0
    )
    lines = [_harm(audit, standing) for standing in standings[:3]]
    if standings[3:]:
        rest = text.listing(
            [f"{audit.labels.defense(s.defense)} ({len(s.harmful)})" for s in standings[3:]]
        )
        lines.append(f"Cells in which other defenses make things worse: {rest}.")
    return lines


def _harm(audit: AuditResults, standing: find.Standing) -> str:
    """In how many cells one defense hurts, from where on, how much, and whether for nothing."""
    worst, (harmful, onset) = standing.worst, find.harmful_from(standing.cells)
    start = f"first at {text.ratio(harmful[0])}"
    if onset is not None:
        always = f"from {text.ratio(onset)} on in every cell"
        start = always if onset == harmful[0] else f"{start}, {always}"
    grown = [audit.poison[c.series, c.ratio].growth for c in standing.harmful]
    idle = sum(growth is not None and growth < LITTLE for growth in grown)
    why = ""
    if 2 * idle > len(grown):
        why = "; mostly where the poison does little, so that it drops clean rows for nothing"
    return (
        f"{_who(audit, standing.defense, ',')} makes things worse in {len(standing.harmful)} of "
        f"{text.count(len(standing.cells), 'cell')}, {start}; at worst "
        f"{text.signed(worst.gain)} ({worst.series.words}, {text.ratio(worst.ratio)}){why}."
    )


def _poisonability(audit: AuditResults) -> list[str]:
    """From which ratio on the worst poison fits better than the clean rows, as one number."""
    meets = find.poisonability(audit)
    if not meets:
        return []
    (series, one), *others = meets.items()
    where = f"{text.percent(one.ratio)} poison ({series.words})"
    sooner = [(o, s) for s, o in others if o.reach != NOT and o.ratio < one.ratio]
    more = ""
    if sooner:
        first, quiet = min(sooner, key=lambda pair: pair[0].ratio)
        which = "already at" if first.reach == BELOW else "above"
        more = f" ({quiet.words}: {which} {text.percent(first.ratio)})"
    if one.reach == NOT:
        but = f", but not at every alpha{more}" if more else ""
        return [f"Up to {where} the poison fits worse than your own data on average{but}."]
    start = f"Above {where} the poison fits better than your own data{more}"
    if one.reach == BELOW:
        start = f"At {where} the poison already fits better than your own data and never stands out"
    return [
        f"{start}: no defense that goes by the residuals of a model trained on all rows can tell "
        "it."
    ]


def _crossing(audit: AuditResults) -> list[str]:
    """The same by the ratios tried alone: no unpoisoned rows, or attacks that share an alpha."""
    meets = find.crossings(audit)
    if not meets or find.poisonability(audit):
        return []
    series, ratio = next(iter(meets.items()))  # of the most aggressive attack
    return [
        f"From {text.ratio(ratio)} poison on ({series.words}) the poisoned model fits the poison "
        "better than the clean rows: a defense that drops large residuals then drops clean rows."
    ]


def _clean(audit: AuditResults) -> list[str]:
    parts = []
    for defense, cell in find.clean_costs(audit):
        kept, gain = cell.mean("kept"), cell.gain
        if gain is None:
            continue
        dropped = (
            ""
            if kept is None
            else f"{audit.labels.treatment(defense)} {text.percent(1 - kept)} of the rows and "
        )
        parts.append(f"{_who(audit, defense, ',')} {dropped}{_cost(gain)}")
    return [f"On unpoisoned data {'; '.join(parts)}."] if parts else []


def _cost(gain: float) -> str:
    """A gain is a share of the error, so a negative one is by how much the error grew."""
    if abs(gain) <= -HARM:
        return "leaves the error as it is"
    return f"{'lowers' if gain > 0 else 'raises'} the error by {text.percent(abs(gain))}"


def _controls(audit: AuditResults) -> list[str]:
    """Whether the optimized attack does more than what needs no optimization."""
    ratio = audit.near(0.10)
    if ratio is None or not any(not s.control for s in audit.series):
        return []
    best = find.worst(audit, ratio, audit.main)
    rival = find.worst(audit, ratio, audit.controls)
    if best is None or best.growth is None or rival is None:
        return []
    factor = rival.growth or 0.0
    risk = "" if (seen := rival.mean("risk")) is None else f" at risk {text.number(seen)}"
    more = best.growth > 1.05 * factor
    claim = "more than the controls" if more else "no more than a simple control"
    return [
        f"At {text.ratio(ratio)} the optimized attack does {claim}: the error "
        f"{text.growth(best.growth)}, with {rival.series.words} it {text.growth(factor)}"
        f"{goal.beside(audit, rival)}{risk}"
        f"{_overtaken(audit) if more else ''}."
    ]


def _overtaken(audit: AuditResults) -> str:
    """Where a control does more than the optimized attack."""
    lines = []
    for ratio in audit.ratios:
        best = find.worst(audit, ratio, audit.main)
        rival = find.worst(audit, ratio, audit.controls)
        if best and rival and (rival.growth or 0) > (best.growth or 0):
            lines.append(rival)
    if not lines:
        return ""
    ratios = [cell.ratio for cell in lines]
    where = f"at {text.listing([text.ratio(r) for r in ratios])}"
    if len(ratios) > 1 and ratios == audit.ratios[-len(ratios) :]:
        where = f"from {text.ratio(ratios[0])} on"
    names = text.listing(list(dict.fromkeys(cell.series.words for cell in lines)))
    return f"; but {where} {names} does more"


def _failed(audit: AuditResults) -> list[str]:
    failed = audit.where(status="failed").rows
    if not failed:
        return []
    names = text.listing(sorted({audit.labels.defense(row["defense"]) for row in failed}))
    return [f"{len(failed)} of {len(audit):,} cells failed and are left out ({names})."]


def _seeds(audit: AuditResults) -> list[str]:
    if audit.seeds < 2:
        return ["One seed only: differences of a few percent may be chance."]
    sentence = f"Figures are means over {audit.seeds} seeds, each with its own split and attack"
    if audit.seeds < ENOUGH:
        return [f"{sentence}: too few to tell a small harm from chance."]
    return [f"{sentence}; harm within two standard errors is not counted as harm."]
