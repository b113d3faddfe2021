"""Rows cut in three, imputed and scaled by the box of the training part."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mithridate.data import Reading, load
from mithridate.errors import InputError
from mithridate.tables.encode import encode
from mithridate.tables.encoded import Encoded, Part, Split


def mixed(total: int, seed: int = 0) -> Encoded:
    """Continuous, integral, missing, boolean and one-hot features; the target numbers the rows."""
    rng = np.random.default_rng(seed)
    gaps = rng.normal(size=total) * 100
    gaps[rng.random(total) < 0.2] = np.nan
    table = pa.table(
        {
            "x": rng.normal(size=total) * 1e6 + 1e7,
            "gaps": gaps,
            "count": pa.array([None if i % 3 == 0 else i % 9 * 4 - 8 for i in range(total)]),
            "flag": rng.random(total) < 0.5,
            "word": rng.choice(["a", "b", "c"], total),
            "y": rng.permutation(total) * 2.5,
        }
    )
    return encode(table, "y")


def parts(split: Split) -> tuple[Part, Part, Part]:
    return split.train, split.validation, split.test


def in_units(split: Split, part: Part) -> np.ndarray:
    return np.column_stack([part.X, part.y]) * split.scale + split.shift


@pytest.mark.parametrize(
    ("total", "rows", "sizes"),
    [
        (40, 300, (20, 10, 10)),
        (41, 300, (20, 10, 11)),
        (1000, 300, (300, 300, 400)),
        (800, 300, (300, 250, 250)),
        (5000, 100, (100, 100, 2000)),
        (5000, 9999, (2500, 1250, 1250)),
    ],
)
def test_sizes(total: int, rows: int, sizes: tuple[int, ...]) -> None:
    split = mixed(total).split(0, rows=rows)
    assert tuple(len(part.y) for part in parts(split)) == sizes
    assert all(part.X.shape == (len(part.y), 7) for part in parts(split))


@settings(max_examples=30, deadline=None)
@given(st.integers(40, 200), st.integers(10, 120), st.integers(0, 2**32))
def test_laws_of_a_split(total: int, rows: int, seed: int) -> None:
    encoded = mixed(total)
    split, again = encoded.split(seed, rows), encoded.split(seed, rows)
    # Same seed, same split.
    for part, same in zip(parts(split), parts(again), strict=True):
        assert np.array_equal(part.X, same.X)
        assert np.array_equal(part.y, same.y)
    # The parts are disjoint: the target numbers the rows.
    tables = [in_units(split, part) for part in parts(split)]
    numbers = np.rint(np.concatenate([table[:, -1] for table in tables]) / 2.5)
    assert len(set(numbers)) == numbers.size
    # Scaling goes there and back.
    where = np.argsort(encoded.y)[numbers.astype(int)]
    original, back = encoded.X[where], np.concatenate(tables)[:, :-1]
    known = ~np.isnan(original)
    np.testing.assert_allclose(back[known], original[known], rtol=1e-9, atol=1e-9)
    assert np.isfinite(back).all()
    # The training part fills its box, and one-hot stays one-hot.
    train = np.column_stack([split.train.X, split.train.y])
    assert np.array_equal(train.min(axis=0), split.lower)
    assert np.array_equal(train.max(axis=0), split.upper)
    grouped = encoded.columns.group == 0
    for part in parts(split):
        assert (part.X[:, grouped].sum(axis=1) == 1).all()
    # Values of a lattice stay on it, the imputed ones too.
    stepped = split.step > 0
    at = train[:, stepped] / split.step[stepped]
    np.testing.assert_allclose(at, np.rint(at), atol=1e-6)


def test_missing_numbers_get_the_median_of_the_training_part() -> None:
    encoded = mixed(500)
    split = encoded.split(3)
    train = in_units(split, split.train)
    rows = [np.flatnonzero(np.isclose(encoded.y, y))[0] for y in train[:, -1]]
    gaps = encoded.X[rows, 1]
    assert np.isnan(gaps).any()
    np.testing.assert_allclose(train[np.isnan(gaps), 1], np.nanmedian(gaps))
    test = in_units(split, split.test)
    rows = [np.flatnonzero(np.isclose(encoded.y, y))[0] for y in test[:, -1]]
    filled = test[np.isnan(encoded.X[rows, 1]), 1]
    np.testing.assert_allclose(filled, np.nanmedian(gaps))


def test_imputed_numbers_lie_on_the_lattice() -> None:
    values = [None, 1, 2, 1, 2] * 20  # the median may be 1.5
    encoded = encode(pa.table({"x": values, "y": np.random.default_rng(0).random(100)}), "y")
    for seed in range(20):
        split = encoded.split(seed)
        assert set(np.unique(in_units(split, split.train)[:, 0])) <= {1, 2}


def test_columns_that_are_constant_or_unknown_in_training() -> None:
    total = 4000
    late = np.full(total, np.nan)
    late[:3] = [8.5, 9.5, 12]
    table = pa.table(
        {
            "late": late,
            "rare": np.where(np.arange(total) == 0, 7, 5),
            "w_a": np.arange(total) > 0,
            "w_b": np.arange(total) == 0,
            "y": np.random.default_rng(0).random(total),
        }
    )
    encoded = encode(table, "y")
    seed = next(
        seed for seed in range(50) if min(np.random.default_rng(seed).permutation(total)[:100]) > 2
    )
    split = encoded.split(seed, rows=100)
    assert split.lower.tolist() == [0, 0, 1, 0, 0]
    assert split.upper.tolist() == [0, 0, 1, 0, 1]
    assert split.scale[:4].tolist() == [1, 1, 1, 1]
    assert split.shift[1:4].tolist() == [5, 0, 0]
    assert split.step[:4].tolist() == [0, 0, 0, 0]
    assert np.isfinite(split.train.X).all()


def test_step_is_scaled() -> None:
    split = mixed(400).split(0)
    assert split.step[2] == pytest.approx(4 / 28)
    assert split.step[3:7].tolist() == [1, 1, 1, 1]
    assert split.step[0] == split.step[1] == 0
    assert split.step[-1] == 0  # more than 50 distinct values


def test_the_whole_table_may_give_the_scale() -> None:
    encoded = mixed(400)
    plain, whole = encoded.split(0), encoded.split(0, scaled="table")
    values = np.concatenate([np.column_stack([part.X, part.y]) for part in parts(whole)])
    assert values.min() == 0
    assert values.max() == 1
    # The rows are the same, and so is the box that the training rows leave to an attacker.
    for one, other in zip(parts(plain), parts(whole), strict=True):
        np.testing.assert_allclose(in_units(plain, one), in_units(whole, other), atol=1e-9)
    for end in ("lower", "upper", "step"):
        first, second = (getattr(s, end) * s.scale for s in (plain, whole))
        shift = 0.0 if end == "step" else 1.0
        np.testing.assert_allclose(first + shift * plain.shift, second + shift * whole.shift)


def test_targets_that_are_constant_in_a_part_are_refused() -> None:
    y = np.where(np.arange(400) == 0, 1.0, 0.0)
    encoded = encode(pa.table({"x": np.random.default_rng(0).normal(size=400), "y": y}), "y")
    with pytest.raises(InputError, match=r"one single value in all .* rows of seed 3;"):
        encoded.split(3)


def test_too_few_training_rows_are_refused() -> None:
    with pytest.raises(InputError, match="9 training rows were asked for"):
        mixed(100).split(0, rows=9)


@pytest.mark.parametrize("step", [1, -1])
def test_rows_in_the_order_of_dates_are_split_by_time(tmp_path, step):
    days = np.datetime64("2024-01-01") + np.arange(120)[::step] // 2
    rows = [f"{day},{i * 7 % 13},{i * 5 % 11}" for i, day in enumerate(days)]
    (tmp_path / "t.csv").write_text("day,a,y\n" + "\n".join(rows) + "\n")
    by_time = load(tmp_path / "t.csv", "y", reading=Reading(dates="auto"))
    assert "Split by time, in the order of 'day'." in by_time.notes
    parts = [by_time.split(seed=2, rows=30)]
    at = by_time.columns.names.index("day")
    for split in parts:
        day = [part.X[:, at] for part in (split.train, split.validation, split.test)]
        assert day[0].max() <= day[1].min() and day[1].max() <= day[2].min()
    assert by_time.split(seed=2, rows=30).rows.tolist() == parts[0].rows.tolist()
    (tmp_path / "m.csv").write_text("day,a,y\n" + "\n".join(rows[::2] + rows[1::2]) + "\n")
    mixed = load(tmp_path / "m.csv", "y", reading=Reading(dates="auto"))
    assert not any(note.startswith("Split by time") for note in mixed.notes)
    assert load(tmp_path / "t.csv", "y").by_time == 0
