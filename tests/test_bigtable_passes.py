"""How many passes a rule takes, and that threads and shortcuts change no bit of what it says."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import mithridate
from mithridate.bayes import BayesianRegression
from mithridate.defenses import Ridge, chance
from mithridate.moments import Moments
from mithridate.passes import engine, masks, memory, sample, scores
from mithridate.passes.block import Where, everything, one_thread
from mithridate.passes.fold import add

from .test_bigtable import DEFENSES, cut, long_table

BY_RATE = ["columns", "moments", "order statistics", "moments", "order statistics", "verdicts"]


def full(n, seed=0):
    """A table without gaps."""
    table = long_table(n, seed)
    return table.set_column(0, "x0", pa.array(table["x0"].to_numpy() * 0 + np.arange(n) % 7.0))


@pytest.mark.parametrize("how", DEFENSES)
def test_no_pass_is_made_twice(how, tmp_path):
    rng = np.random.default_rng(0)
    table = full(70_000).set_column(0, "x0", pa.array(rng.random(70_000)))
    cut(table, tmp_path, [20_000], group=9000)
    found = mithridate.clean(tmp_path, target="y", **DEFENSES[how])
    made = [what for what, _ in found.passes]
    if how == "trim":
        each = ["order statistics", "refits"]
        assert made == ["columns", "moments", *each * found.defense.n_iter_]
    else:
        by_rate = how in ("rate", "antidote")  # no rows conspire here
        assert made == (BY_RATE if by_rate else ["columns", "moments", "verdicts"])


@pytest.mark.parametrize("how", DEFENSES)
def test_the_number_of_threads_changes_no_bit(how, tmp_path, monkeypatch):
    cut(long_table(70_000), tmp_path, [1, 30_000], group=9000)
    found = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(engine, "cores", lambda threads=threads: threads)
        found.append(mithridate.clean(tmp_path, target="y", **DEFENSES[how]))
    for other in found[1:]:
        np.testing.assert_array_equal(other.mask, found[0].mask)
        assert other.defense.threshold_ == found[0].defense.threshold_
        assert other.summary == found[0].summary


def test_threads_keep_the_order_and_hold_few_blocks():
    held, most, names = set(), 0, set()
    lock = threading.Lock()

    def blocks():
        nonlocal most
        for i in range(60):
            with lock:
                held.add(i)
                most = max(most, len(held))
            yield i

    def work(i):
        names.add(threading.current_thread().name)
        time.sleep(0.002 * ((7 * i) % 5))
        with lock:
            held.discard(i)
        return i

    assert [*engine._in_threads(work, blocks(), 3)] == [*range(60)]
    assert len(names) == 3
    assert most <= 3 + engine.WAITING


def test_what_fails_in_a_thread_ends_the_pass():
    done = []

    def work(i):
        if i == 5:
            raise ValueError("five")
        done.append(i)

    with pytest.raises(ValueError, match="five"):
        list(engine._in_threads(work, range(10_000), 2))
    assert len(done) < 20


@pytest.mark.parametrize(("n", "spread"), [(60, 1.0), (400, 1e-4), (20_000, 1.0)])
def test_the_nearer_half_is_that_by_all_leverages(n, spread, monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.random((n, 5)) * [1, 1, 1, 1, spread]
    y = X @ np.ones(5) + rng.normal(size=n)
    table = memory.InMemory(X, y, None)
    first = BayesianRegression.of(table.moments(everything))
    most = scores.most_leverage(first, *table.box)
    distance = chance.LeaveOneOut(first, most)
    share = table.quantile(distance, 0.5)
    near = scores.AtMost(distance, share)
    leverages = table.values(lambda block: scores.leverage(block, first))
    assert leverages.max() <= most
    looked = []
    monkeypatch.setattr(
        chance.LeaveOneOut,
        "__call__",
        lambda self, block, real=chance.LeaveOneOut.__call__: (
            looked.append(len(block.weight)),
            real(self, block),
        )[1],
    )
    got = table.values(near)
    assert sum(looked) < n / 20 if n > 10_000 else looked
    want = table.values(lambda block: distance(block) <= share)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("outlier", [3.0, 1e9])
def test_moments_of_rows_kept_by_a_difference(outlier):
    rng = np.random.default_rng(0)
    X, y = rng.random((5000, 3)), rng.random(5000)
    y[:50] = outlier
    table = memory.InMemory(X, y, None)
    every = table.moments(everything)
    want = table.moments(Where(lambda block: block.y < 2.0))
    lost = table.moments(Where(lambda block: block.y > 2.0))
    got = masks.left(every, lost)
    if outlier > 1e6:  # of the scatter of y no digit would be left
        assert got is None
        return
    assert got is not None
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_where_a_difference_tells_nothing_there_is_a_pass(tmp_path):
    """Targets a billion times as far as others leave no digit of those."""
    rng = np.random.default_rng(0)
    x = rng.random(3000)
    y = x + 0.1 * rng.normal(size=3000)
    y[::100] = 1e9
    cut(pa.table({"x": x, "y": y}), tmp_path, [1000])
    found = mithridate.clean(tmp_path, target="y", false_positive_rate=0.01, defense="antidote")
    assert [what for what, _ in found.passes] == [*BY_RATE, "moments"]
    assert (~found.mask)[::100].all() and found.mask.sum() > 2900
    ridge = Ridge().fit(x[found.mask, None], y[found.mask])
    error = (y - ridge.predict(x[:, None]))[found.mask].std()
    assert f"{error:.3g} without" in " ".join(found.summary)


def test_the_moments_of_a_verdict_are_those_of_its_rows():
    rng = np.random.default_rng(0)
    X, y = rng.random((40_000, 3)), rng.random(40_000)
    table = memory.InMemory(X, y, None)
    look = scores.Within(lambda block: block.y, (0.25, 0.5, 1.0))
    lost = table.reduce("", masks.recorded(look, add, False))
    kept = table.scan("", look, add, moments=True).kept
    assert lost.rest == (np.count_nonzero(y <= 0.25), np.count_nonzero(y <= 0.25))
    every = table.moments(everything)
    for i, (a, b) in enumerate(zip(lost.moments, kept, strict=True)):
        both = Moments(*a).merge(b)
        for one, other in zip(both, every, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9)
        bits = np.unpackbits(np.frombuffer(b"".join(lost.bits[i]), np.uint8))[: len(y)]
        np.testing.assert_array_equal(bits, y <= look.cuts[i])


def test_the_parts_of_a_sample_become_one_table():
    """Each array has some hundred bytes beside its numbers, and a long table has many blocks."""
    towns = [["ulm", "bonn"], ["bonn"], ["kiel", "ulm", None]]
    parts = [
        pa.table({"x": np.arange(len(t)) + 0.5, "town": pa.array(t).dictionary_encode()})
        for t in towns
    ]
    seen, (whole,) = sample.together(("seen", parts))
    assert seen == "seen"
    assert [column.num_chunks for column in whole.columns] == [1, 1]
    assert whole["town"].to_pylist() == [name for town in towns for name in town]
    assert whole["x"].to_pylist() == [0.5, 1.5, 0.5, 0.5, 1.5, 2.5]


def test_categories_that_are_too_many_together_stay_apart():
    parts = [
        pa.table({"town": pa.DictionaryArray.from_arrays(
            pa.array(range(100), pa.int8()), [f"{i} {j}" for j in range(100)])})
        for i in range(3)
    ]  # fmt: skip
    _, (whole,) = sample.together((None, parts))
    assert whole["town"].to_pylist()[::99] == ["0 0", "0 99", "1 98", "2 97"]


def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_a_blas_has_one_thread_until_the_outermost_block_ends():
    with threadpool_limits(2, user_api="blas"):
        with one_thread():
            with one_thread(), ThreadPoolExecutor(1) as other:
                other.submit(entered).result()
            assert blas_threads() == {1}
        assert blas_threads() == {2}
        with pytest.raises(ZeroDivisionError), one_thread():
            raise ZeroDivisionError
        assert blas_threads() == {2}


def entered():
    with one_thread():
        assert blas_threads() == {1}
