"""The paper's main result under every reading of its attack, and what decides it."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from ...report import text
from ...report.frame import Frame, alphas_of, attacked
from ...report.growth import DAMAGE, factor, growth
from ...report.intervals import Estimate, Values, over, with_interval
from ...report.markdown import escaped, paragraph, table
from ...report.series import ORACLE
from .lead import BAYESCLEAN, FIVE, GROUPS, ComparedDefenses, Lead, leads, share, upper
from .readings import NETWORK, OWN, PAPER, READ, READINGS, TRIED, AttackReading

SHOWN = {ORACLE: "Oracle", BAYESCLEAN: "BayesClean", **FIVE, "antidote": "Antidote"}
AHEAD, BEHIND, OPEN = "ahead", "behind", "neither ahead nor behind"
UNKNOWN = "not told apart by so few seeds"
LEFT_OPEN = (
    "The paper's summary says that its risk is based on loss differences between poisoned and "
    "clean models, and leaves more than one way to read this. *Difference*: the loss of the poison "
    "under the clean model less that under the poisoned one, the nearest to these words. "
    "*Residual*: its loss under the clean model alone. *Gap*: the squared distance of this loss "
    "from that of an average clean row. It leaves open as well when one-hot groups and whole "
    "numbers are made possible: *after each batch*, the reading taken to be the paper's; *on the "
    "way*, at every step of the ascent, which is ours; *never*, which no table can hold. And it "
    "leaves open what is stretched to [0, 1]: the ranges of the whole table before it is cut, as "
    "in published benchmarks, or those of the training rows alone. Then test rows may lie far "
    "outside, where the coefficients of rare levels and long tails decide the error."
)


def headline(results: Frame) -> list[str]:
    """The section on the main result, in Markdown; nothing where no reading was run."""
    lines = [*_section("linear regression", READINGS, results)]
    lines += _section("deep network", NETWORK, results)
    start = ["## The main result, and what decides it", paragraph(LEFT_OPEN)]
    return [*start, *lines] if lines else []


def _section(model: str, readings: Sequence[AttackReading], results: Frame) -> list[str]:
    rows = {r: some for r in readings if len(some := r.of(results))}
    by_group = {g: {r: lead for r in rows if (lead := leads(rows[r], g))} for g in GROUPS}
    if not any(by_group.values()):
        return []
    ratios = next(iter(rows.values())).poisoned.distinct("ratio")
    where = text.listing([text.ratio(r) for r in ratios[upper(ratios) :]])
    return [
        f"### The verdict, {model}",
        "\n".join(f"- {decided(g, by)}" for g, by in by_group.items()),
        f"### Readings and defenses, {model}",
        paragraph(_gains_note(where)),
        _gains(rows),
        f"### BayesClean beside the others, {model}",
        paragraph(_leads_note(where)),
        _leads(by_group),
        f"### Where defenses do harm, {model}",
        paragraph(_harm_note(where)),
        _harm(rows),
        f"### Damage under each reading, {model}",
        paragraph(_damage_note(ratios)),
        _damage(rows),
    ]


def state(lead: Estimate) -> str:
    """Whether BayesClean is ahead, by the interval of its lead.

    >>> state(Estimate(np.array(0.2), np.array(0.1), np.array(0.3)))
    'ahead'
    >>> state(Estimate(np.array(0.2), None, None))
    'not told apart by so few seeds'
    """
    if lead.low is None or lead.high is None:
        return UNKNOWN
    return AHEAD if lead.low > 0 else BEHIND if lead.high < 0 else OPEN


def decided(
    group: ComparedDefenses, by_reading: Mapping[AttackReading, tuple[Lead, Mapping[str, Lead]]]
) -> str:
    """One sentence for a group: how BayesClean stands under each reading, and on what it hangs."""
    states = {r: state(lead.lead) for r, (lead, _) in by_reading.items()}
    tried = [f"{s} under {_words(r)}" for r, s in states.items() if r.whose == TRIED]
    also = f" Also tried: {'; '.join(tried)}." if tried else ""
    if _scale_matters(states):
        also += " So what gives the scale decides it, too."
    return f"Beside {group.words} BayesClean is {_standing(states)}.{also}"


def _scale_matters(states: Mapping[AttackReading, str]) -> bool:
    """Whether BayesClean stands otherwise where only what gives the scale is another."""
    known = [r for r in states if states[r] != UNKNOWN]
    return any(
        (one.feasible, one.risk) == (other.feasible, other.risk)
        and one.scaled != other.scaled
        and states[one] != states[other]
        for one, other in itertools.combinations(known, 2)
    )


def _standing(states: Mapping[AttackReading, str]) -> str:
    """How BayesClean stands under the paper's attack and ours, and on what it hangs."""
    papers = [r for r in states if r.whose in (PAPER, READ)]
    ours = next((states[r] for r in states if r.whose == OWN), None)
    if not papers or ours is None or UNKNOWN in {ours, *(states[r] for r in papers)}:
        described = [f"{s} under {_words(r)}" for r, s in states.items() if r.whose != TRIED]
        return text.listing(described) or "not judged under the paper's attack and ours"
    same = {states[r] for r in papers}
    read = ", however its risk is read," if len(papers) > 1 else ""
    if same == {ours}:
        return f"{ours} under the paper's attack{read} and under ours"
    if len(same) == 1:
        what = "" if len(papers) == 1 else ": what decides it is when rows are made possible"
        return f"{same.pop()} under the paper's attack{read} and {ours} under ours{what}"
    described = text.listing([f"{states[r]} as *{r.risk}*" for r in papers])
    return f"{described}, and {ours} under ours: how the risk is read matters, too"


