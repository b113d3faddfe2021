"""How far few poison rows can move single predictions and coefficients of the model, at most."""

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ..bounds import Ball, Setting, Writable, moved
from ..tables.encoded import Split
from .certify import SHARES, WITHIN

PREDICTIONS = 100  # test rows that are looked at, at most: a few thousandths of a second each
FEW_PREDICTIONS, FEW_COLUMNS = 30, 40  # so many where there are more columns: each takes longer
MOST_COLUMNS = 120
LONGEST = 8  # coefficients with the longest intervals, as far as a guess knows
SHOWN = 5  # predictions and coefficients that are told


def movable(split: Split, rows: Writable, l2: float) -> dict[str, Any] | None:
    """Prove what few rows, added, cannot do to single predictions and coefficients of ridge.

    Parameters
    ----------
    split : Split
        The table; the first of its test rows are looked at.
    rows : Writable
        What the attacker may write.
    l2 : float
        Penalty on the mean loss.

    Returns
    -------
    dict or None
        `within`, in ranges of the training targets; `tested`, how many predictions; `kept`, for
        each number of rows (`share` of the training rows) the share of them that so many cannot
        move by `within`; `rows`, and for so many `predictions` and `coefficients`, those that can
        move most: the name of a column or the true target, then what the model says, and the least
        and the most that it can say, in the table's units. None where nothing can be proved, or
        where there are more than 120 columns.
    """
    train, test = split.train, split.test
    columns = train.X.shape[1]
    if columns > MOST_COLUMNS:
        return None
    setting = Setting(train.X, train.y, test.X, test.y, l2=l2)
    within, most = WITHIN[0], PREDICTIONS if columns <= FEW_COLUMNS else FEW_PREDICTIONS
    left = np.arange(len(test.y))[:most]
    tested, kept, lines = len(left), [], {}
    with threadpool_limits(1):
        for share in SHARES:
            count = max(1, round(share * len(train.y)))
            ball = Ball.of(setting, count)
            if ball is None:
                return None
            ends = moved(ball, rows, setting.M[left], quick=True)
            said = setting.M[left] @ ball.theta
            far = np.maximum(ends[:, 1] - said, said - ends[:, 0])
            if not lines:
                first = np.argsort(-far, kind="stable")[:SHOWN]
                told = np.column_stack([test.y[left], said, ends])[first]
                lines = {
                    "rows": count,
                    "predictions": [
                        dict(zip(("target", "now", "least", "most"), line, strict=True))
                        for line in (told * split.scale[-1] + split.shift[-1]).tolist()
                    ],
                    "coefficients": _coefficients(split, ball, rows),
                }
            # More rows can move the others, too.
            left = left[far <= within * float(np.ptp(train.y))]
            kept.append({"share": share, "rows": count, "kept": len(left) / tested})
    return {"within": within, "tested": tested, "kept": kept, **lines}


def _coefficients(split: Split, ball: Ball, rows: Writable) -> list[dict[str, Any]]:
    """Those that can move most, over the range of their column."""
    long = np.linalg.norm(ball.back, axis=1)[:-1] * (split.upper > split.lower)[:-1]
    at = np.argsort(-long, kind="stable")[:LONGEST]
    ends = moved(ball, rows, np.eye(len(ball.theta))[at], quick=True)
    order = np.argsort(-np.ptp(ends, axis=1), kind="stable")[:SHOWN]
    at, ends = at[order], ends[order]
    by = split.scale[-1] / split.scale[at]
    told = np.column_stack([ball.theta[at], ends]) * by[:, None]
    return [
        {"column": split.columns.names[j], **dict(zip(("now", "least", "most"), line, strict=True))}
        for j, line in zip(at, told.tolist(), strict=True)
    ]
