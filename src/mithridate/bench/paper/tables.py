"""The tables behind the claims: what was measured, by defense, table, alpha and ratio."""

from collections.abc import Callable, Sequence

import numpy as np

from ...report import text
from ...report.frame import Cube, Frame, alphas_of, attacked
from ...report.growth import DAMAGE, factor, growth, trajectories
from ...report.intervals import Estimate, over, with_interval
from ...report.markdown import escaped, table
from ...report.poisonability import NOT, Poisonability, measured
from ...report.series import NONE
from .attack import since
from .defense import constant, turning
from .lead import BAYESCLEAN

Table = tuple[str, str, str]  # title, what it shows, the table itself
SHOWN = 2  # largest ratios at which every gain is given


def of_defenses(rows: Frame) -> list[Table]:
    """All tables on one model: damage, looks, gains, where they turn, what is found."""
    judged = rows.poisoned.table
    names = [pair for pair in rows.distinct("defense", "defense_options") if pair[0] != NONE]
    ordered = _ordered(rows, names)
    parts = [damage(rows), looks(rows)]
    if judged.num_rows and len(ordered) > 1:
        parts += [*gains(rows, ordered), turns(rows, ordered), *by_table(rows, ordered)]
        parts.append(detection(rows, ordered))
    parts.append(crossings(rows))
    return [one for one in parts if one is not None]


