"""The results in plain sentences, most important first, for the terminal and for the page."""

import pyarrow as pa

from .. import text as words
from ..growth import LITTLE
from ..poisonability import BELOW, NOT
from . import findings as find
from .cells import ENOUGH, HARM, TRUE_RATIO, Audit, Cell, audit

MOST = 12  # sentences
EARLY = 5  # at most so many sentences stand before the word on the seeds


def headlines(results: pa.Table) -> list[str]:
    """At most twelve sentences that a busy person can act on, most important first.

    `results` is a table of `table.Row`; every figure is a mean over its seeds.

    >>> from mithridate.schema import Row, to_table
    >>> keys = dict(dataset="t", victim="ridge", attack="ascent", seed=0)
    >>> row = Row(**keys, alpha=0.3, ratio=0.1, defense="none", nmse_clean=0.2, nmse_poisoned=0.6)
    >>> headlines(to_table([row], Row))[0]
    'With 10 % poison (alpha 0.3) the error grows 3.0×.'
    """
    return sentences(audit(results))


def sentences(told: Audit) -> list[str]:
    """The headlines of results that are grouped already."""
    if not told.rows:
        return ["The table holds no results."]
    if len(told.failed) == len(told.rows):
        return [f"All {words.count(len(told.rows), 'cell')} failed, so nothing can be said."]
    parts = [
        _exact,
        _little,
        _at_ten,
        _unseen,
        _worst,
        _controls,
        _visible,
        _poisonability,
        _best,
        _hurting,
        _clean,
        _certified,
        _crossing,
    ]
    found = [line for part in parts for line in part(told)]
    seeds, failed = _seeds(told), _failed(told)
    found = found[: MOST - len(seeds + failed)] + failed
    return found[:EARLY] + seeds + found[EARLY:]


def _exact(told: Audit) -> list[str]:
    if not find.exact(told):
        return []
    return [
        "The target is a function of the features to the last digits: "
        "multiples of its error mean little."
    ]


def _little(told: Audit) -> list[str]:
    """An honest word first where the poison did next to nothing."""
    cell = find.worst(told)
    if cell is None:
        return ["No damage by poison was measured in this table."]
    if cell.growth is None or cell.growth >= LITTLE:
        return []
    return [f"No poison tried here {_at_most(cell.growth)}."]


def _at_most(growth: float) -> str:
    if growth < 1.005:
        return "grew the error"
    return f"grew the error by more than {words.at_most(growth - 1)}"


def _at_ten(told: Audit) -> list[str]:
    """What about a tenth of poison does: stealthy poison if it does much, else the worst."""
    lead = find.lead(told)
    return [] if lead is None or lead.growth is None else [_grown(told, lead)]


def _unseen(told: Audit) -> list[str]:
    """That only poison that can be seen did damage, where that is so."""
    lead = find.lead(told)
    if lead is None or find.looks_clean(lead) or (lead.growth or 0.0) < LITTLE:
        return []
    looks = f"looked clean (risk up to {words.number(find.LOOKS_CLEAN)})"
    anywhere, here = find.clean_looking(told), find.clean_looking(told, lead.ratio)
    if anywhere is None:
        known = any(c.mean("risk") is not None for c in told.poison.values())
        return [f"No poison tried here {looks}."] if known else []
    if (anywhere.growth or 0.0) < LITTLE:
        return [f"No poison tried here that {looks} {_at_most(anywhere.growth or 0.0)}."]
    if here is None:
        return [f"At {words.ratio(lead.ratio)} no poison tried {looks}."]
    if (here.growth or 0.0) < LITTLE:
        return [
            f"At {words.ratio(lead.ratio)} no poison tried that {looks} "
            f"{_at_most(here.growth or 0.0)}."
        ]
    return []


def _grown(told: Audit, cell: Cell) -> str:
    growth = cell.growth or 0.0
    kind = "stealthy poison" if find.stealthy(cell) else "poison"
    start = f"With {words.ratio(cell.ratio)} {kind} ({cell.series.words}) the error"
    if growth < LITTLE:
        return f"{start} {words.growth(growth)}{' only' if growth >= 1.005 else ''}."
    return f"{start} {words.growth(growth)}{_relief(told, cell)}."


def _relief(told: Audit, cell: Cell) -> str:
    """What the best defense does about this poison."""
    best = find.best_defense(told, cell)
    if best is None or best.gain is None:
        return ""
    if best.gain < -HARM:
        return "; no defense tried helps"
    share = best.recovered
    verb = f"gains {words.signed(best.gain)}"
    if share is not None:
        verb = f"recovers {'all of it' if share >= 1 else words.percent(share)}"
    return f"; {_who(told, best.defense, ',')} {verb}{_turn(told, best)}"


def _who(told: Audit, defense: str, close: str = "") -> str:
    """The name of a defense, and that it was told what nobody knows in practice."""
    name = words.name(defense)
    if TRUE_RATIO in name or not find.told_ratio(told, defense):
        return name
    return f"{name}, told {TRUE_RATIO}{close}"


