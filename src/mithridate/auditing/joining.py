"""A table and its poison as one: rows marked, and labels for those that are new."""

import itertools
from typing import Any

import narwhals as nw
import numpy as np


def joined(frame: Any, made: Any, gone: np.ndarray | None, mark: str) -> Any:
    """Put poison beneath a table, each row marked as poison or not.

    Parameters
    ----------
    frame : frame
        The table.
    made : frame
        The poison, in its columns.
    gone : array of int, optional
        The rows of the table that the poison takes the place of.
    mark : str
        The new column, of truth values.

    Returns
    -------
    frame
        Both, without the rows that are gone.
    """
    before, after = (nw.from_native(part, eager_only=True) for part in (frame, made))
    if gone is not None:
        stays = np.setdiff1d(np.arange(len(before)), gone)
        before = before[stays.tolist()]
    marked = [
        part.with_columns(nw.lit(flag).alias(mark))
        for part, flag in ((before, False), (after, True))
    ]
    return _labeled(nw.concat(marked, how="vertical").to_native(), frame, gone)


def _labeled(whole: Any, frame: Any, gone: np.ndarray | None) -> Any:
    """The joined table; in pandas its poison rows get labels that no row of `frame` has.

    A table whose own labels repeat keeps them: there is no telling what they mean.
    """
    if not nw.dependencies.is_pandas_dataframe(whole) or not frame.index.is_unique:
        return whole
    kept = frame.index if gone is None else frame.index.delete(np.unique(gone))
    whole.index = kept.append(_fresh(frame.index, len(whole) - len(kept)))
    return whole


def _fresh(index: Any, p: int) -> Any:
    """`p` labels that go on where those of a pandas index end, else "poison 1" and so on."""
    pd: Any = nw.dependencies.get_pandas()
    if isinstance(index, pd.RangeIndex):
        end = index.start + len(index) * index.step
        return pd.RangeIndex(end, end + p * index.step, index.step, name=index.name)
    steps = np.arange(1, p + 1)
    if pd.api.types.is_integer_dtype(index.dtype):
        return pd.Index(int(index.max()) + steps, name=index.name)
    if isinstance(index, pd.DatetimeIndex):
        return pd.DatetimeIndex(index.max() + pd.to_timedelta(steps, "s"), name=index.name)
    if isinstance(index, pd.MultiIndex):
        labels = [(*index[0][:-1], f"poison {i}") for i in steps]
        return pd.MultiIndex.from_tuples(labels, names=index.names)
    taken = set(index)
    names = (f"poison {i}" for i in itertools.count(1))
    free = itertools.islice((name for name in names if name not in taken), p)
    return pd.Index(list(free), name=index.name)
