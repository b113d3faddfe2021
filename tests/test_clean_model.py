"""Saved models: the same file gets the same verdict, others are judged by what was known."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes

import mithridate
from mithridate.cleaning import door, saved, streaming
from mithridate.cleaning import memory as in_memory
from mithridate.errors import InputError
from mithridate.passes import draws

from .test_audit import call


@pytest.fixture(scope="module", autouse=True)
def no_cells():
    """Cells take long, and no model judges them."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (in_memory, streaming):
            patch.setattr(module, "are_asked", lambda guard: False)
        yield


def days(n, seed, wrong=()):
    """Sales of so many rows, some of which are ten times too high."""
    rng = np.random.default_rng(seed)
    qty, price = rng.normal(50.0, 15.0, n), rng.uniform(1.0, 9.0, n)
    revenue = 2.0 * qty - 3.0 * price + rng.normal(0.0, 3.0, n)
    table = pd.DataFrame({"qty": qty, "price": price, "revenue": revenue})
    table = table.assign(shop=np.resize(["ann", "bob", "cy"], n))
    table.loc[[*wrong], "revenue"] *= 10.0
    return table


@pytest.fixture(scope="module")
def yesterday(tmp_path_factory):
    """A table as a file, what is found in it, and the model that was saved of it."""
    folder = tmp_path_factory.mktemp("model")
    path, model = folder / "yesterday.csv", folder / "sales.model"
    days(160, 0, [7, 90]).to_csv(path, index=False)
    found = mithridate.clean(path, target="revenue", save_model=model)
    return path, found, model


def test_the_same_file_gets_the_same_verdict_again(yesterday, tmp_path):
    path, want, model = yesterday
    assert want.rejected == 2
    got = mithridate.clean(path, model=model)
    np.testing.assert_array_equal(got.mask, want.mask)
    np.testing.assert_array_equal(got.defense.scores_, want.defense.scores_)
    assert [got.summary[0], *got.summary[2:]] == [want.summary[0], *want.summary[2:]]
    # In passes too; and rows that the model has learned of are known in any order.
    other = tmp_path / "part.csv"
    order = np.random.default_rng(1).permutation(160)[:100]
    pd.read_csv(path).iloc[order].to_csv(other, index=False)
    parts = mithridate.clean([path, other], model=model)
    np.testing.assert_array_equal(parts.mask, np.append(want.mask, want.mask[order]))


def test_rows_of_today_are_judged_by_what_was_known_yesterday(yesterday):
    """Most rows of today are off alike: nothing in the table itself says so."""
    _, _, model = yesterday
    today = days(40, 1)
    today.loc[:29, "revenue"] += 60.0
    assert mithridate.clean(today, target="revenue", only="rows").rejected == 0
    found = mithridate.clean(today, model=model)
    assert np.flatnonzero(~found.mask).tolist() == [*range(30)]
    assert any("75% of the rows look wrong by the saved model" in line for line in found.summary)
    with pytest.raises(InputError, match="look wrong by the saved model"):
        mithridate.clean(today.head(30), model=model)
    honest = mithridate.clean(days(40, 2, [5]), model=model)
    assert np.flatnonzero(~honest.mask).tolist() == [5]


def test_a_clean_past_promises_nothing(tmp_path):
    """Targets ten times too high are found by a model of a table without an error."""
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    table = X.assign(target=y)
    model, today = tmp_path / "m", table[300:].reset_index(drop=True)
    assert mithridate.clean(table[:300], target="target", save_model=model).rejected == 0
    honest = mithridate.clean(today, model=model)
    today.loc[:4, "target"] *= 10.0
    found = mithridate.clean(today, model=model)
    assert found.mask[5:].sum() == honest.mask[5:].sum() >= 136
    assert (~found.mask[:5]).sum() >= 3


def test_what_the_model_does_not_know_is_told(yesterday, tmp_path):
    _, _, model = yesterday
    today = days(40, 3).assign(weather="dry")
    today.loc[:3, "shop"] = ["eve", "dan", "eve", "flo"]
    today.loc[8, ["qty", "price"]] = [500.0, np.nan]
    want = [
        "Judged by the model of 'yesterday', learned of 160 rows.",
        "New columns, which the model does not know and leaves out: 'weather'.",
        "New values, which the model takes as none of those it knows: "
        "'shop' ('eve', 'dan', 'flo' in 4 rows).",
    ]
    found = mithridate.clean(today, model=model)
    assert [note for note in found.notes if note in want] == want
    assert any(
        note.startswith("Beyond all that the model has learned of: 'qty' (") for note in found.notes
    )
    today.to_parquet(tmp_path / "a.parquet")
    parts = mithridate.clean(f"{tmp_path}/", model=model)
    assert [note for note in parts.notes if note.startswith("New")] == want[1:]
    np.testing.assert_array_equal(parts.mask, found.mask)


