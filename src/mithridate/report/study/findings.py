"""What a study found, in sentences: damage, stealth, the board, harm, what is missing."""

import math
from collections.abc import Sequence

import numpy as np

from .. import text
from ..frame import Frame, attacked
from ..growth import DAMAGE, LITTLE, factor, growth
from ..intervals import ENOUGH, over, with_interval
from ..labels import REFERENCE
from ..series import NONE
from .leaderboard import Board, BoardLine
from .views import View


def sentences(
    results: Frame, views: Sequence[View], boards: Sequence[Board], others: Sequence[str]
) -> list[str]:
    """The findings, most important first; `others` are sentences from elsewhere."""
    if not len(results):
        return ["The table holds no results."]
    if results.failed == len(results):
        return [f"All {text.count(len(results), 'cell')} failed, so nothing can be said."]
    lines = [line for view in _one_a_model(views) for line in _damage(view)]
    lines += [line for board in boards for line in _best(board)]
    lines += [line for view in _one_a_model(views) for line in _harm(view)]
    lines += others
    if boards and not any(board.ranked for board in boards):
        lines.append(
            "No attack in the table was made for a defense, so what is said of defenses here may "
            "be too good."
        )
    return lines + _missing(results)


def _one_a_model(views: Sequence[View]) -> list[View]:
    """The largest view of each model that has more than one ratio, or the largest."""
    chosen: dict[str, View] = {}
    for view in sorted(views, key=lambda view: len(view.ratios) < 2):
        chosen.setdefault(view.model, view)
    return list(chosen.values())


def _damage(view: View) -> list[str]:
    """The worst attack at the largest ratio, and the stealthiest that still does something."""
    cube = attacked(view.rows).cube((*DAMAGE, "risk"), "line", "alpha", "ratio")
    if cube.empty:
        return []
    grown = cube.estimate(lambda x: over(growth(x), 1)[..., -1])
    risk = cube.estimate(lambda x: over(x["risk"], 1)[..., -1])
    known = [(s, i, j) for s, i, j in view.lines(cube) if np.isfinite(grown.point[i, j])]
    if not known:
        return []
    ratio = text.ratio(cube.along["ratio"][-1])
    most = max(known, key=lambda at: grown.point[at[1], at[2]])
    start = f"With {ratio} poison ({most[0].words}) the test error of a {view.model} is"
    tables = f", mean of {text.count(len(cube.tables), 'table')}" if len(cube.tables) > 1 else ""
    lines = [f"{start} {with_interval(grown.one(*most[1:]), factor)} the clean one{tables}."]
    calm = [at for at in known if grown.point[at[1], at[2]] > math.log(LITTLE)]
    calm = [at for at in calm if np.isfinite(risk.point[at[1], at[2]])]
    if len(calm) > 1:
        least = min(calm, key=lambda at: risk.point[at[1], at[2]])
        lines.append(
            f"The least visible that still does damage is {least[0].words}: "
            f"{factor(float(grown.point[least[1:]]))} at a risk of "
            f"{text.number(float(risk.point[least[1:]]))} (1 looks like an average clean row)."
        )
    return lines


def _best(board: Board) -> list[str]:
    """The defense with the least error under its worst attack, of all and of those told nothing."""
    lines = board.ranked or board.unranked
    if len(lines) < 2:
        return []
    plain = next((line for line in board.reference if line.name == REFERENCE[NONE]), None)
    beside = f"; undefended it is {factor(float(plain.left.point))}" if plain else ""
    first = lines[0]
    among = " of the defenses that an attack was made for" if board.ranked else ""
    result = [
        f"{board.model}: under the attack worst for it, {_named(first)} leaves the "
        f"least error{among}, {with_interval(first.left, factor)} the clean one{beside}."
    ]
    blind = next((line for line in lines if line.knowledge == "nothing"), None)
    if blind is not None and blind is not first:
        result.append(
            f"Of those that are told nothing, {blind.name} leaves least: "
            f"{with_interval(blind.left, factor)}."
        )
    return [line[:1].upper() + line[1:] for line in result]


def _named(line: BoardLine) -> str:
    known = line.knowledge.replace("ratio", "the true ratio").replace(", ", " and ")
    after = "" if line.knowledge == "nothing" else f", told {known},"
    return f"{line.name}{after}"


def _harm(view: View) -> list[str]:
    """In how many means over the tables a defense does harm."""
    total = harmful = 0
    for _, cube in view.gains():
        gain = cube.point(lambda x: over(x["gain"], 1))
        total, harmful = total + int(np.isfinite(gain).sum()), harmful + int((gain < 0).sum())
    if not total:
        return []
    return [
        f"Defenses around a {view.model} do harm in {harmful:,} of {total:,} means (of a defense, "
        "an attack and a ratio, over the tables)."
    ]


def _missing(results: Frame) -> list[str]:
    lines = []
    seeds = len(results.distinct("seed"))
    if seeds < ENOUGH:
        lines.append(f"{text.count(seeds, 'seed')} only: too few for intervals.")
    if results.failed:
        share = f"{results.failed:,} of {text.count(len(results), 'cell')}"
        lines.append(f"{share} failed and {'is' if results.failed == 1 else 'are'} left out.")
    if results.repeated:
        lines.append(again(results.repeated))
    return lines


def again(repeated: int) -> str:
    """Say that cells are there more than once.

    Parameters
    ----------
    repeated : int
        How many.

    Returns
    -------
    str
        The sentence.
    """
    return (
        f"{text.count(repeated, 'cell')} repeat others with training sets of another size or "
        "under another version: their means are taken."
    )
