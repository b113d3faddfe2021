"""The default in passes: the verdicts of memory, on tables shorter and longer than a sample."""

import numpy as np
import pandas as pd
import pytest

import mithridate
from mithridate.cleaning import streaming
from mithridate.defenses import TableErrors
from mithridate.errors import InputError
from mithridate.passes import draws


@pytest.fixture
def short(monkeypatch):
    """A sample of 300 rows, and no cells, which take long."""
    monkeypatch.setattr(draws, "SAMPLE", 300)
    monkeypatch.setattr(streaming, "are_asked", lambda guard: False)


def sales(n, seed=0):
    """Revenue from a quantity and a price, with noise of 300 and some blanks, by three vendors."""
    rng = np.random.default_rng(seed)
    qty, price = rng.normal(5000.0, 1500.0, n), rng.uniform(1.0, 9.0, n)
    revenue = 2.0 * qty - 300.0 * price + rng.normal(0.0, 300.0, n)
    table = pd.DataFrame({"qty": qty, "price": price, "revenue": revenue})
    table.loc[::37, "price"] = np.nan
    return table.assign(vendor=np.resize(["ann", "bob", "cy"], n))


def files(table, folder, form, edges):
    """Writes the rows between the edges to files of their own."""
    folder.mkdir()
    for i, part in enumerate(np.split(np.arange(len(table)), edges)):
        rows = table.iloc[part]
        if form == "parquet":
            rows.to_parquet(folder / f"{i}.parquet", row_group_size=70)
        else:
            rows.to_csv(folder / f"{i}.{form}", index=False)
    return folder


@pytest.fixture(scope="module")
def wrong():
    """Two slips, a slipped cell and rows without a target; and what is found in memory."""
    table = sales(150)
    table.loc[[7, 140], "revenue"] *= 10.0
    table.loc[120:129, "revenue"] = np.nan
    table.loc[60, "qty"] *= 1000.0
    return table, mithridate.clean(table, target="revenue", groups="vendor")


def same_pages(got, want):
    """Whether two reports show the same rows, bars and sources."""
    for mine, theirs in zip((*got.scores, *got.points), (*want.scores, *want.points), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)
    assert [s.row for s in got.suspects] == [s.row for s in want.suspects]
    assert [(s.group, s.reason) for s in got.suspects] == [
        (s.group, s.reason) for s in want.suspects
    ]
    assert (got.groups, got.cells) == (want.groups, want.cells)
    assert (got.rows, got.rejected, got.threshold) == (want.rows, want.rejected, want.threshold)


@pytest.mark.parametrize("form", ["parquet", "csv.gz"])
def test_a_short_table_has_the_verdicts_of_memory(form, wrong, tmp_path):
    table, want = wrong
    folder = files(table, tmp_path / "table", form, [1, 120])
    out = tmp_path / "out"
    got = mithridate.clean(folder, target="revenue", groups="vendor", out=out, html=True)
    np.testing.assert_array_equal(got.mask, want.mask)
    assert isinstance(got.defense, TableErrors) and got.defense.found_
    assert [one.row for one in got.aside] == [one.row for one in want.aside]
    pd.testing.assert_frame_equal(got.groups.to_pandas(), want.groups, check_dtype=False)
    pd.testing.assert_frame_equal(got.cells.to_pandas(), want.cells, check_dtype=False)
    assert len(pd.read_csv(tmp_path / "out.cells.csv")) == want.cells.flagged.sum() > 0
    same_pages(got.page, want.page)
    assert got.summary[0] in (tmp_path / "out.report.html").read_text(encoding="utf-8")
    bad = pd.read_parquet(out / "quarantine").set_index("mithridate_row").sort_index()
    mine = want.quarantined.set_index("mithridate_row")
    for column in ("mithridate_finding", "mithridate_expected", "mithridate_reason"):
        assert bad[column].dropna().tolist() == pytest.approx(mine[column].dropna().tolist())


