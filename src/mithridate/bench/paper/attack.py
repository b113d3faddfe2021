"""Claims on the attack: damage, stealth, what the poison looks like, normalizers."""

import itertools
from collections.abc import Callable

import numpy as np

from ...report import text
from ...report.frame import Cube, Frame, alphas_of, attacked
from ...report.growth import DAMAGE, LITTLE, factor, growth, log
from ...report.intervals import Values, interval, over
from .claims import ClaimFigures, Rule, Statement

_DOUBLE = 2.0  # times the clean error: from here on damage is large
_MIN_STEP = 1.05  # smallest ratio that counts as a difference between two alphas
LOW = 0.5  # alphas below are called stealthy


def flat(values: np.ndarray) -> np.ndarray:
    """All axes but that of the draws in one."""
    return values.reshape(len(values), -1)


def finding(
    cube: Cube,
    parts: Callable[[Values], np.ndarray],
    labels: list[tuple[str, str]],
    headline: Callable[[Values], np.ndarray],
    show: Callable[[float], str],
    tail: str = "",
) -> ClaimFigures:
    """A finding from what its parts are and what its figure is."""
    shown = cube.estimate(headline)
    figure = f"{show(float(shown.point))}{tail}"
    return ClaimFigures(
        figure, interval(shown, show), labels, cube.estimate(lambda x: flat(parts(x)))
    )


def _doubled(rows: Frame) -> ClaimFigures | None:
    """The error at the largest alpha and ratio, over the clean one."""
    cube = attacked(rows).cube(DAMAGE, "alpha", "ratio")
    if cube.empty:
        return None
    labels = [(table, "") for table in cube.tables]
    tail = f" at {text.ratio(cube.along['ratio'][-1])}"

    def worst(x: Values) -> np.ndarray:
        return growth(x)[:, :, 0, -1]

    return finding(
        cube,
        lambda x: worst(x) - np.log(_DOUBLE),
        labels,
        lambda x: over(worst(x), 1),
        factor,
        tail,
    )


def _grows(rows: Frame) -> ClaimFigures | None:
    """Slope of the log error over the ratio, by least squares."""
    cube = attacked(rows).cube(DAMAGE, "alpha", "ratio")
    ratios = np.array(cube.along["ratio"])
    if cube.empty or len(ratios) < 2:
        return None
    lever = (ratios - ratios.mean()) / np.sum((ratios - ratios.mean()) ** 2)

    def slope(x: Values) -> np.ndarray:
        return growth(x)[:, :, 0, :] @ lever

    labels = [(table, "") for table in cube.tables]
    return finding(
        cube, slope, labels, lambda x: 0.1 * over(slope(x), 1), factor, " for each 10 points"
    )


def _falls(figure: Callable[[Values], np.ndarray], names: tuple, show: Callable) -> Rule:
    """That a figure, meant over the ratios, falls from each alpha to the next lower one."""

    def rule(rows: Frame) -> ClaimFigures | None:
        cube = attacked(rows).cube(names, "alpha", "ratio")
        alphas = alphas_of(cube)
        if cube.empty or len(alphas) < 2:
            return None

        def mean(x: Values) -> np.ndarray:
            return over(figure(x), 3)[:, :, : len(alphas)]

        labels = [
            (table, f"alpha {a:g} to {b:g}")
            for table in cube.tables
            for a, b in itertools.pairwise(alphas)
        ]
        return finding(
            cube,
            lambda x: mean(x)[:, :, :-1] - mean(x)[:, :, 1:],
            labels,
            lambda x: over(mean(x)[:, :, 0] - mean(x)[:, :, -1], 1),
            show,
            f" from alpha {alphas[-1]:g} to {alphas[0]:g}",
        )

    return rule


def _stealthy_damage(rows: Frame) -> ClaimFigures | None:
    """Damage of the stealthy alphas at the largest ratio."""
    cube = attacked(rows).cube(DAMAGE, "alpha", "ratio")
    low = [i for i, a in enumerate(cube.along["alpha"]) if a is not None and a < LOW]
    if cube.empty or not low:
        return None
    shown = cube.estimate(lambda x: over(growth(x)[:, :, low, -1], 1))
    alphas = [cube.along["alpha"][i] for i in low]
    ends = [shown.one(i) for i in range(len(low))]
    figure = "; ".join(
        f"alpha {a:g}: {factor(float(e.point))}" for a, e in zip(alphas, ends, strict=True)
    )
    tail = f" at {text.ratio(cube.along['ratio'][-1])}"
    labels = [(table, f"alpha {a:g}") for table in cube.tables for a in alphas]
    parts = cube.estimate(lambda x: flat(growth(x)[:, :, low, -1] - np.log(LITTLE)))
    return ClaimFigures(figure + tail, "; ".join(interval(e, factor) for e in ends), labels, parts)


def _difference(value: float) -> str:
    return text.signed(value)


def _of(name: str) -> Callable[[Values], np.ndarray]:
    return lambda x: x[name]


