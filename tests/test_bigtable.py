"""A table read in passes is cut as the same table in memory, wherever its files begin and end."""

import itertools

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

import mithridate
from mithridate import data
from mithridate.defenses import Duti, Huber, Trim
from mithridate.errors import InputError
from mithridate.moments import Moments
from mithridate.passes import draws, engine, memory, select
from mithridate.passes.block import everything
from mithridate.passes.select import Ranks, keys, numbers, places

GOALS = {
    "boston": "medv",
    "heart": "num",
    "loan": "int_rate",
    "appliances_energy": "Appliances",
    "house_manipml": "SalePrice",
}
DEFENSES = {
    "rate": {"defense": "bayesclean"},
    "cuts": {"defense": "bayesclean", "options": {"c1": 0.67, "c2": 1.0}},
    "trim": {"defense": "trim", "contamination": 0.05},
    "antidote": {"defense": "antidote"},
}


def poisoned(table, target, seed=0):
    """A twentieth of the targets at the far end of their range."""
    y = table[target].to_numpy().astype(float).copy()
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(y), len(y) // 20, replace=False)
    y[rows] = np.where(y[rows] > np.median(y), y.min(), y.max())
    return table.set_column(table.schema.get_field_index(target), target, pa.array(y))


def cut(table, folder, places, group=1000):
    """Writes the rows between the places to files of their own, in this order of names."""
    edges = [0, *sorted(places), table.num_rows]
    for i, (start, stop) in enumerate(itertools.pairwise(edges)):
        part = table.slice(start, stop - start)
        pq.write_table(part, folder / f"part-{i:03}.parquet", row_group_size=group)
    return folder


# Each small table and each defense once; a table goes another way than another one, whatever the
# defense. Of the long one, what is its own (many blocks) has a table that is made.
PAIRS = [
    *((name, "rate") for name in GOALS if name != "loan"),
    *(("heart", how) for how in DEFENSES if how != "rate"),
]
REST = [pair for pair in itertools.product(GOALS, DEFENSES) if pair not in PAIRS]
REST = [pytest.param(*pair, marks=pytest.mark.slow) for pair in REST]


@pytest.mark.parametrize(("name", "how"), [*PAIRS, *REST])
def test_any_cut_of_real_data_is_cut_as_in_memory(name, how, shared, tmp_path):
    opened = data.open(str(shared / "data" / f"{name}.csv"))
    table = poisoned(opened.frame, GOALS[name])
    want = mithridate.clean(table, target=GOALS[name], **DEFENSES[how])
    rng = np.random.default_rng(1)
    places = rng.integers(0, table.num_rows, size=4)
    cut(table, tmp_path, places, group=int(rng.integers(90, 5000)))
    got = mithridate.clean(tmp_path, target=GOALS[name], **DEFENSES[how])
    np.testing.assert_array_equal(got.mask, want.mask)
    assert not got.mask.all()
    mine = [note for note in want.notes if not note.startswith("Recognized")]
    assert sorted(got.notes) == sorted(mine)


@pytest.mark.parametrize("name", ["boston", "heart"])
def test_huber_differs_from_memory_near_the_cut_alone(name, shared, tmp_path):
    """Its optimizer stops near the optimum, where is a matter of rounding; no cut changes it."""
    opened = data.open(str(shared / "data" / f"{name}.csv"))
    table = poisoned(opened.frame, GOALS[name])
    want = mithridate.clean(table, target=GOALS[name], defense="huber")
    masks = []
    for i, edges in enumerate([[], [33, 100, 250]]):
        (tmp_path / str(i)).mkdir()
        folder = cut(table, tmp_path / str(i), edges)
        masks.append(mithridate.clean(folder, target=GOALS[name], defense="huber").mask)
    np.testing.assert_array_equal(*masks)
    off = masks[0] != want.mask
    np.testing.assert_allclose(want.defense.scores_[off], want.defense.epsilon, rtol=1e-3)
    assert not masks[0].all()


