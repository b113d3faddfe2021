"""Claims on the defenses: where each fails, BayesClean, its constant, the open questions."""

import json

import numpy as np

from ...report import text
from ...report.frame import Frame, alphas_of
from ...report.intervals import Values, interval, over
from .attack import LOW, finding, since, stays
from .claims import ClaimFigures, Rule, Statement
from .lead import BAYESCLEAN, FIVE, GROUPS, beats, share, where_all_harm

LOF = '{"detector": "sklearn.neighbors.LocalOutlierFactor"}'
ROBUST = 0.1  # how far apart gains may lie that are called alike


def _falls(rows: Frame) -> ClaimFigures | None:
    """Gain at the smallest ratio above that at the largest, defense by defense."""
    cube = _five(rows).cube(("gain",), "defense", "alpha", "ratio")
    if cube.empty or len(cube.along["ratio"]) < 2:
        return None
    alphas = alphas_of(cube)

    def fall(x: Values) -> np.ndarray:
        gain = over(x["gain"], 1)[:, :, : len(alphas)]
        return gain[..., 0] - gain[..., -1]

    labels = [(FIVE[d], f"alpha {a:g}") for d in cube.along["defense"] for a in alphas]
    first, last = (text.ratio(cube.along["ratio"][i]) for i in (0, -1))
    tail = f", gain at {first} minus gain at {last}"
    return finding(cube, fall, labels, lambda x: over(fall(x), 1, 2), text.signed, tail)


def _five(rows: Frame) -> Frame:
    return rows.poisoned.where(defense=list(FIVE), defense_options="{}")


def turning(x: Values, ratios: list[float], tables: int = 1) -> np.ndarray:
    """The ratio from which on the gain, meant over the tables (axis `tables`), stays negative."""
    return stays(over(x["gain"], tables) < 0, ratios)


def _turns(defense: str) -> Rule:
    """That the mean gain of a defense becomes and stays negative, at each alpha."""

    def rule(rows: Frame) -> ClaimFigures | None:
        mine = rows.poisoned.where(defense=defense, defense_options="{}")
        cube = mine.cube(("gain",), "alpha", "ratio")
        if cube.empty:
            return None
        alphas, ratios = alphas_of(cube), cube.along["ratio"]
        estimate = cube.estimate(lambda x: turning(x, ratios))
        sides = cube.estimate(
            lambda x: np.where(np.isfinite(turning(x, ratios)[:, : len(alphas)]), 1.0, -1.0)
        )
        ends = [estimate.one(i) for i in range(len(alphas))]

        figure = "; ".join(
            f"alpha {a:g}: {since(float(e.point))}" for a, e in zip(alphas, ends, strict=True)
        )
        reach = "; ".join(interval(e, since) for e in ends)
        return ClaimFigures(figure, reach, [(f"alpha {a:g}", "") for a in alphas], sides)

    return rule


def _earlier(rows: Frame) -> ClaimFigures | None:
    """That the gain turns negative at a smaller ratio than under the largest alpha."""
    cube = _five(rows).cube(("gain",), "defense", "alpha", "ratio")
    alphas, ratios = alphas_of(cube), cube.along["ratio"]
    if cube.empty or len(alphas) < 2 or len(ratios) < 2:
        return None
    beyond = 2 * ratios[-1] - ratios[-2]  # never counts as one step farther

    def lead(x: Values) -> np.ndarray:
        at = np.minimum(turning(x, ratios), beyond)[:, :, : len(alphas)]
        return at[:, :, :1] - at[:, :, 1:]

    labels = [(FIVE[d], f"alpha {a:g}") for d in cube.along["defense"] for a in alphas[1:]]
    return finding(
        cube,
        lead,
        labels,
        lambda x: over(lead(x), 1, 2),
        lambda v: f"{100 * v:.1f}".replace("-", "−"),
        f" points of ratio earlier than under alpha {alphas[0]:g}",
    )


def _positive(rows: Frame) -> ClaimFigures | None:
    """That BayesClean's gain, meant over the tables, is above 0 at each alpha and ratio."""
    cube = rows.poisoned.where(defense=BAYESCLEAN, defense_options="{}").cube(
        ("gain",), "alpha", "ratio"
    )
    if cube.empty:
        return None
    labels = [(f"alpha {a:g}", text.ratio(r)) for a in alphas_of(cube) for r in cube.along["ratio"]]
    tail = " of tables, alphas and ratios at 0 or above"
    return finding(
        cube,
        lambda x: over(x["gain"], 1),
        labels,
        lambda x: over(share(x["gain"] >= 0, x["gain"]), 1, 2, 3),
        text.percent,
        tail,
    )


def _distribution(defense: str, options: str, figure: str, over_this: float) -> Rule:
    """A figure of a defense under stealthy alphas, meant over the ratios, above a level."""

    def rule(rows: Frame) -> ClaimFigures | None:
        mine = rows.poisoned.where(defense=defense, defense_options=options)
        cube = mine.cube((figure,), "alpha", "ratio")
        low = [i for i, a in enumerate(cube.along["alpha"]) if a is not None and a < LOW]
        if cube.empty or not low:
            return None

        def mean(x: Values) -> np.ndarray:
            return over(x[figure], 3)[:, :, low]

        labels = [(t, f"alpha {cube.along['alpha'][i]:g}") for t in cube.tables for i in low]
        show = text.signed if figure == "gain" else text.area
        return finding(
            cube, lambda x: mean(x) - over_this, labels, lambda x: over(mean(x), 1, 2), show
        )

    return rule