def test_trusted_rows_count_in_passes_as_in_memory(tmp_path):
    # Without blanks, which are filled by the medians of the table alone in passes.
    table, known = (sales(n, n).drop(columns="vendor").fillna(5.0) for n in (100, 40))
    table.loc[80:, "revenue"] += np.where(np.arange(20) % 5 == 0, 9000.0, 0.0)
    want = mithridate.clean(table, target="revenue", trusted=known, only="rows")
    folder = files(table, tmp_path / "table", "parquet", [50])
    parts = sorted(folder.iterdir())
    got = mithridate.clean(parts, target="revenue", trusted=known, only="rows")
    assert set(got.groups["group"].to_pylist()) == {"0.parquet", "1.parquet"}
    assert sum(got.groups["rows"].to_pylist()) == 100
    assert sum(got.groups["rejected"].to_pylist()) == got.rejected > 0
    with pytest.raises(InputError, match=r"without a report; give clean\(…, html=True\)"):
        got.write_html(tmp_path / "page.html")
    np.testing.assert_array_equal(got.mask, want.mask)
    assert got.defense.share_ == pytest.approx(want.defense.share_, rel=1e-6)
    with pytest.raises(InputError, match="takes no trusted rows in passes"):
        mithridate.clean(folder, target="revenue", trusted=known, defense="antidote")
    with pytest.raises(InputError, match="lack"):
        mithridate.clean(folder, target="revenue", trusted=known[["qty", "revenue"]])


@pytest.mark.parametrize("thin", [1, 2])
def test_a_long_table_is_judged_by_its_sample_wherever_it_is_cut(
    thin, short, tmp_path, monkeypatch
):
    """All wrong rows lie at the end of the last file; memory says the same."""
    monkeypatch.setattr(draws, "SAMPLE", 300 * thin)
    monkeypatch.setattr(draws, "NUMBERS", 300 * 6)  # three columns, and three of one-hot vendors
    table = sales(700)
    bad = np.arange(700) >= 685
    table.loc[bad, "revenue"] *= 10.0
    want = TableErrors(only="rows")
    folder = files(table, tmp_path / "table", "parquet", [1, 333, 690])
    many = mithridate.clean(folder, target="revenue", defense=want, groups="vendor", html=True)
    whole = mithridate.clean(table, target="revenue", defense=want, groups="vendor")
    np.testing.assert_array_equal(many.mask, whole.mask)
    np.testing.assert_array_equal(many.groups["rejected"], whole.groups["rejected"])
    assert (~whole.mask & bad).sum() >= 14 and (~whole.mask & ~bad).sum() <= 2
    assert whole.defense.scores_.argmax() == whole.defense.top_[1]
    page = many.page
    assert page.scores.kept.sum() + page.scores.rejected.sum() == 700
    assert page.scores.rejected.sum() == page.rejected == len(page.suspects)
    assert sorted(s.row for s in page.suspects) == (np.flatnonzero(~many.mask) + 1).tolist()
    assert [s.reason for s in page.suspects] == [s.reason for s in whole.page.suspects]


def test_a_group_is_found_outside_of_the_sample_too(monkeypatch):
    monkeypatch.setattr(draws, "SAMPLE", 400)
    rng = np.random.default_rng(0)
    X = rng.random((1600, 2))
    y = X @ [1.0, 2.0] + 0.1 * rng.normal(size=1600)
    bad = np.arange(1600) < 320
    y[bad] = np.where(X[bad, 1] < 0.5, 3.0, 0.0)
    found = TableErrors(only="groups").fit(X, y)
    unseen = np.ones(1600, dtype=bool)
    unseen[draws.spaced(1600)] = False
    for rows in (unseen, ~unseen):
        gone = found.findings_[rows] == 1
        assert gone[bad[rows]].mean() > 0.85 and gone[~bad[rows]].mean() < 0.01
    assert found.n_group_ == found.n_rejected_


@pytest.mark.slow
def test_many_errors_outside_of_the_sample_are_rejected(monkeypatch):
    """Leaves of trees are counted in rows, so all the flagged ones, of small weights beside those
    of the sample, would make them finer, and the others would seem to need them."""
    monkeypatch.setattr(draws, "SAMPLE", 600)
    rng, n = np.random.default_rng(2), 32_000
    X = rng.normal(size=(n, 10))
    y = X @ rng.normal(size=10) * 10.0 + np.abs(X[:, 0]) * 5.0 + 3.0 * rng.normal(size=n)
    bad = rng.random(n) < 0.1
    y[bad] += rng.choice([-1.0, 1.0], bad.sum()) * rng.uniform(1.0, 3.0, bad.sum()) * y.std()
    found = TableErrors(only="rows").fit(X, y)
    assert (found.findings_[bad] == 2).mean() > 0.9
    assert (found.findings_[~bad] == 0).mean() > 0.999