def test_a_long_table_is_learned_of_by_its_sample(monkeypatch, tmp_path):
    monkeypatch.setattr(draws, "SAMPLE", 150)
    table, model = days(400, 4, [11, 333]), tmp_path / "m"
    want = mithridate.clean(table, target="revenue", only="rows", save_model=model)
    got = mithridate.clean(table, model=model)
    assert not want.mask[[11, 333]].any()
    assert not (got.mask & ~want.mask).any() and (got.mask != want.mask).sum() <= 2
    np.testing.assert_array_equal(got.mask[draws.spaced(400)], want.mask[draws.spaced(400)])
    assert got.defense.only == "rows"


def test_trusted_rows_and_gaps_are_in_the_model(tmp_path):
    table = days(120, 5, [3])
    table.loc[[10, 20], "qty"] = np.nan
    model = tmp_path / "m"
    told = {"trusted": days(30, 6), "only": "rows"}
    want = mithridate.clean(table, target="revenue", save_model=model, **told)
    np.testing.assert_array_equal(mithridate.clean(table, model=model).mask, want.mask)


REFUSED = {
    "no file": (lambda path: path.unlink(), "There is no model"),
    "damaged": (lambda path: path.write_bytes(path.read_bytes()[:900]), "no whole saved model"),
    "no model": (lambda path: path.write_text("a,b\n1,2\n"), "no whole saved model"),
    "pickle": (lambda path: np.savez(path, about=np.array([{}], object)), "no whole saved model"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_model_is_refused(name, yesterday, tmp_path):
    change, said = REFUSED[name]
    path = tmp_path / "m.npz"
    path.write_bytes(yesterday[2].read_bytes())
    change(path)
    with pytest.raises(InputError, match=said):
        mithridate.clean(days(20, 0), model=path)


def test_a_model_of_another_version_is_refused(yesterday, monkeypatch):
    monkeypatch.setattr(saved, "__version__", "9.9")
    with pytest.raises(
        InputError, match=r"saved with Mithridate .*, and this is 9\.9; save it again"
    ):
        mithridate.clean(days(20, 0), model=yesterday[2])


@pytest.mark.parametrize(
    ("change", "told", "said"),
    [
        (lambda t: t.drop(columns="qty"), {}, "lacks 'qty', which the model of 'yesterday' needs"),
        (lambda t: t.assign(qty="much"), {}, "'qty' holds text, and numbers in the table of the"),
        (lambda t: t, {"target": "price"}, "'price' is given, and the model"),
        (lambda t: t, {"drop": ["qty"]}, "leave drop out"),
        (lambda t: t, {"defense": "trim"}, "leave defense out"),
        (lambda t: t, {"save_model": "m"}, "give either model or save-model"),
        (lambda t: t.head(3), {}, "10"),
    ],
)
def test_what_does_not_fit_a_model_is_one_sentence(change, told, said, yesterday):
    with pytest.raises(InputError, match=said):
        mithridate.clean(change(days(20, 0)), model=yesterday[2], **told)


@pytest.mark.parametrize(
    ("change", "told", "said"),
    [
        (lambda t: t, {"defense": "trim"}, "Only what the default"),
        (lambda t: t, {"only": "cells"}, "Only what the default"),
        (
            lambda t: t.assign(qty=t.qty.astype(str)),
            {},
            "'qty', whose numbers or dates are",
        ),
    ],
)
def test_what_cannot_be_saved_is_one_sentence(change, told, said, tmp_path):
    with pytest.raises(InputError, match=said):
        mithridate.clean(change(days(40, 0)), target="revenue", save_model=tmp_path / "m", **told)
    assert not (tmp_path / "m").exists()


def test_the_command_saves_a_model_and_judges_by_it(yesterday, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    days(30, 8, [4]).to_csv("today.csv", index=False)
    code, said, err = call("clean", "today.csv", "--model", yesterday[2], "--json")
    assert code == 0, err
    assert json.loads(said)["result"]["rejected"] == 1
    code, _, err = call("clean", "today.csv", "--model", yesterday[2], "--only", "rows")
    assert code == 1 and "leave only out" in err
    assert door.in_passes("today.csv") is False