def _open(letter: str, defense: str, options: str, what: str) -> list[Statement]:
    return [
        Statement(
            f"7{letter}1",
            f"*Open question:* {what} ranks stealthy poison above clean rows (AUC above 0.5).",
            _distribution(defense, options, "auc", 0.5),
        ),
        Statement(
            f"7{letter}2",
            f"*Open question:* {what} helps against stealthy poison (gain above 0).",
            _distribution(defense, options, "gain", 0.0),
        ),
    ]


DEFENSES = [
    Statement("4a", "The gain of the defenses before BayesClean falls as the ratio grows.", _falls),
    *(
        Statement(f"4{letter}", f"{name} does harm from some ratio on.", _turns(key))
        for letter, (key, name) in zip("bcdef", FIVE.items(), strict=True)
    ),
    Statement("4g", "The stealthier the attack, the earlier these defenses do harm.", _earlier),
    Statement("5a", "BayesClean helps at every alpha and ratio.", _positive),
    Statement(
        "5b", "Where all the others of the paper do harm, BayesClean does not.", where_all_harm
    ),
    *(
        Statement(
            f"5{letter}",
            f"In the upper half of the ratios BayesClean beats {group.words}.",
            beats(group),
        )
        for letter, group in zip("cde", GROUPS, strict=True)
    ),
]
QUESTIONS = [
    *_open("a", "outliers", "{}", "an isolation forest on (X, y)"),
    *_open("b", "outliers", LOF, "the local outlier factor on (X, y)"),
    *_open("c", "kolmogorovsmirnov", "{}", "a Kolmogorov-Smirnov test by column"),
]


def constant(options: str) -> float | None:
    """The c2 of a defense's options.

    >>> constant('{"c2": 1.5}'), constant("{}")
    (1.5, None)
    """
    value = json.loads(options).get("c2")
    return float(value) if isinstance(value, int | float) else None


def _smaller(figure: str, robust: bool = False) -> Rule:
    """A figure at the smallest c2 over that at the largest; or how far apart it lies over all."""

    def rule(rows: Frame) -> ClaimFigures | None:
        cube = rows.poisoned.where(defense=BAYESCLEAN).cube(
            (figure,), "defense_options", "alpha", "ratio"
        )
        known = {i: constant(o) for i, o in enumerate(cube.along["defense_options"])}
        order = sorted((i for i in known if known[i] is not None), key=lambda i: known[i] or 0)
        if cube.empty or len(order) < 2:
            return None
        alphas = alphas_of(cube)

        def mean(x: Values) -> np.ndarray:
            return over(x[figure], 1, 4)[:, order][:, :, : len(alphas)]

        def parts(x: Values) -> np.ndarray:
            average = mean(x)
            if robust:
                return ROBUST - (average.max(axis=1) - average.min(axis=1))
            return average[:, 0] - average[:, -1]

        labels = [(f"alpha {a:g}", "") for a in alphas]
        low, high = (f"{known[order[i]]:g}" for i in (0, -1))
        tail = " between the best and the worst c2" if robust else f", c2 {low} minus {high}"
        return finding(
            cube,
            parts,
            labels,
            lambda x: over(ROBUST - parts(x) if robust else parts(x), 1),
            (lambda v: f"{v:.2f}") if robust else text.signed,
            tail,
        )

    return rule


SENSITIVITY = [
    Statement("6a", "A smaller c2 finds more poison.", _smaller("tpr")),
    Statement("6b", "A smaller c2 costs more false positives.", _smaller("fpr")),
    Statement(
        "6c", f"The gain hardly depends on c2 (by less than {ROBUST:g}).", _smaller("gain", True)
    ),
]


def _evades(figure: str) -> Rule:
    """BayesClean on poison that keeps the residual low, over that against its own variance."""

    def rule(rows: Frame) -> ClaimFigures | None:
        ratios = rows.where(experiment="predictive").poisoned.distinct("ratio")
        mine = rows.poisoned.where(defense=BAYESCLEAN, defense_options="{}", ratio=ratios)
        cube = mine.cube((figure,), "risk_name", "alpha", "ratio")
        risks, alphas = cube.along["risk_name"], alphas_of(cube)
        if cube.empty or not {"predictive", "residual"} <= set(risks):
            return None
        plain, aimed = risks.index("residual"), risks.index("predictive")
        low = [i for i, a in enumerate(alphas) if a < 1]  # at alpha 1 no risk plays a part

        def parts(x: Values) -> np.ndarray:
            return over(x[figure][:, :, plain] - x[figure][:, :, aimed], 3)[:, :, low]

        labels = [(table, f"alpha {alphas[i]:g}") for table in cube.tables for i in low]
        tail = ", plain attack minus aimed one"
        return finding(cube, parts, labels, lambda x: over(parts(x), 1, 2), text.signed, tail)

    return rule


PREDICTIVE = [
    Statement("9a", "BayesClean finds less of it.", _evades("tpr")),
    Statement("9b", "BayesClean gains less.", _evades("gain")),
]

# Without the three claims on SEVER, Proda and DUTI, which the network is not given.
SHORT = [s for s in DEFENSES if s.number not in ("4d", "4e", "4f")]