def _turn(told: Audit, cell: Cell) -> str:
    """Where, on the same series, a helpful defense turns harmful."""
    cells = told.judged(cell.defense, [cell.series])
    harmful, onset = find.harmful_from(cells)
    if not harmful:
        return ""
    if onset is None or onset == harmful[-1]:
        where = words.listing([words.ratio(r) for r in harmful])
        return f", but at {where} it makes things worse"
    return f", but from {words.ratio(onset)} on it makes things worse"


def _worst(told: Audit) -> list[str]:
    cell, ratio = find.worst(told), told.near(0.10)
    if cell is None or cell.growth is None or cell.growth < LITTLE or ratio is None:
        return []
    clean, poisoned = cell.mean("nmse_clean"), cell.mean("nmse_poisoned")
    text = (
        f"Worst case tried: with {words.ratio(cell.ratio)} poison ({cell.series.words}) the error "
        f"{words.growth(cell.growth)}, NMSE {words.number(clean)} to {words.number(poisoned)}"
    )
    small = find.worst(told, ratio)
    if small is None or small.growth is None or cell.ratio == ratio or small is find.lead(told):
        return [f"{text}."]
    grown = words.growth(small.growth)
    return [f"{text}; with {words.ratio(ratio)} ({small.series.words}) it {grown}."]


def _visible(told: Audit) -> list[str]:
    """How poison looks beside clean rows: under the clean model, and to the best scores."""
    cell = find.lead(told)
    if cell is None:
        return []
    parts = []
    risk = cell.mean("risk")
    if risk is not None:
        parts.append(f"have risk {words.number(risk)}, where 1 is an average clean row")
    auc = find.best_auc(told, cell)
    if auc is not None:
        turned = ", turned round, as the poison looks too normal" if auc.turned else ""
        parts.append(
            f"are told from clean rows with AUC {words.area(auc.auc)} by the best scores "
            f"({words.name(auc.defense)}{turned}), {_certainty(auc.auc)}"
        )
    if not parts:
        return []
    where = f"{words.ratio(cell.ratio)}, {cell.series.words}"
    return [f"How visible: these poison rows ({where}) {', and '.join(parts)}."]


def _certainty(auc: float) -> str:
    if auc >= 0.99:
        return "which is nearly certain"
    if auc >= 0.9:
        return "far better than guessing"
    return "better than guessing" if auc >= 0.65 else "which is close to guessing"


def _best(told: Audit) -> list[str]:
    found = find.standings(told)
    if not found:
        return []
    best = found[0]
    amount = words.count(len(best.cells), "poisoned cell")
    ceiling = "" if best.oracle is None else f", the oracle {words.signed(best.oracle)}"
    if best.mean < -HARM:
        return [
            f"No defense tried helps on the whole: the best, {_who(told, best.defense)}, "
            f"has a mean gain of {words.signed(best.mean)} over {amount}{ceiling}."
        ]
    worst = words.signed(best.worst.gain)
    lowest = f"in its worst cell {worst}" if best.harmful else f"never below {worst}"
    return [
        f"The most helpful defense is {_who(told, best.defense)}: "
        f"mean gain {words.signed(best.mean)} over {amount}{ceiling}, {lowest}."
    ]


def _hurting(told: Audit) -> list[str]:
    found = sorted((s for s in find.standings(told) if s.harmful), key=lambda s: s.worst.gain or 0)
    lines = [_harm(told, standing) for standing in found[:3]]
    if found[3:]:
        rest = words.listing([f"{words.name(s.defense)} ({len(s.harmful)})" for s in found[3:]])
        lines.append(f"Cells in which other defenses make things worse: {rest}.")
    return lines


def _harm(told: Audit, standing: find.Standing) -> str:
    """In how many cells one defense hurts, from where on, how much, and whether for nothing."""
    worst, (harmful, onset) = standing.worst, find.harmful_from(standing.cells)
    start = f"first at {words.ratio(harmful[0])}"
    if onset is not None:
        always = f"from {words.ratio(onset)} on in every cell"
        start = always if onset == harmful[0] else f"{start}, {always}"
    grown = [told.poison[c.series, c.ratio].growth for c in standing.harmful]
    idle = sum(growth is not None and growth < LITTLE for growth in grown)
    why = ""
    if 2 * idle > len(grown):
        why = "; mostly where the poison does little, so that it drops clean rows for nothing"
    return (
        f"{_who(told, standing.defense, ',')} makes things worse in {len(standing.harmful)} of "
        f"{words.count(len(standing.cells), 'cell')}, {start}; at worst "
        f"{words.signed(worst.gain)} ({worst.series.words}, {words.ratio(worst.ratio)}){why}."
    )