def test_rare_rows_that_predict_each_other_stay(short):
    """Thirty of 1,500 rows are of a kind of their own, and none of them is in the sample."""
    rng = np.random.default_rng(1)
    X, kind = rng.normal(size=(1500, 2)), np.zeros(1500)
    kind[np.setdiff1d(np.arange(1500), draws.spaced(1500))[::40]] = 1.0
    y = X.sum(axis=1) + 12.0 * kind + 0.3 * rng.normal(size=1500)
    found = TableErrors(only="rows").fit(np.column_stack([X, kind]), y)
    assert (found.findings_ == 0).all() and kind.sum() == 30
    assert "borne out" in found.message_ and found.threshold_ > np.log(3.0)
    alone = TableErrors(only="rows").fit(X, y)  # nothing tells them apart: these are errors
    assert alone.findings_[kind == 1].mean() == 2.0


def test_a_sample_of_equal_targets_judges_nothing(short):
    y = np.zeros(1000)
    y[np.setdiff1d(np.arange(1000), draws.spaced(1000))[-1]] = 5.0
    found = TableErrors().fit(np.random.default_rng(0).normal(size=(1000, 2)), y)
    assert found.n_rejected_ == 0 and "300 rows are equal" in found.message_


@pytest.mark.parametrize("n", [7, 299, 300, 1201, 10_000])
def test_samples_of_wide_rows_have_fewer_of_them_and_no_row_twice(short, n, monkeypatch):
    monkeypatch.setattr(draws, "NUMBERS", 2000)
    thin = draws.thinning(n, 20)
    assert thin == (1 if n == 7 else 3)  # 300 rows of 20 numbers are three times 2,000
    first, second = (draws.spaced(n, draw=draw, thin=thin) for draw in (0, 1))
    assert len(first) * 20 <= 2000 and np.isin(first, draws.spaced(n)).all()
    assert not np.intersect1d(first, second).size
    parts = [draws.spaced(n, a, min(a + 77, n), 0, thin) for a in range(0, n, 77)]
    np.testing.assert_array_equal(np.concatenate(parts), first)
    if thin > 1:  # one row of three that follow each other, and which one is drawn
        assert {len(first), len(second)} <= {min(n, 300) // 3, -(-min(n, 300) // 3)}
        assert np.bincount(np.searchsorted(draws.spaced(n), first) % 3).min() > 20


@pytest.mark.parametrize("n", [299, 300, 301, 1201, 10_000])
def test_samples_take_a_row_of_each_part_and_no_row_twice(short, n):
    first, second = (draws.spaced(n, draw=draw) for draw in (0, 1))
    assert len(first) == min(n, 300) and (np.diff(first) > 0).all()
    assert len(second) == min(max(n - 300, 0), 300) and not np.intersect1d(first, second).size
    parts = [draws.spaced(n, a, min(a + 77, n)) for a in range(0, n, 77)]
    np.testing.assert_array_equal(np.concatenate(parts), first)
    if n == 10_000:  # what repeats itself every five rows does not do so in the sample
        assert np.bincount(first % 5, minlength=5).min() > 30


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["a.csv", "a.csv"], "is given twice"),
        (["a.csv", "sub"], "give files, or one folder or URL alone"),
        (["a.csv", "s3://bucket/b.csv"], "no file on this machine"),
        (["a.csv", "no.csv"], "no file '.*no.csv'"),
        (["a.csv", "b.txt"], "must be CSV or Parquet by their names"),
        (["a.csv", "a.parquet"], "in the way"),
    ],
)
def test_files_that_make_no_table_are_refused(given, said, tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.txt", "a.parquet"):
        (tmp_path / name).write_text("x,y\n1,2\n")
    with pytest.raises(InputError, match=said):
        mithridate.clean(given, target="y")


def test_files_of_other_folders_are_one_table_in_the_order_of_their_paths(short, tmp_path):
    """Where one file's targets lie higher, it is said; the files keep their names as sources."""
    folders = [tmp_path / "old" / "may", tmp_path / "new"]
    table = sales(240).drop(columns="vendor")
    table.loc[120:, "revenue"] += 800.0
    for folder, rows in zip(folders, (table[:120], table[120:]), strict=True):
        folder.mkdir(parents=True)
        rows.to_csv(folder / "sales.csv", index=False)
    paths = [folder / "sales.csv" for folder in folders]
    got = mithridate.clean(paths, target="revenue", defense=TableErrors(only="rows"))
    groups = got.groups.to_pandas().set_index("group")
    assert sorted(groups.index) == ["new/sales.csv", "old/may/sales.csv"]
    assert groups.rows.tolist() == [120, 120]
    assert 500.0 < groups["shift"]["new/sales.csv"] - groups["shift"]["old/may/sales.csv"] < 1100.0
    assert any(line.startswith("Off as a whole: by file,") for line in got.summary)
