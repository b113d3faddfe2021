"""What a defense found, in a few sentences."""

import numpy as np

from .._text import percent

STANDS_OUT_SIGMAS = 3.0  # standard deviations beyond which a column is said to stand out


def summarize(name: str, n: int, reasons: np.ndarray, sureness: str, message: str) -> str:
    """At most ten lines for a person: how many rows, which columns, how sure."""
    if len(reasons) == 0:
        lines = [
            f"Nothing found: {name} rejected none of {n:,} rows.",
            sureness,
            "Poison that looks like clean rows cannot be seen in this way.",
        ]
    else:
        lines = [
            f"{name} rejected {len(reasons):,} of {n:,} rows ({percent(len(reasons) / n)}).",
            _columns(reasons),
            _residuals(reasons),
            _worst(reasons),
            sureness,
            "A rejected row is unusual, which is no proof that it is poison.",
        ]
    return "\n".join(line for line in [*lines, message] if line)


def _columns(reasons: np.ndarray) -> str:
    names, counts = _standing_out(reasons)
    if len(names) == 0:
        return (
            f"In none of them does a column stand out by {STANDS_OUT_SIGMAS:g} σ of the kept rows."
        )
    shown = [f"{name} in {count:,}" for name, count in zip(names[:5], counts[:5], strict=True)]
    more = f" and {len(names) - 5} others" if len(names) > 5 else ""
    columns = ", ".join(shown) + more
    return f"What stands out by more than {STANDS_OUT_SIGMAS:g} σ of the kept rows: {columns}."


def _standing_out(reasons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Names of the columns that stand out, by falling number of rows in which they do."""
    columns = np.concatenate([reasons["first_column"], reasons["second_column"]])
    sizes = np.abs(np.concatenate([reasons["first_sigma"], reasons["second_sigma"]]))
    names, counts = np.unique(columns[sizes > STANDS_OUT_SIGMAS], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return names[order], counts[order]


def _residuals(reasons: np.ndarray) -> str:
    size = np.abs(reasons["residual"])
    above = (reasons["residual"] > 0).mean()
    side = f"; in {percent(above)} of them the target is too high"
    return (
        f"Their residuals under the defended model: {np.median(size):.2g} σ in the median, "
        f"{size.max():.2g} σ at most{side}."
    )


def _worst(reasons: np.ndarray) -> str:
    worst = reasons[reasons["score"].argmax()]
    columns = ", ".join(
        f"{worst[f'{which}_column']} {worst[f'{which}_sigma']:+.2g} σ"
        for which in ("first", "second")
    )
    return f"The most suspicious is row {worst['row']:,}: {columns}."
