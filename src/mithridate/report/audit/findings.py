"""What stands out in the results: the cells and figures that the sentences speak of."""

from collections.abc import Iterable
from typing import NamedTuple

from ..growth import LITTLE
from ..poisonability import Poisonability
from ..series import NONE, ORACLE, Series
from .cells import AuditResults, ResultCell
from .crossings import by_series

EXACT = 1e-6  # NMSE of the clean model below which only the last digits are missed
MEAN = 1.0  # NMSE of a model that predicts the mean of the test targets
LOOKS_CLEAN = 2.0  # mean squared residual at most twice that of an average clean row


class Standing(NamedTuple):
    """How one defense did over all poisoned cells."""

    defense: str
    mean: float
    cells: list[ResultCell]
    harmful: list[ResultCell]
    oracle: float | None

    @property
    def worst(self) -> ResultCell:
        return min(self.cells, key=_gain)


def _gain(cell: ResultCell) -> float:
    return cell.gain if cell.gain is not None else 0.0


def _growth(cell: ResultCell) -> float:
    return cell.growth or 0.0


def worst(
    audit: AuditResults, ratio: float | None = None, series: Iterable[Series] | None = None
) -> ResultCell | None:
    """The cell where the undefended error grew most: at one ratio or any, of some series or all."""
    ratios = audit.ratios if ratio is None else [ratio]
    wanted = audit.series if series is None else list(series)
    return max((c for r in ratios for c in audit.at(r, wanted)), key=_growth, default=None)


def lead(audit: AuditResults) -> ResultCell | None:
    """The cell to speak of first: near 10 %, stealthy poison if it does much, else the worst."""
    ratio = audit.near(0.10)
    if ratio is None:
        return None
    quiet = max(filter(stealthy, audit.at(ratio)), key=_growth, default=None)
    if quiet is not None and _growth(quiet) >= LITTLE:
        return quiet
    return worst(audit, ratio)


def stealthy(cell: ResultCell) -> bool:
    """Whether poison looks clean by intention: at an alpha of 1 the attack ignores its risk."""
    alpha = cell.series.alpha
    return looks_clean(cell) and alpha is not None and alpha < 1


def looks_clean(cell: ResultCell) -> bool:
    """Whether these rows miss the clean model hardly more than clean rows do."""
    risk = cell.mean("risk")
    return risk is not None and risk <= LOOKS_CLEAN


def clean_looking(audit: AuditResults, ratio: float | None = None) -> ResultCell | None:
    """The most harmful poison of any attack that looks clean, at one ratio or any."""
    ratios = audit.ratios if ratio is None else [ratio]
    cells = (within(audit, r, LOOKS_CLEAN) for r in ratios)
    return max((cell for cell in cells if cell is not None), key=_growth, default=None)


def within(audit: AuditResults, ratio: float, limit: float) -> ResultCell | None:
    """The most harmful poison of any attack at this ratio whose risk is up to the limit."""
    cells = ((c, c.mean("risk")) for c in audit.at(ratio, audit.series))
    quiet = (c for c, risk in cells if risk is not None and risk <= limit)
    return max(quiet, key=_growth, default=None)


def exact(audit: AuditResults) -> bool:
    """Whether the clean model leaves no error to speak of, so that multiples of it say little."""
    errors = [v for c in audit.poison.values() for v in c.values("nmse_clean")]
    return bool(errors) and sum(errors) / len(errors) < EXACT


def useless(audit: AuditResults) -> float | None:
    """NMSE of the clean model where it predicts no better than the mean would; else None."""
    errors = [v for c in audit.poison.values() for v in c.values("nmse_clean")]
    errors = errors or [v for c in audit.clean.values() for v in c.values("nmse_clean")]
    mean = sum(errors) / len(errors) if errors else 0.0
    return mean if mean >= MEAN else None


def contaminations(audit: AuditResults, defense: str) -> list[str]:
    """What the defense was told of the contamination."""
    rows = (row for row in audit.rows if row["defense"] == defense and row["ratio"])
    return sorted({str(c) for row in rows if (c := row.get("contamination"))})


