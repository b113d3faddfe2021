"""How far few poison rows can move single predictions and coefficients of the model, at most."""

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ..bounds import Ball, Setting, Writable, moved
from ..tables.encoded import Split
from .certify import SHARES, WITHIN

_MAX_PREDICTIONS = 100  # test rows that are examined, each in a few thousandths of a second
_FEWER_PREDICTIONS = 30  # the same with over `_MANY_COLUMNS` columns, where each takes longer
_MANY_COLUMNS = 40
_MAX_COLUMNS = 120  # with more, nothing is computed
_CANDIDATES = 8  # coefficients whose intervals are computed: those that look longest
_SHOWN = 5  # predictions and coefficients that are returned


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
    if columns > _MAX_COLUMNS:
        return None
    setting = Setting(train.X, train.y, test.X, test.y, l2=l2)
    within = WITHIN[0]
    most = _MAX_PREDICTIONS if columns <= _MANY_COLUMNS else _FEWER_PREDICTIONS
    left = np.arange(len(test.y))[:most]
    tested, kept, details = len(left), [], {}
    with threadpool_limits(1):
        for share in SHARES:
            count = max(1, round(share * len(train.y)))
            ball = Ball.of(setting, count)
            if ball is None:
                return None
            ends = moved(ball, rows, setting.M[left], quick=True)
            predicted = setting.M[left] @ ball.theta
            far = np.maximum(ends[:, 1] - predicted, predicted - ends[:, 0])
            if not details:
                first = np.argsort(-far, kind="stable")[:_SHOWN]
                values = np.column_stack([test.y[left], predicted, ends])[first]
                details = {
                    "rows": count,
                    "predictions": [
                        dict(zip(("target", "now", "least", "most"), line, strict=True))
                        for line in (values * split.scale[-1] + split.shift[-1]).tolist()
                    ],
                    "coefficients": _coefficients(split, ball, rows),
                }
            # More rows can move the others, too.
            left = left[far <= within * float(np.ptp(train.y))]
            kept.append({"share": share, "rows": count, "kept": len(left) / tested})
    return {"within": within, "tested": tested, "kept": kept, **details}


def _coefficients(split: Split, ball: Ball, rows: Writable) -> list[dict[str, Any]]:
    """Those that can move most, over the range of their column."""
    sizes = np.linalg.norm(ball.back, axis=1)[:-1] * (split.upper > split.lower)[:-1]
    at = np.argsort(-sizes, kind="stable")[:_CANDIDATES]
    ends = moved(ball, rows, np.eye(len(ball.theta))[at], quick=True)
    order = np.argsort(-np.ptp(ends, axis=1), kind="stable")[:_SHOWN]
    at, ends = at[order], ends[order]
    by = split.scale[-1] / split.scale[at]
    values = np.column_stack([ball.theta[at], ends]) * by[:, None]
    return [
        {"column": split.columns.names[j], **dict(zip(("now", "least", "most"), line, strict=True))}
        for j, line in zip(at, values.tolist(), strict=True)
    ]