def _words(reading: AttackReading) -> str:
    """A reading in a sentence."""
    scaled = f", scaled by the {reading.scaled.removeprefix('the ')}"
    whose = "" if reading.whose == TRIED else f"{reading.whose}: "
    return f"{whose}*{reading.risk}*, {reading.when}{scaled}"


def _title(reading: AttackReading) -> list[str]:
    name = f"**{PAPER}**" if reading.whose == PAPER else reading.whose
    return [name, reading.when, reading.risk, reading.scaled]


HEADS = ("attack", "made possible", "risk", "scaled by")


def _gains_note(where: str) -> str:
    return (
        f"Test defense gain, mean over tables, alphas and the ratios {where}, with 95 % intervals. "
        "*Oracle*: trained on the clean rows. Told the ratio: TRIM, SEVER, Proda, DUTI; 30 trusted "
        "rows: DUTI; told nothing: Huber, BayesClean, Antidote. Antidote is this library's own and "
        "counts nowhere among the defenses of the paper."
    )


def _gains(rows: Mapping[AttackReading, Frame]) -> str:
    lines = [
        [*_title(r), str(len(mine.distinct("seed"))), *(escaped(_mean(mine, d)) for d in SHOWN)]
        for r, mine in rows.items()
    ]
    return table([*HEADS, "seeds", *SHOWN.values()], lines)


def _mean(rows: Frame, defense: str) -> str:
    cube = rows.poisoned.where(defense=defense).cube(("gain",), "alpha", "ratio")
    if cube.empty:
        return "–"
    start = upper(cube.along["ratio"])
    return with_interval(cube.estimate(lambda x: over(x["gain"][..., start:], 1, 2, 3)))


def _leads_note(where: str) -> str:
    return (
        f"Mean gains as above, at {where}: BayesClean's, that of the one defense of the group that "
        "gains most, and by how much BayesClean leads it. *Share*: of the means (of a table, an "
        "alpha and a ratio) in which BayesClean gains more than each of the group. By table: "
        "BayesClean's gain, the best other's, share."
    )


def _leads(
    by_group: Mapping[ComparedDefenses, Mapping[AttackReading, tuple[Lead, dict[str, Lead]]]],
) -> str:
    tables = sorted({t for states in by_group.values() for _, by in states.values() for t in by})
    lines = []
    for group, states in by_group.items():
        for reading, (whole, by) in states.items():
            own, best = (text.signed(float(e.point)) for e in (whole.mine, whole.best))
            line = [group.words, *_title(reading), own, f"{best} ({FIVE[whole.rival]})"]
            line += [escaped(with_interval(whole.lead)), state(whole.lead)]
            line += [escaped(with_interval(whole.share, text.percent))]
            lines.append([*line, *(_short(by.get(t)) for t in tables)])
    heads = ["beside", *HEADS, "BayesClean", "best other", "lead", "it is", "share"]
    return table([*heads, *map(escaped, tables)], lines)


def _short(lead: Lead | None) -> str:
    if lead is None:
        return "–"
    own, best = (text.signed(float(e.point)) for e in (lead.mine, lead.best))
    return f"{own}, {best} ({FIVE[lead.rival]}), {text.percent(float(lead.share.point))}"


def _harm_note(where: str) -> str:
    return (
        f"Share of the means of a table and a ratio ({where}) that lie below 0, in each field at "
        "alpha 1, then lower. Where the attack does little, dropping clean rows is enough for it."
    )


def _harm(rows: Mapping[AttackReading, Frame]) -> str:
    shown = [d for d in SHOWN if d != ORACLE]
    lines = [[*_title(r), *(_harmful(mine, d) for d in shown)] for r, mine in rows.items()]
    return table([*HEADS, *(SHOWN[d] for d in shown)], lines)


def _harmful(rows: Frame, defense: str) -> str:
    cube = rows.poisoned.where(defense=defense).cube(("gain",), "alpha", "ratio")
    if cube.empty:
        return "–"
    start = upper(cube.along["ratio"])

    def harm(x: Values) -> np.ndarray:
        gain = x["gain"][..., start:]
        return over(share(gain < 0, gain), 1, 3)

    return " ".join(f"{v:.2f}" for v in cube.point(harm)[: len(alphas_of(cube))])


def _damage_note(ratios: Sequence[float]) -> str:
    return (
        f"Error without defense at {text.ratio(ratios[-1])}, as times the error without poison; "
        "geometric means over the tables."
    )


def _damage(rows: Mapping[AttackReading, Frame]) -> str:
    alphas = sorted({a for mine in rows.values() for a in mine.distinct("alpha")}, reverse=True)
    lines = []
    for reading, mine in rows.items():
        cube = attacked(mine).cube(DAMAGE, "alpha", "ratio")
        if cube.empty:
            continue
        estimate = cube.estimate(lambda x: over(growth(x)[..., -1], 1))
        at = {a: i for i, a in enumerate(cube.along["alpha"])}
        shown = [with_interval(estimate.one(at[a]), factor) if a in at else "–" for a in alphas]
        lines.append([*_title(reading), *map(escaped, shown)])
    return table([*HEADS, *(f"alpha {a:g}" for a in alphas)], lines)