def _poisonability(told: Audit) -> list[str]:
    """From which ratio on the worst poison fits better than the clean rows, as one number."""
    found = find.poisonability(told)
    if not found:
        return []
    (series, one), *others = found.items()
    where = f"{words.percent(one.ratio)} poison ({series.words})"
    sooner = [(o, s) for s, o in others if o.reach != NOT and o.ratio < one.ratio]
    more = ""
    if sooner:
        first, quiet = min(sooner, key=lambda pair: pair[0].ratio)
        which = "already at" if first.reach == BELOW else "above"
        more = f" ({quiet.words}: {which} {words.percent(first.ratio)})"
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


def _crossing(told: Audit) -> list[str]:
    """The same by the ratios tried alone: no unpoisoned rows, or attacks that share an alpha."""
    found = find.crossings(told)
    if not found or find.poisonability(told):
        return []
    series, ratio = next(iter(found.items()))  # of the most aggressive attack
    return [
        f"From {words.ratio(ratio)} poison on ({series.words}) the poisoned model fits the poison "
        "better than the clean rows: a defense that drops large residuals then drops clean rows."
    ]


def _clean(told: Audit) -> list[str]:
    parts = []
    for defense, cell in find.clean_costs(told):
        kept, gain = cell.mean("kept"), cell.gain
        if gain is None:
            continue
        dropped = (
            ""
            if kept is None
            else f"{words.puts_aside(defense)} {words.percent(1 - kept)} of the rows and "
        )
        parts.append(f"{_who(told, defense, ',')} {dropped}{_cost(gain)}")
    return [f"On unpoisoned data {'; '.join(parts)}."] if parts else []


def _cost(gain: float) -> str:
    """A gain is a share of the error, so a negative one is by how much the error grew."""
    if abs(gain) <= -HARM:
        return "leaves the error as it is"
    return f"{'lowers' if gain > 0 else 'raises'} the error by {words.percent(abs(gain))}"


def _certified(told: Audit) -> list[str]:
    """What no attack of so many rows can do to a median of models, whatever it is."""
    if not told.certified:
        return []
    found: dict[tuple[float, float], list[str]] = {}
    for one in told.certified:
        found.setdefault((one["share"], one["rows"]), []).append(
            f"{words.percent(one['certified'])} by more than ±{words.percent(one['within'])}"
        )
    kept = "; ".join(
        f"{words.percent(share)} of the rows ({words.number(rows)}), whatever they say, cannot "
        f"move {words.listing(moves)}"
        for (share, rows), moves in found.items()
    )
    errors = [words.number(one["nmse"]) for one in told.certified]
    cost = " to ".join(dict.fromkeys((min(errors), max(errors))))
    return [
        f"Certified for the predictions of a median of models (NMSE {cost}), in target ranges: "
        f"{kept}."
    ]


def _controls(told: Audit) -> list[str]:
    """Whether the optimized attack does more than what needs no optimization."""
    ratio = told.near(0.10)
    if ratio is None or not any(not s.control for s in told.series):
        return []
    best = find.worst(told, ratio, told.main)
    rival = find.worst(told, ratio, told.controls)
    if best is None or best.growth is None or rival is None:
        return []
    factor = rival.growth or 0.0
    risk = "" if (seen := rival.mean("risk")) is None else f" at risk {words.number(seen)}"
    more = best.growth > 1.05 * factor
    claim = "more than the controls" if more else "no more than a simple control"
    return [
        f"At {words.ratio(ratio)} the optimized attack does {claim}: the error "
        f"{words.growth(best.growth)}, with {rival.series.words} it {words.growth(factor)}{risk}"
        f"{_overtaken(told) if more else ''}."
    ]


def _overtaken(told: Audit) -> str:
    """Where a control does more than the optimized attack."""
    found = []
    for ratio in told.ratios:
        best = find.worst(told, ratio, told.main)
        rival = find.worst(told, ratio, told.controls)
        if best and rival and (rival.growth or 0) > (best.growth or 0):
            found.append(rival)
    if not found:
        return ""
    ratios = [cell.ratio for cell in found]
    where = f"at {words.listing([words.ratio(r) for r in ratios])}"
    if len(ratios) > 1 and ratios == told.ratios[-len(ratios) :]:
        where = f"from {words.ratio(ratios[0])} on"
    names = words.listing(list(dict.fromkeys(cell.series.words for cell in found)))
    return f"; but {where} {names} does more"


def _failed(told: Audit) -> list[str]:
    if not told.failed:
        return []
    names = words.listing(sorted({words.name(row["defense"]) for row in told.failed}))
    return [f"{len(told.failed)} of {len(told.rows):,} cells failed and are left out ({names})."]


def _seeds(told: Audit) -> list[str]:
    if told.seeds < 2:
        return ["One seed only: differences of a few percent may be chance."]
    text = f"Figures are means over {told.seeds} seeds, each with its own split and attack"
    if told.seeds < ENOUGH:
        return [f"{text}: too few to tell a small harm from chance."]
    return [f"{text}; harm within two standard errors is not counted as harm."]
