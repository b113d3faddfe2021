"""Text made one-hot, and one-hot recognized."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mithridate.tables.encode import encode
from mithridate.tables.encoded import Encoded
from mithridate.tables.onehot import RecognizedGroup, recognize

Build = Callable[..., Encoded]
RNG = np.random.default_rng(0)


def bits(text: str) -> np.ndarray:
    return np.array([mark == "1" for mark in text])


def test_levels_are_sorted_and_trimmed(encoded: Build) -> None:
    result = encoded(home=["rent", " own", "own "] * 20)
    assert result.columns.names == ("home=own", "home=rent")
    assert result.X[:3].tolist() == [[0, 1], [1, 0], [1, 0]]
    assert result.columns.source == ("home", "home")
    assert result.columns.group.tolist() == [0, 0]
    assert result.columns.optional.tolist() == [False]
    assert result.columns.step.tolist() == [1, 1, 0]
    assert result.notes == ("Encoded one-hot: 'home' (2 levels).",)


def test_missing_text_is_a_level(encoded: Build) -> None:
    result = encoded(home=["rent", "own", None, "?", "NA", ""] * 10)
    assert result.columns.names == ("home=own", "home=rent", "home=(missing)")
    assert result.X[:, 2].sum() == 40
    assert "Missing text kept as the level '(missing)': 'home' (40 rows)." in result.notes


def test_rare_levels_are_pooled(encoded: Build) -> None:
    result = encoded(home=["a"] * 150 + ["b"] * 147 + ["c"] * 2 + ["d"])
    assert result.columns.names == ("home=a", "home=b", "home=(other)")
    assert result.X[:, 2].sum() == 3
    assert "Rare levels pooled as '(other)': 'home' (2 levels)." in result.notes


def test_one_rare_level_stays(encoded: Build) -> None:
    result = encoded(home=["a"] * 150 + ["b"] * 148 + ["c"] * 2)
    assert result.columns.names == ("home=a", "home=b", "home=c")


def test_words_for_pooled_and_missing_may_be_in_the_table(encoded: Build) -> None:
    words = ["a"] * 100 + ["(other)"] * 90 + ["(missing)"] * 90 + [None] * 18 + ["x", "z"]
    result = encoded(home=words)
    assert result.columns.names == ("home=(missing)", "home=(other)", "home=a")
    assert result.X.sum(axis=0).tolist() == [108, 92, 100]


def test_text_of_too_many_levels_is_left_out(encoded: Build) -> None:
    words = ["common"] * 400 + [f"w{i // 2}" for i in range(600)]
    result = encoded(home=words, x=RNG.normal(size=1000))
    assert result.columns.names == ("x",)
    assert result.notes == (
        "Left out as text of too many levels (most rows would be pooled as rare): 'home'.",
    )


def test_text_that_differs_in_every_row_is_left_out(encoded: Build) -> None:
    result = encoded(who=[f"person {i}" for i in range(100)], x=RNG.normal(size=100))
    assert result.columns.names == ("x",)
    assert result.notes == ("Left out as id-like (text that differs in nearly every row): 'who'.",)


def test_declared_categories_of_numbers_stay_categories() -> None:
    frame = pd.DataFrame({"x": pd.Categorical([1, 2, 3] * 20), "y": RNG.normal(size=60)})
    assert encode(frame, "y").columns.names == ("x=1", "x=2", "x=3")


def test_equal_names_are_told_apart(encoded: Build) -> None:
    columns = {"a": ["b", "c"] * 30, "a=b": RNG.normal(size=60)}
    assert encoded(**columns).columns.names == ("a=b", "a=c", "a=b (2)")


@given(st.lists(st.sampled_from(["a", "b", "c", "dd", "", None]), min_size=40, max_size=80))
def test_groups_made_here_sum_to_one(words: list[str | None]) -> None:
    y = np.arange(len(words)) % 7
    table = pa.table({"w": pa.array(words, pa.string()), "x": y * 1.5, "y": y})
    result = encode(table, "y")
    grouped = result.X[:, result.columns.group == 0]
    if grouped.shape[1]:
        assert grouped.shape[1] > 1
        assert (grouped.sum(axis=1) == 1).all()
        assert set(np.unique(grouped)) <= {0, 1}


@pytest.mark.parametrize("mark", [":", "=", "_"])
@pytest.mark.parametrize("kind", [int, float, bool, "text"])
def test_one_hot_tables_are_recognized(encoded: Build, mark: str, kind: object) -> None:
    full = np.eye(3)[RNG.integers(0, 3, 60)]
    full = np.where(full == 1, "True", "False") if kind == "text" else full.astype(kind)  # pyright: ignore
    names = [f"home{mark}{level}" for level in ("own", "rent", "mortgage")]
    result = encoded(x=RNG.normal(size=60), **dict(zip(names, full.T, strict=True)))
    assert result.columns.names == ("x", *names)
    assert result.columns.source == ("x", "home", "home", "home")
    assert result.columns.group.tolist() == [-1, 0, 0, 0]
    assert result.columns.optional.tolist() == [False]
    assert result.columns.step[:4].tolist() == [0, 1, 1, 1]
    assert "Recognized as one-hot already: 'home' (3 columns)." in result.notes


def test_a_dropped_reference_level_is_legal(encoded: Build) -> None:
    full = np.eye(3)[np.arange(60) % 3]
    result = encoded(home_rent=full[:, 0], home_own=full[:, 1])
    assert result.columns.optional.tolist() == [True]


def test_dummies_of_pandas_are_recognized() -> None:
    homes = ["own_a_house", "rent", "other_than_that"]
    frame = pd.DataFrame(
        {
            "home_ownership": RNG.choice(homes, 200),
            "home_type": RNG.choice(["flat", "house"], 200),
            "purpose": RNG.choice(["debt_consolidation", "debt_other", "car"], 200),
            "y": RNG.normal(size=200),
        }
    )
    result = encode(pd.get_dummies(frame), "y")
    assert set(result.columns.source) == {"home_ownership", "home_type", "purpose"}
    assert [(result.columns.group == g).sum() for g in range(3)] == [3, 2, 3]


def test_the_shortest_valid_prefix_is_taken() -> None:
    columns = {"a_b_c": bits("1000"), "a_b_d": bits("0100"), "a_e_f": bits("0010")}
    assert recognize(columns) == [RecognizedGroup("a", tuple(columns), optional=True)]
    columns["a_e_f"] = bits("1000")
    assert recognize(columns) == [RecognizedGroup("a_b", ("a_b_c", "a_b_d"), optional=True)]


@pytest.mark.parametrize(
    "columns",
    [
        {"a_b": bits("110"), "a_c": bits("011")},  # two in a row
        {"a_b": bits("100")},  # alone
        {"_b": bits("100"), "_c": bits("010")},  # no prefix
        {"a_": bits("100"), "a__": bits("010")},  # no level
        {"ab": bits("100"), "ac": bits("010")},
        {"_" * 100_000: bits("100"), "_" * 99_999: bits("010")},
        {},
    ],
)
def test_other_columns_are_no_group(columns: dict[str, np.ndarray]) -> None:
    found = recognize(columns)
    assert all(len(group.members) > 1 for group in found)
    assert not any(set(group.members) & {"a_b", "_b", "a_", "ab"} for group in found)


def test_columns_with_gaps_or_other_numbers_are_no_group(encoded: Build) -> None:
    full = np.eye(3)[np.arange(60) % 3]
    full[0, 0] = np.nan
    full[1, 1] = 2
    result = encoded(a_b=full[:, 0], a_c=full[:, 1], a_d=full[:, 2])
    assert result.columns.group.tolist() == [-1, -1, -1]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.sampled_from(":=_"))
def test_a_recognized_group_never_holds_two(codes: list[int], mark: str) -> None:
    hot = np.array(codes)[None, :] == np.arange(4)[:, None]  # level 4 is the dropped one
    columns = {f"p{mark}l{i}": row for i, row in enumerate(hot)}
    (group,) = recognize(columns)
    assert group.members == tuple(columns)
    assert group.optional == (4 in codes)