ATTACK = [
    Statement("1a", "Aggressive poison (alpha 1) at least doubles the test error.", _doubled),
    Statement("1b", "The error under alpha 1 grows with the ratio.", _grows),
    Statement("2a", "The lower alpha, the less damage.", _falls(growth, DAMAGE, factor)),
    Statement(
        "2b",
        "The lower alpha, the lower the risk.",
        _falls(lambda x: log(x["risk"]), ("risk",), factor),
    ),
    Statement(
        "2c",
        f"Stealthy poison (alpha below {LOW:g}) still adds a tenth to the error.",
        _stealthy_damage,
    ),
    Statement(
        "3a",
        "The lower alpha, the closer poison lies to the clean rows (energy distance).",
        _falls(_of("energy"), ("energy",), _difference),
    ),
    Statement(
        "3b",
        "The lower alpha, the closer the most different column (Kolmogorov-Smirnov).",
        _falls(_of("largest_ks"), ("largest_ks",), _difference),
    ),
    Statement(
        "3c",
        "The lower alpha, the fewer targets stand at the border of their range.",
        _falls(_of("at_border"), ("at_border",), _difference),
    ),
]


def stays(below: np.ndarray, ratios: list[float]) -> np.ndarray:
    """The smallest ratio from which on it stays so (last axis); infinite where it never does.

    >>> stays(np.array([[True, False, True], [False, False, False]]), [0.1, 0.2, 0.3])
    array([0.3, inf])
    """
    after = np.flip(np.logical_and.accumulate(np.flip(below, -1), -1), -1)
    return np.where(after.any(-1), np.array(ratios)[after.argmax(-1)], np.inf)


def since(value: float) -> str:
    """A ratio from which on something is so.

    >>> since(0.15), since(float("inf"))
    ('15 %', 'never')
    """
    return text.ratio(value) if np.isfinite(value) else "never"


def crossing(x: Values, ratios: list[float]) -> np.ndarray:
    """The first ratio at which the poisoned model fits the poison no worse than the clean rows."""
    met = x["error_poison"] <= x["error_clean"]
    return np.where(met.any(-1), np.array(ratios)[met.argmax(-1)], np.inf)


def _crosses(rows: Frame) -> ClaimFigures | None:
    cube = attacked(rows).cube(("error_clean", "error_poison"), "alpha", "ratio")
    if cube.empty:
        return None
    alphas, ratios = alphas_of(cube), cube.along["ratio"]

    def known(x: Values) -> np.ndarray:
        known_any = np.any(np.isfinite(x["error_poison"]), axis=-1)
        return np.where(known_any, crossing(x, ratios), np.nan)[:, :, : len(alphas)]

    def sides(x: Values) -> np.ndarray:
        reach = known(x)
        return np.where(np.isnan(reach), np.nan, np.where(np.isfinite(reach), 1.0, -1.0))

    labels = [(table, f"alpha {a:g}") for table in cube.tables for a in alphas]
    return finding(
        cube,
        sides,
        labels,
        lambda x: over((sides(x) + 1) / 2, 1, 2),
        text.percent,
        f" of tables and alphas, up to {text.ratio(ratios[-1])}",
    )


CROSSING = [
    Statement(
        "10",
        "At some ratio the poisoned model comes to fit the poison better than the clean rows.",
        _crosses,
    )
]


def _alpha_matters(name: str, figure: Callable[[Values], np.ndarray], names: tuple) -> Rule:
    """That a figure falls by `STEP` at least from each alpha to the next, at each ratio."""

    def rule(rows: Frame) -> ClaimFigures | None:
        cube = attacked(rows.where(normalizer=name)).cube(names, "alpha", "ratio")
        alphas, ratios = alphas_of(cube), cube.along["ratio"]
        if cube.empty or len(alphas) < 2:
            return None

        def mean(x: Values) -> np.ndarray:
            return over(figure(x), 1)[:, : len(alphas)]

        labels = [
            (f"alpha {a:g} to {b:g}", text.ratio(r))
            for a, b in itertools.pairwise(alphas)
            for r in ratios
        ]
        tail = f" from alpha {alphas[-1]:g} to {alphas[0]:g} at {text.ratio(ratios[-1])}"
        return finding(
            cube,
            lambda x: mean(x)[:, :-1] - mean(x)[:, 1:] - np.log(_MIN_STEP),
            labels,
            lambda x: mean(x)[:, 0, -1] - mean(x)[:, -1, -1],
            factor,
            tail,
        )

    return rule


def _normalizer(letter: str, name: str, whose: str) -> list[Statement]:
    wording = (
        f"Under `{name}` ({whose}) each lower alpha has less {{}} at every ratio, by a twentieth."
    )
    return [
        Statement(f"8{letter}1", wording.format("damage"), _alpha_matters(name, growth, DAMAGE)),
        Statement(
            f"8{letter}2",
            wording.format("risk"),
            _alpha_matters(name, lambda x: log(x["risk"]), ("risk",)),
        ),
    ]


NORMALIZERS = [
    *_normalizer("a", "incremental", "the paper's"),
    *_normalizer("b", "raw", "as they are"),
    *_normalizer("c", "anchored", "ours"),
    *_normalizer("d", "ideal", "ours"),
]
