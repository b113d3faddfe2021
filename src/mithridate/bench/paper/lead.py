"""BayesClean beside the other defenses of the paper: all, or those that know no more than it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...report import text
from ...report.frame import Cube, Frame, alphas_of
from ...report.intervals import Estimate, Values, interval, over
from .attack import flat
from .claims import ClaimFigures, Rule

# Those that the paper lets fail, as it names them.
FIVE = {"trim": "TRIM", "huber": "Huber", "sever": "SEVER", "proda": "Proda", "duti": "DUTI"}
BAYESCLEAN = "bayesclean"


class ComparedDefenses(NamedTuple):
    """The defenses that BayesClean is compared with: those that are told at most this."""

    words: str
    ratio: bool
    trusted: bool

    def of(self, rows: Frame) -> list[str]:
        """Those of the five that are in these rows and belong to the group."""
        five = rows.poisoned.where(defense=list(FIVE), defense_options="{}")
        settings = five.distinct("defense", "contamination", "trusted")
        return sorted({d for d, ratio, trusted in settings if self._admits(ratio, trusted)})

    def _admits(self, ratio: str | None, trusted: int | None) -> bool:
        return (self.ratio or ratio is None) and (self.trusted or not trusted)


ALL = ComparedDefenses("all the others of the paper", ratio=True, trusted=True)
UNTOLD = ComparedDefenses(
    "those of the paper that are told no more than it", ratio=False, trusted=False
)
UNTRUSTED = ComparedDefenses("those of the paper without trusted rows", ratio=True, trusted=False)
GROUPS = (ALL, UNTOLD, UNTRUSTED)

Margin = Callable[[np.ndarray, np.ndarray], np.ndarray]


def share(so: np.ndarray, known: np.ndarray) -> np.ndarray:
    """1 where it is so, 0 where it is not, NaN where that is not known."""
    return np.where(np.isfinite(known), so.astype(float), np.nan)


def ahead(mine: np.ndarray, best: np.ndarray) -> np.ndarray:
    """By how much BayesClean gains more."""
    return mine - best


def upper(ratios: list[float]) -> int:
    """Where the upper half of the ratios begins."""
    return len(ratios) // 2


def gains_of(rows: Frame, group: ComparedDefenses) -> tuple[Cube, int] | None:
    """Gains of BayesClean and a group by defense, alpha and ratio, and which is BayesClean's."""
    among = rows.poisoned.where(defense=[*group.of(rows), BAYESCLEAN], defense_options="{}")
    cube = among.cube(("gain",), "defense", "alpha", "ratio")
    names = cube.along["defense"]
    if cube.empty or BAYESCLEAN not in names or len(names) < 2:
        return None
    return cube, names.index(BAYESCLEAN)


def margins(mine: int, margin: Margin, gain: np.ndarray, axis: int = -3) -> np.ndarray:
    """The margin of one defense over the best of the others; defenses are on `axis`."""
    others = np.delete(gain, mine, axis=axis)
    best = np.where(np.isnan(others), -np.inf, others).max(axis=axis)
    return margin(np.take(gain, mine, axis=axis), best)


def beats(group: ComparedDefenses) -> Rule:
    """That BayesClean gains more than the best of a group, in the upper half of the ratios."""
    return lambda rows: _against(rows, group, True, ahead)


def where_all_harm(rows: Frame) -> ClaimFigures | None:
    """That BayesClean gains where the best of the others does harm."""
    return _against(rows, ALL, False, lambda mine, best: np.where(best < 0, mine, np.nan))


def _against(
    rows: Frame, group: ComparedDefenses, upper_half: bool, margin: Margin
) -> ClaimFigures | None:
    """BayesClean beside the best of a group, meant over the tables, by alpha and ratio."""
    gains = gains_of(rows, group)
    if gains is None:
        return None
    cube, mine = gains
    ratios = cube.along["ratio"]
    start = upper(ratios) if upper_half else 0

    def parts(x: Values) -> np.ndarray:
        return flat(margins(mine, margin, over(x["gain"], 1)[..., start:]))

    def shares(x: Values) -> np.ndarray:
        by_table = margins(mine, margin, x["gain"][..., start:])
        return over(share(by_table > 0, by_table), 1, 2, 3)

    # Which cells count is decided on all seeds, not in each draw anew.
    counted = ~np.isnan(cube.point(parts))
    estimate = cube.estimate(lambda x: parts(x)[:, counted])
    if not counted.any():
        return ClaimFigures("there is no such alpha and ratio", "–", [], estimate)
    labels = [(f"alpha {a:g}", text.ratio(r)) for a in alphas_of(cube) for r in ratios[start:]]
    kept = [label for label, there in zip(labels, counted, strict=True) if there]
    shown = cube.estimate(shares)
    figure = f"{text.percent(float(shown.point))} of tables, alphas and ratios"
    return ClaimFigures(figure, interval(shown, text.percent), kept, estimate)


class Lead(NamedTuple):
    """BayesClean beside a group in the upper half of the ratios, over all tables or in each.

    `mine` and `best` are mean gains, `best` that of the one defense of the group, `rival`, that
    gains most; `lead` is their difference, `share` that of the means (of a table, an alpha and a
    ratio) in which BayesClean gains more than each of the group.
    """

    mine: Estimate
    best: Estimate
    rival: str
    lead: Estimate
    share: Estimate


def leads(rows: Frame, group: ComparedDefenses) -> tuple[Lead, dict[str, Lead]] | None:
    """The lead of BayesClean over a group: over all tables, and table by table."""
    gains = gains_of(rows, group)
    if gains is None:
        return None
    cube, mine = gains
    whole = _lead(cube, mine, None)
    return whole, {name: _lead(cube, mine, t) for t, name in enumerate(cube.tables)}


def _lead(cube: Cube, mine: int, table: int | None) -> Lead:
    start = upper(cube.along["ratio"])
    only = slice(None) if table is None else slice(table, table + 1)

    def gains(x: Values) -> np.ndarray:
        return x["gain"][:, only, ..., start:]

    def mean(x: Values) -> np.ndarray:
        return over(gains(x), 1, 3, 4)

    def shares(x: Values) -> np.ndarray:
        by_cell = margins(mine, ahead, gains(x))
        return over(share(by_cell > 0, by_cell), 1, 2, 3)

    others = np.delete(np.arange(len(cube.along["defense"])), mine)
    rival = int(others[np.nanargmax(cube.point(mean)[others])])
    return Lead(
        mine=cube.estimate(lambda x: mean(x)[:, mine]),
        best=cube.estimate(lambda x: mean(x)[:, rival]),
        rival=cube.along["defense"][rival],
        lead=cube.estimate(lambda x: margins(mine, ahead, mean(x), axis=-1)),
        share=cube.estimate(shares),
    )