@st.composite
def tables(draw):
    """Small tables with ties, gaps, truth values, categories, dates and text that is numbers."""
    n = draw(st.integers(45, 120))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    whole = rng.integers(0, draw(st.integers(2, 9)), n)
    real = rng.normal(size=n) * 10.0 ** draw(st.integers(-3, 6))
    gaps = np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n).round(1))
    gaps[:2] = 0.0, 1.0
    town = rng.choice(["ulm", " ulm", "bonn", "NA", "kiel"], n)
    spelled = rng.choice(["1", "2.5", "-3e2", "?"], n)
    y = whole + rng.integers(0, 3, n) + (real / 10 if draw(st.booleans()) else 0)
    y[rng.choice(n, 4, replace=False)] = 99.0
    columns = {
        "whole": whole,
        "real": real,
        "gaps": gaps,
        "flag": rng.random(n) < 0.5,
        "town": town.tolist(),
        "spelled": spelled.tolist(),
        "day": np.arange(n).astype("datetime64[D]"),
        "wild": np.where(np.arange(n) == 7, np.inf, whole * 2.0 + (np.arange(n) % 5)),
        "y": y,
    }
    places = draw(st.lists(st.integers(0, n), max_size=4))
    return pa.table(columns), places, draw(st.integers(1, 50))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables(), st.sampled_from(sorted(DEFENSES)))
def test_any_cut_of_any_table_is_cut_as_in_memory(tmp_path_factory, made, how):
    table, places, group = made
    folder = cut(table, tmp_path_factory.mktemp("cut"), places, group)
    want = mithridate.clean(table, target="y", **DEFENSES[how])
    got = mithridate.clean(folder, target="y", **DEFENSES[how])
    np.testing.assert_array_equal(got.mask, want.mask)
    assert sorted(got.notes) == sorted(want.notes)