def knows_ratio(audit: AuditResults, defense: str) -> bool:
    """Whether the defense was told the true ratio."""
    return ORACLE in contaminations(audit, defense)


class Scores(NamedTuple):
    """How well scores tell poison from clean rows, read from whichever end works better."""

    auc: float  # at least one half
    defense: str
    turned: bool  # the poison looks too normal: low scores find it


def best_auc(audit: AuditResults, cell: ResultCell) -> Scores | None:
    """The scores in the cell that tell poison best.

    Scores that rank poison below clean rows find it as well, once someone turns them round.
    """
    areas = []
    for defense in audit.defenses:
        judged = audit.defended.get((cell.series, cell.ratio, defense))
        auc = judged.mean("auc") if judged else None
        if auc is not None:
            areas.append(Scores(max(auc, 1 - auc), defense, turned=auc < 0.5))
    return max(areas, default=None)


def best_defense(audit: AuditResults, cell: ResultCell) -> ResultCell | None:
    """The cell of the defense that gains most on this poison."""
    cells = (audit.defended.get((cell.series, cell.ratio, d)) for d in audit.defenses)
    return max((c for c in cells if c and c.gain is not None), key=_gain, default=None)


def standings(audit: AuditResults) -> list[Standing]:
    """Every defense with a gain known somewhere, by falling mean gain."""
    ranked = []
    for defense in audit.defenses:
        cells = audit.judged(defense)
        if not cells:
            continue
        ceilings = [g for c in cells if (g := c.mean("gain_oracle")) is not None]
        mean = sum(_gain(c) for c in cells) / len(cells)
        oracle = sum(ceilings) / len(ceilings) if ceilings else None
        ranked.append(Standing(defense, mean, cells, [c for c in cells if c.harmful], oracle))
    return sorted(ranked, key=lambda s: s.mean, reverse=True)


def harmful_from(cells: list[ResultCell]) -> tuple[list[float], float | None]:
    """The ratios at which a defense hurts, and the one from which on it always does.

    `cells` are those of one defense, several series allowed: a ratio counts as harmful for all
    if the defense hurts in each of its cells.
    """
    by_ratio: dict[float, list[bool]] = {}
    for cell in cells:
        by_ratio.setdefault(cell.ratio, []).append(cell.harmful)
    ratios = sorted(by_ratio)
    onset = None
    for ratio in reversed(ratios):
        if not all(by_ratio[ratio]):
            break
        onset = ratio
    return [r for r in ratios if any(by_ratio[r])], onset


def crossings(audit: AuditResults) -> dict[Series, float]:
    """For each series, the ratio from which on the poisoned model fits the poison better.

    Poison that does no damage may well be fitted better from the first row on; that says nothing.
    """
    meets = {}
    for series in audit.main:
        for ratio in reversed(audit.ratios):
            cell = audit.poison.get((series, ratio))
            clean = cell.mean("error_clean") if cell else None
            poison = cell.mean("error_poison") if cell else None
            if cell is None or clean is None or poison is None:
                break
            if poison >= clean or _growth(cell) < LITTLE:
                break
            meets[series] = ratio
    return meets


def poisonability(audit: AuditResults) -> dict[Series, Poisonability]:
    """Where each judged series that does damage begins to be fitted better than the clean rows.

    Nothing without unpoisoned rows, from which on the errors are followed.
    """
    if NONE not in audit.clean:
        return {}
    by_alpha = by_series(audit)
    return {
        series: by_alpha[series]
        for series in audit.main
        if series in by_alpha
        and (most := worst(audit, series=[series])) is not None
        and _growth(most) >= LITTLE
    }


def clean_costs(audit: AuditResults) -> list[tuple[str, ResultCell]]:
    """What each defense did to unpoisoned data, where that was measured."""
    return [
        (defense, cell)
        for defense, cell in audit.clean.items()
        if defense not in (NONE, ORACLE) and cell.rows
    ]