def _ordered(rows: Frame, names: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Defenses by falling mean gain, the oracle first."""

    def rank(pair: tuple[str, str]) -> float:
        cube = _of(rows, pair, ("gain",), "alpha", "ratio")
        gain = np.nan if cube.empty else float(np.nanmean(cube.values["gain"]))
        return np.inf if np.isnan(gain) else -gain

    return sorted(names, key=rank)


def _of(rows: Frame, pair: tuple[str, str], figures: Sequence[str], *axes: str) -> Cube:
    mine = rows.poisoned.where(defense=pair[0], defense_options=pair[1])
    return mine.cube(figures, *axes)


def _alphas(rows: Frame) -> list[float]:
    return sorted(rows.poisoned.distinct("alpha"), reverse=True)


def _heads(first: str, alphas: Sequence[float]) -> list[str]:
    return [first, *(f"alpha {a:g}" for a in alphas)]


def damage(rows: Frame) -> Table | None:
    """Growth of the error, by table, alpha and ratio."""
    cube = attacked(rows).cube(DAMAGE, "alpha", "ratio")
    if cube.empty:
        return None
    estimate = cube.estimate(growth)
    ratios, lines = cube.along["ratio"], []
    for t, name in enumerate(cube.tables):
        for a, alpha in enumerate(alphas_of(cube)):
            shown = [factor(float(estimate.point[t, a, r])) for r in range(len(ratios))]
            shown[-1] = with_interval(estimate.one(t, a, len(ratios) - 1), factor)
            lines.append([escaped(name), f"{alpha:g}", *map(escaped, shown)])
    heads = ["table", "alpha", *map(text.ratio, ratios)]
    return (
        "Damage",
        "Error without defense, as times the error without poison.",
        table(heads, lines),
    )


def looks(rows: Frame) -> Table | None:
    """How far poison lies from the clean rows, by alpha."""
    names = ("risk", "energy", "largest_ks", "at_border")
    cube = attacked(rows).cube(names, "alpha", "ratio")
    if cube.empty:
        return None
    shows = (text.number, *[_two] * 3)
    estimates = {name: cube.estimate(lambda x, n=name: over(x[n], 1, 3)) for name in names}
    lines = [
        [f"{alpha:g}"]
        + [
            escaped(with_interval(estimates[n].one(a), show))
            for n, show in zip(names, shows, strict=True)
        ]
        for a, alpha in enumerate(alphas_of(cube))
    ]
    heads = ["alpha", "risk", "energy distance", "largest KS", "targets at the border"]
    note = "Means over tables and ratios: what tells poison from clean rows."
    return "Looks", note, table(heads, lines)


def _two(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def gains(rows: Frame, names: list[tuple[str, str]]) -> list[Table]:
    """Mean gain over the tables by defense and alpha, at the largest ratios."""
    alphas, made = _alphas(rows), []
    for ratio in rows.poisoned.distinct("ratio")[-SHOWN:]:
        here = rows.where(ratio=ratio)

        def shown(pair: tuple[str, str], at: Frame = here) -> list[str]:
            cube = _of(at, pair, ("gain",), "alpha")
            return _along(cube, alphas, cube.estimate(lambda x: over(x["gain"], 1)))

        note = "Test defense gain, mean over the tables; below 0 the defense does harm."
        made.append((f"Gain at {text.ratio(ratio)}", note, _by_defense(rows, names, alphas, shown)))
    return made


def _by_defense(
    rows: Frame,
    names: list[tuple[str, str]],
    alphas: Sequence[float],
    shown: Callable[..., list[str]],
) -> str:
    lines = [[escaped(rows.labels.entry(*pair)), *map(escaped, shown(pair))] for pair in names]
    return table(_heads("defense", alphas), lines)


def _along(
    cube: Cube,
    alphas: Sequence[float],
    estimate: Estimate,
    show: Callable[[float], str] = text.signed,
) -> list[str]:
    """A figure at each alpha; a dash where it is not known."""
    at = {alpha: i for i, alpha in enumerate(cube.along["alpha"])}
    return [
        with_interval(estimate.one(at[a]), show)
        if a in at and not np.isnan(estimate.point[at[a]])
        else "–"
        for a in alphas
    ]


def turns(rows: Frame, names: list[tuple[str, str]]) -> Table:
    """The ratio from which on each gain stays negative."""
    alphas = _alphas(rows)

    def shown(pair: tuple[str, str]) -> list[str]:
        cube = _of(rows, pair, ("gain",), "alpha", "ratio")
        estimate = cube.estimate(lambda x: turning(x, cube.along["ratio"]))
        return _along(cube, alphas, estimate, since)

    note = (
        "The ratio from which on the mean gain over the tables stays below 0, of the ratios tried; "
        f"*never*: at {text.ratio(rows.poisoned.distinct('ratio')[-1])} it is still at 0 or above."
    )
    return "Where defenses turn harmful", note, _by_defense(rows, names, alphas, shown)


def by_table(rows: Frame, names: list[tuple[str, str]]) -> list[Table]:
    """Gains table by table at the largest ratio, the alphas in one field."""
    places, alphas = rows.distinct("dataset"), _alphas(rows)
    if len(places) < 2:
        return []
    ratio = rows.poisoned.distinct("ratio")[-1]
    lines = []
    for pair in names:
        cube = _of(rows.where(ratio=ratio), pair, ("gain",), "alpha")
        points = cube.point(lambda x: x["gain"])
        line = [escaped(rows.labels.entry(*pair))]
        for place in places:
            t = cube.tables.index(place) if place in cube.tables else None
            line.append("–" if t is None else _points(cube, alphas, points[t]))
        lines.append(line)
    note = f"Mean gain over the seeds at {text.ratio(ratio)}; in each field at alpha "
    note += f"{' '.join(f'{a:g}' for a in alphas)}."
    return [("Table by table", note, table(["defense", *map(escaped, places)], lines))]


def _points(cube: Cube, alphas: Sequence[float], values: np.ndarray) -> str:
    at = {alpha: i for i, alpha in enumerate(cube.along["alpha"])}
    return " ".join(text.signed(float(values[at[a]])) if a in at else "–" for a in alphas)


def detection(rows: Frame, names: list[tuple[str, str]]) -> Table:
    """What each defense finds and loses, and how its scores rank."""
    alphas, figures = _alphas(rows), ("tpr", "fpr", "auc")

    def shown(pair: tuple[str, str]) -> list[str]:
        cube = _of(rows, pair, figures, "alpha", "ratio")
        at = {alpha: i for i, alpha in enumerate(cube.along["alpha"])}
        values = [cube.point(lambda x, n=n: over(x[n], 1, 3)) for n in figures]
        return [" ".join(_known(f[at[a]]) for f in values) if a in at else "–" for a in alphas]

    note = (
        "Share of the poison rejected, share of the clean rows rejected, and AUC of the scores "
        "(below 0.5 poison looks *too* normal), means over tables and ratios."
    )
    return "What is found", note, _by_defense(rows, names, alphas, shown)


def _known(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


def crossings(rows: Frame) -> Table | None:
    """Where the poisoned model comes to fit the poison better, by table and alpha."""
    columns = ["dataset", "alpha", "ratio", "seed", "error_clean", "error_poison"]
    series = measured(attacked(rows).worked.table.select(columns).to_pylist())
    if not series:
        return None
    at = {(one.keys["dataset"], one.keys["alpha"]): one for one in series}
    alphas = _alphas(rows)
    lines = [
        [escaped(place), *(_crossing(at.get((place, alpha))) for alpha in alphas)]
        for place in rows.distinct("dataset")
    ]
    note = "The ratio at which the error of the poison falls to that of the clean rows."
    return "Where poison fits better", note, table(_heads("table", alphas), lines)


def _crossing(one: Poisonability | None) -> str:
    if one is None:
        return "–"
    ratio = "never" if one.reach == NOT else _tenth(one.ratio)
    shown = f"at most {ratio}" if one.reach == "below" else ratio
    if one.low is None or one.high is None:
        return shown
    ends = [_end(one.low), _end(one.high)]
    return escaped(f"{shown} [{ends[0] if ends[0] == ends[1] else ' to '.join(ends)}]")


def _end(value: float) -> str:
    return "less" if value == 0 else "never" if np.isinf(value) else _tenth(value)


def _tenth(value: float) -> str:
    return text.ratio(round(value, 3))


def sensitivity(rows: Frame) -> list[Table]:
    """What BayesClean's constant does, by alpha."""
    figures = ("tpr", "fpr", "gain")
    cube = rows.poisoned.where(defense=BAYESCLEAN).cube(
        figures, "defense_options", "alpha", "ratio"
    )
    if cube.empty:
        return []
    estimates = {n: cube.estimate(lambda x, n=n: over(x[n], 1, 4)) for n in figures}
    known = {i: c for i, o in enumerate(cube.along["defense_options"]) if (c := constant(o))}
    lines = [
        [f"{known[i]:g}"]
        + [
            f"{estimates['tpr'].point[i, a]:.2f} / {estimates['fpr'].point[i, a]:.2f}, "
            + escaped(with_interval(estimates["gain"].one(i, a)))
            for a in range(len(alphas_of(cube)))
        ]
        for i in sorted(known, key=lambda i: known[i])
    ]
    note = "Share of the poison rejected / share of the clean rows rejected, gain."
    return [("The cut", note, table(_heads("c2", alphas_of(cube)), lines))]


def predictive(rows: Frame) -> list[Table]:
    """The plain attack beside the one against the predictive variance."""
    aimed = rows.where(experiment="predictive").poisoned
    beside = rows.poisoned.where(ratio=aimed.distinct("ratio"))
    lines = []
    for pair in aimed.distinct("defense", "defense_options"):
        if pair[0] == NONE:
            continue
        for risk, name in (("residual", "plain"), ("predictive", "aimed")):
            cube = _of(beside.where(risk_name=risk), pair, ("tpr", "gain"), "alpha", "ratio")
            if cube.empty:  # the plain attack is another experiment, which may not have been run
                continue
            tpr, gain = (cube.estimate(lambda x, n=n: over(x[n], 1, 3)) for n in ("tpr", "gain"))
            shares = _along(cube, _alphas(aimed), tpr, _two)
            helped = _along(cube, _alphas(aimed), gain)
            both = [escaped(f"{s}, {g}") for s, g in zip(shares, helped, strict=True)]
            lines.append([escaped(rows.labels.entry(*pair)), name, *both])
    note = "Share of the poison rejected, gain; means over the tables and ratios of both."
    heads = ["defense", "attack", *_heads("", _alphas(aimed))[1:]]
    return [("Plain and aimed", note, table(heads, lines))] if lines else []


def normalizers(rows: Frame) -> list[Table]:
    """Both objectives along the ratio, by normalizer and alpha, and how far alpha spreads them."""
    lines, ratios = [], rows.poisoned.distinct("ratio")
    for name in rows.poisoned.distinct("normalizer"):
        cube = attacked(rows.where(normalizer=name)).cube((*DAMAGE, "risk"), "alpha", "ratio")
        if cube.empty:
            continue
        at = {ratio: i for i, ratio in enumerate(cube.along["ratio"])}
        y = trajectories(cube)
        last = len(alphas_of(cube)) - 1
        for a, alpha in enumerate(alphas_of(cube)):
            lines.append([escaped(name), f"{alpha:g}", *_both(y[:, a], ratios, at)])
        spread = y[:, 0] - y[:, last]
        lines.append([escaped(name), "*spread*", *_both(spread, ratios, at)])
    note = (
        "Error as times the clean one, and risk; geometric means over the tables. *Spread*: those "
        "of the largest alpha over those of the smallest, 1× where alpha no longer matters."
    )
    heads = ["normalizer", "alpha", *map(text.ratio, ratios)]
    return [("Trajectories", note, table(heads, lines))] if lines else []


def _both(y: np.ndarray, ratios: Sequence[float], at: dict[float, int]) -> list[str]:
    return [
        f"{factor(float(y[0, at[r]]))} · {text.number(float(np.exp(y[1, at[r]])))}"
        if r in at and np.isfinite(y[0, at[r]])
        else "–"
        for r in ratios
    ]