def long_table(n=50_000, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.random((n, 4))
    y = X @ [1.0, 2.0, 3.0, 4.0] + 0.1 * rng.normal(size=n)
    y[: n // 20] = 10.0
    X[rng.random(n) < 0.1, 0] = np.nan
    order = rng.permutation(n)
    return pa.table({**{f"x{j}": X[order, j] for j in range(4)}, "y": y[order]})


@pytest.fixture
def short_spans(monkeypatch):
    for module in (memory, engine):
        monkeypatch.setattr(module, "SPAN", 2 * memory.BLOCK)


@pytest.mark.parametrize("how", DEFENSES)
def test_many_blocks_are_merged_as_in_memory(how, short_spans, tmp_path):
    table = long_table()
    want = mithridate.clean(table, target="y", **DEFENSES[how])
    cut(table, tmp_path, [1, 777, 20_000, 40_001], group=3000)
    got = mithridate.clean(tmp_path, target="y", **DEFENSES[how])
    np.testing.assert_array_equal(got.mask, want.mask)
    assert 1000 < (~got.mask).sum() < 25_000
    # Scores and the model too, to the last bit.
    if how == "rate":
        assert got.defense.cuts_ == want.defense.cuts_
        np.testing.assert_array_equal(got.defense.regression_.coef, want.defense.regression_.coef)


def test_the_threads_of_a_blas_change_no_bit():
    X = np.random.default_rng(0).random((memory.BLOCK, 30))
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            table = memory.InMemory(X, X[:, 0], None)
            found.append(table.moments(everything).scatter)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("how", DEFENSES)
def test_files_in_another_order_lose_the_same_rows(how, tmp_path):
    table, places = long_table(n=6000), [1000, 2500, 4000]
    edges = [0, *places, 6000]
    parts = [np.arange(a, b) for a, b in itertools.pairwise(edges)]
    rows = np.concatenate([parts[i] for i in (2, 0, 3, 1)])
    want = mithridate.clean(cut(table, tmp_path, places), target="y", **DEFENSES[how]).mask
    other = tmp_path / "other"
    other.mkdir()
    cut(table.take(rows), other, [1500, 2500, 4500])
    got = mithridate.clean(other, target="y", **DEFENSES[how]).mask
    np.testing.assert_array_equal(got, want[rows])


class Sampling(Trim):
    """Notes the sample of the table that it judges."""

    def decide(self, table):
        self.sampled_ = table.sample()
        return super().decide(table)


@pytest.mark.parametrize("n", [3000, 50_000])
def test_a_sample_is_spaced_over_the_table_wherever_it_is_cut(n, tmp_path, monkeypatch):
    monkeypatch.setattr(draws, "SAMPLE", 4096)
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(3, n))
    town = rng.choice(["ulm", "bonn", "kiel"], n)
    names = dict(zip("abcy", [*Z[:2], town, Z[2]], strict=True))
    table = pa.table(names).set_column(2, "c", pa.array(town).dictionary_encode())
    hot = [town == name for name in sorted(set(town))]
    low, high = Z.min(axis=1)[:, None], Z.max(axis=1)[:, None]
    numbers = (Z - low) / (high - low)
    want = memory.InMemory(np.array([*numbers[:2], *hot], dtype=float).T, numbers[2], None)
    rows = draws.spaced(n)
    assert len(np.unique(rows)) == min(n, 4096) and (np.diff(rows) < 2 * n / 4096 + 1).all()
    np.testing.assert_array_equal(want.sample().y, numbers[2][rows])
    for i, edges in enumerate([[], [1, 777, n // 2]]):
        (tmp_path / str(i)).mkdir()
        folder = cut(table, tmp_path / str(i), edges, group=2500)
        got = mithridate.clean(folder, target="y", defense=Sampling()).defense.sampled_
        np.testing.assert_array_equal(got.Z, want.sample().Z)
        np.testing.assert_array_equal(got.weight, np.ones(len(rows)))
        assert got.start == 0


def test_ties_at_the_cut_go_by_row_order(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, 300).astype(float)
    y = x + rng.choice([-1.0, 0.0, 1.0], 300)
    table = pa.table({"x": x, "y": y})
    want = mithridate.clean(table, target="y", defense="trim", contamination=0.15).mask
    scores = Trim(contamination=0.15).fit(x[:, None], (y - y.min()) / np.ptp(y)).scores_
    assert (scores == scores[want].max()).sum() > 5
    cut(table, tmp_path, [40, 200])
    got = mithridate.clean(tmp_path, target="y", defense="trim", contamination=0.15).mask
    np.testing.assert_array_equal(got, want)


def test_csv_files_are_typed_as_one_table(tmp_path):
    table = poisoned(long_table(400), "y")
    town = ["north" if i % 3 else "" for i in range(400)]
    # Whole numbers in the first file alone: the column is one of decimals all the same.
    mixed = np.where(np.arange(400) < 150, np.arange(400) % 7, np.arange(400) % 7 + 0.5)
    table = table.append_column("town", [town]).append_column("mixed", [mixed])
    table = table.append_column("seen", [np.arange(400).astype("datetime64[s]")])
    whole = tmp_path / "whole.csv"
    arrow_csv.write_csv(table, whole)
    folder = tmp_path / "parts"
    folder.mkdir()
    for i, (a, b) in enumerate([(0, 150), (150, 400)]):
        arrow_csv.write_csv(table.slice(a, b - a), folder / f"{i}.csv")
    want = mithridate.clean(whole, target="y", defense="antidote")
    got = mithridate.clean(folder, target="y", defense="antidote")
    np.testing.assert_array_equal(got.mask, want.mask)
    assert set(got.notes) == set(want.notes)


@pytest.mark.parametrize("size", [2000, 1 << 16])
def test_a_conspiracy_is_found_in_passes_as_in_memory(size, shared, tmp_path, monkeypatch):
    monkeypatch.setattr(draws, "SAMPLE", size)
    table = data.open(str(shared / "data/appliances_energy.csv")).frame
    y, hot = (table[name].to_numpy().astype(float) for name in ("Appliances", "T1"))
    bad = np.random.default_rng(0).random(len(y)) < 0.35
    y = np.where(bad, np.where(hot > np.median(hot), y.max(), y.min()), y)
    place = table.schema.get_field_index("Appliances")
    table = table.set_column(place, "Appliances", pa.array(y))
    want = mithridate.clean(table, target="Appliances", defense="antidote")
    assert want.defense.conspiracy_ and want.defense.n_rejected_ > 1000
    got = mithridate.clean(
        cut(table, tmp_path, [1, 7000, 16385]), target="Appliances", defense="antidote"
    )
    np.testing.assert_array_equal(got.mask, want.mask)
    passes = [what for what, _ in got.passes]
    between = passes[1 : passes.index("mask")]
    searches = (1, 2) if size < len(y) else (0,)  # two passes each, where a sample was searched
    assert between in [["moments"] * 2 * k for k in searches]


@pytest.mark.parametrize("defense", [Duti(), "ransac", Trim(Huber()), Huber(alpha=0.1)])
def test_other_defenses_name_one_that_streams(defense, tmp_path):
    cut(long_table(100), tmp_path, [])
    with pytest.raises(InputError, match=r"memory.*(bayesclean|Ridge|alpha)"):
        mithridate.clean(tmp_path, target="y", defense=defense)


SAMPLES = {
    "none": lambda values: values[:0],
    "spaced": lambda values: values[:: max(len(values) // 5, 1)],
    "all": lambda values: values,
    "misleading": lambda values: np.full(40, values.max()),
}


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, 1.0]), min_size=1),
    st.integers(0, 59),
    st.integers(1, 20),
    st.sampled_from([0, 3, 1 << 20]),
    st.sampled_from(sorted(SAMPLES)),
    st.sampled_from([0, 2]),
)
def test_order_statistics_are_exact(values, rank, size, gathered, sample, room):
    values, rank = np.array(values), rank % len(values)
    blocks = [values[i : i + size] for i in range(0, len(values), size)]

    def reduce(what, fold, finish):
        return finish(fold.over(blocks))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(select, "GATHERED", gathered)
        patch.setattr(select, "MIN_BRACKET_ROWS", room)
        wanted = Ranks([rank, rank // 2], len(values), SAMPLES[sample](values))
        found = places(reduce, lambda block, low, high: [block, -block], [wanted, wanted])
    for column, pair in zip((values, -values), found, strict=True):
        for k, place in zip(wanted.ranks, pair, strict=True):
            want = np.sort(column)[k]
            assert place == (want, (column < want).sum(), (column == want).sum())


@pytest.mark.parametrize("ties", [False, True])
def test_a_sample_saves_passes(ties):
    """By a sample of 65,536, a pass keeps few values of a million and finds the quantile."""
    values = np.random.default_rng(0).normal(size=1_000_000)
    values = np.rint(values) if ties else values
    blocks = np.array_split(values, 60)
    made = []

    def reduce(what, fold, finish):
        made.append(fold.map)
        return finish(fold.over(blocks))

    for rank in (0, 30_000, 500_000, 999_999):
        for sample in (values[draws.spaced(len(values))], values[:0]):
            made.clear()
            ((found,),) = places(
                reduce, lambda block, low, high: [block], [Ranks([rank], 10**6, sample)]
            )
            assert found.value == np.partition(values, rank)[rank]
            assert len(made) == 1
            kept = sum(len(part) for block in blocks for part in made[0](block)[0][1])
            assert kept < 30_000 or not len(sample)


@given(st.lists(st.floats(allow_nan=False), min_size=2))
def test_keys_keep_the_order(values):
    values = np.array(values)
    np.testing.assert_array_equal(np.argsort(keys(values), kind="stable"),
                                  np.argsort(values, kind="stable"))  # fmt: skip
    np.testing.assert_array_equal(numbers(keys(values)), values)


def test_a_condition_of_1e12_survives_merging():
    rng = np.random.default_rng(0)
    n, d = 60_000, 5
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    X = (rng.normal(size=(n, d)) * np.logspace(0, -6, d)) @ turn.T + 1e3
    want = np.linalg.svd(X - X.mean(axis=0), compute_uv=False) ** 2
    table = memory.InMemory(X, X[:, 0], None)
    moments = table.moments(everything)
    got = np.sort(np.linalg.eigvalsh(moments.scatter[:-1, :-1]))[::-1]
    # Squares lose half of the digits: of 1e-12 of the largest, four are left.
    assert want[-1] / want[0] < 2e-12
    np.testing.assert_allclose(got, want, rtol=1e-3)
    # A billion rows of this kind, by doubling.
    many = moments
    for _ in range(14):
        many = many.merge(Moments(*many))
    np.testing.assert_allclose(many.scatter / many.weight, moments.scatter / n, rtol=1e-12)
    assert many.weight == n * 2**14
