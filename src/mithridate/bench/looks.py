"""What poison looks like beside the clean rows: residuals, principal axes, columns that moved."""

from typing import Any

import numpy as np

from ..schema import Moved, PlottedRow
from ..tables.encoded import Part, Split
from .pieces import prediction


def looks(split: Split, model: Any, poisons: dict[tuple, Part]) -> list[PlottedRow]:
    """The clean training rows and each poison, as seen by the fitted clean `model`.

    `poisons` maps (attack, alpha, ratio) to rows. Residuals are in standard deviations of the
    clean ones; the axes are the first two principal axes of the clean features.
    """
    train = split.train
    center = train.X.mean(axis=0)
    axes = np.linalg.svd(train.X - center, full_matrices=False)[2][:2]
    if len(axes) < 2:
        axes = np.vstack([axes, np.zeros((2 - len(axes), train.X.shape[1]))])
    spread = np.std(train.y - prediction(model, train.X)) or 1.0

    def seen(part: Part, attack, alpha, ratio) -> list[PlottedRow]:
        residual = (part.y - prediction(model, part.X)) / spread
        place = (part.X - center) @ axes.T
        target = part.y * split.scale[-1] + split.shift[-1]
        return [
            PlottedRow(attack=attack, alpha=alpha, ratio=ratio, residual=float(r), axis_1=float(a),
                 axis_2=float(b), target=float(t))
            for r, (a, b), t in zip(residual, place, target, strict=True)
        ]  # fmt: skip

    rows = seen(train, None, None, None)
    for key, part in poisons.items():
        rows += seen(part, *key)
    return rows


def moved(split: Split, target: str, poisons: dict[tuple, Part]) -> list[Moved]:
    """How far each column of the table moved, for each poison."""
    train, columns = split.train, split.columns
    source = np.array(columns.source)
    rows = []
    for (attack, alpha, ratio), part in poisons.items():
        key = {"attack": attack, "alpha": alpha, "ratio": ratio}
        shift = part.X.mean(axis=0) - train.X.mean(axis=0)
        for name in dict.fromkeys(columns.source):
            mine = source == name
            category = bool((columns.group[mine] >= 0).any())
            if category:
                # Total variation; the change of the dropped reference level is minus the sum.
                change = shift[mine]
                far = 0.5 * (np.abs(change).sum() + abs(change.sum()))
            else:
                far = float(np.max(np.abs(shift[mine]) / _spread(train.X[:, mine])))
            kind = "category" if category else "number"
            rows.append(Moved(**key, name=str(name), moved=float(far), kind=kind))
        far = abs(part.y.mean() - train.y.mean()) / _spread(train.y[:, None])[0]
        rows.append(Moved(**key, name=target, moved=float(far), kind="target"))
    return rows


def _spread(X: np.ndarray) -> np.ndarray:
    sd = X.std(axis=0)
    return np.where(sd > 0, sd, 1.0)
