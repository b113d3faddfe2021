"""Which columns become features, what is said about the others, and which targets are refused."""

import datetime
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from mithridate.errors import InputError
from mithridate.tables.encode import encode
from mithridate.tables.encoded import Encoded

Build = Callable[..., Encoded]
N = 60
RNG = np.random.default_rng(1)
NOISE = RNG.normal(size=N)


def refused(table: pa.Table, *args: object, **kwargs: object) -> str:
    """The sentence with which a table is refused."""
    with pytest.raises(InputError) as caught:
        encode(table, *args, **kwargs)  # pyright: ignore
    sentence = str(caught.value)
    assert sentence.endswith((".", "?")), sentence
    assert "\n" not in sentence
    assert caught.value.__cause__ is None
    return sentence


def with_target(y: object) -> pa.Table:
    return pa.table({"x": NOISE, "y": y})


def test_numbers_stay_as_they_are(encoded: Build) -> None:
    result = encoded(x=NOISE, k=pa.array(np.arange(N) % 4 * 5, pa.int8()))
    assert result.columns.names == result.columns.source == ("x", "k")
    assert np.array_equal(result.X, np.column_stack([NOISE, np.arange(N) % 4 * 5]))
    assert result.X.dtype == result.y.dtype == np.float64
    assert result.columns.step.tolist() == [0, 5, 0]
    assert result.columns.group.tolist() == [-1, -1]
    assert result.columns.optional.shape == (0,)
    assert result.notes == ()


@pytest.mark.parametrize(
    "values",
    [
        pa.array([Decimal("1.5"), Decimal("2.25"), None] * 20),
        pa.array([1.5, 2.25, float("nan")] * 20, pa.float32()),
        pa.array(["1.5", " 2.25 ", "n/a"] * 20),
        pa.array(["+15e-1", "2.250", "NULL"] * 20),
    ],
)
def test_numbers_in_other_clothes(encoded: Build, values: pa.Array) -> None:
    result = encoded(x=values)
    assert result.X[:2, 0].tolist() == [1.5, 2.25]
    assert np.isnan(result.X[2, 0])
    assert any("Missing numbers" in note and "(20 rows)" in note for note in result.notes)


def test_text_that_is_nearly_numbers_is_pointed_out(encoded: Build) -> None:
    result = encoded(x=[str(i % 5) for i in range(N - 2)] + ["n/k"] * 2)
    assert len(result.columns.names) == 6
    assert result.notes[0] == (
        "Taken as text, though nearly all values are numbers: 'x' (but for 'n/k')."
    )


@pytest.mark.parametrize(
    "words",
    [
        ["$12.50", "$1,234.50", "-$3", "7"],
        ["45%", "7.5 %", "-3%", "100%"],
        ["1,234", "12", "1,234,567.5", "(1,234)"],
        ["12,50 €", "1.234,50 €", "3 €"],
        ["USD 5", "USD 12.5", "CHF 1'234"],
    ],
)
def test_numbers_written_with_signs_are_pointed_out(encoded: Build, words: list[str]) -> None:
    def hints(values: list[str]) -> list[str]:
        notes = encoded(price=values, x=NOISE).notes
        return [note for note in notes if "numbers written with signs" in note]

    (hint,) = hints((words * N)[:N])
    assert hint.endswith(f"'price' (such as {words[0]!r}).")
    # Left out, since it differs in every row, and pointed out all the same.
    assert len(hints([f"${i}.50" for i in range(N)])) == 1


@pytest.mark.parametrize(
    "words",
    [["a", "b"], ["1/2", "3/4"], ["A45%", "B%"], ["5-10", "10-20"], ["$", "%"], ["1.2.3", "v2"]],
)
def test_other_text_is_not_taken_for_numbers_with_signs(encoded: Build, words: list[str]) -> None:
    assert not any("signs" in note for note in encoded(kind=words * 30).notes)


@pytest.mark.parametrize("values", [[True, False], ["true", "False"], [" TRUE", "false"]])
def test_booleans_become_0_and_1(encoded: Build, values: list[object]) -> None:
    result = encoded(x=values * 30)
    assert result.X[:2, 0].tolist() == [1, 0]
    assert result.columns.step[0] == 1
    assert result.notes == ("Read as numbers (true as 1, false as 0): 'x'.",)


def test_infinite_features_count_as_missing(encoded: Build) -> None:
    result = encoded(x=[np.inf, -np.inf, 1e200, 1.0, 2.0, 3.5] * 10)
    assert np.isnan(result.X[:3, 0]).all()
    assert "Values infinite or beyond 1e100 taken as missing: 'x' (30 rows)." in result.notes
    result = encoded(x=[np.inf, 2.0, 3.5] * 20)
    assert "Infinite values taken as missing: 'x' (20 rows)." in result.notes


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([3] * N, "constant"),
        (["a"] * N, "constant"),
        ([1.5, None] * 30, "constant"),
        ([None] * N, "empty"),
        ([" ", "?", None] * 20, "empty"),
        ([1e200, -3e150, None] * 20, "holding only values infinite or beyond 1e100"),
        ([np.inf, None] * 30, "holding only infinite values"),
        (pa.array([None] * N, pa.string()).dictionary_encode(), "constant"),
        ([datetime.date(2020, 1, 1 + i % 9) for i in range(N)], "dates or times"),
        (["1:02:03", "59:10"] * 30, "times written in several ways"),
        (["PT1H", "1:30"] * 30, "times written in several ways"),
        (["2020-01-02", "2021-3-4 12:30:00+01:00"] * 30, "dates or times"),
        (["31.12.2020", "1/2/2021 10:00 PM"] * 30, "dates or times"),
        ([[1], [2]] * 30, "neither numbers nor text"),
        ([["a"], ["b"]] * 30, "neither numbers nor text"),
        ([{"a": 1}, {"a": 2}] * 30, "neither numbers nor text"),
        ([b"a", b"b"] * 30, "neither numbers nor text"),
        (list(range(7, 7 + 3 * N, 3)), "id-like"),
        ([float(i) for i in range(N, 0, -1)], "id-like"),
        ([2**60 + 1000 * i for i in range(N)], "id-like"),
    ],
)
def test_useless_columns_are_left_out(encoded: Build, values: object, reason: str) -> None:
    result = encoded(useless=values, x=NOISE)
    assert result.columns.names == ("x",)
    (note,) = result.notes
    assert note.startswith(f"Left out as {reason}")
    assert "'useless'" in note


@pytest.mark.parametrize(
    "name", ["id", "ID", "index", "Unnamed: 0", "customer_id", "house id", "PassengerId", ""]
)
def test_distinct_integers_called_an_id_are_left_out(encoded: Build, name: str) -> None:
    assert encoded(**{name: RNG.permutation(N) * 7, "x": NOISE}).columns.names == ("x",)


@pytest.mark.parametrize("name", ["paid", "humid", "price_index", "idle", "x"])
def test_distinct_integers_with_other_names_stay(encoded: Build, name: str) -> None:
    assert encoded(**{name: RNG.permutation(N) * 7}).columns.names == (name,)


def test_many_columns_are_named_by_five(encoded: Build) -> None:
    result = encoded(x=NOISE, **{f"c{i}": [1] * N for i in range(7)})
    assert result.notes == ("Left out as constant: 'c0', 'c1', 'c2', 'c3', 'c4', … (7 in all).",)


def test_columns_are_left_out_on_request() -> None:
    table = pa.table({"a": NOISE, "b": NOISE * 2, "y": NOISE})
    assert encode(table, "y", drop=["a", "a"]).columns.names == ("b",)
    assert encode(table, "y", drop="a").columns.names == ("b",)
    assert encode(table, "y", drop="a").notes == ("Left out as you asked: 'a'.",)


def test_notes_of_the_caller_come_first() -> None:
    notes = encode(with_target(NOISE), "y", notes=["Sampled."]).notes
    assert notes == ("Sampled.",)


def test_boolean_and_text_targets_become_numbers() -> None:
    result = encode(with_target(NOISE > 0), "y")
    assert set(result.y) == {0, 1}
    assert result.columns.step[-1] == 1
    assert result.notes == ("Target read as numbers (true as 1, false as 0): 'y'.",)
    result = encode(with_target([f" {i % 7}" for i in range(N)]), "y")
    assert result.y[:3].tolist() == [0, 1, 2]
    assert result.notes == ("Target read as numbers (from text): 'y'.",)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (["a", "b"] * 30, ["holds text such as 'a'"]),
        (["1", "2"] * 29 + ["2", "12 €"], ["holds text such as '12 €'"]),
        ([datetime.date(2020, 1, 1)] * N, ["dates or times"]),
        ([[1]] * N, ["neither numbers nor text"]),
        ([None] * N, ["empty in every row"]),
        ([1.5] * N, ["1.5 in every row"]),
        ([*range(57), None, 1, None], ["missing or infinite in 2 rows", "first in row 58"]),
        ([*range(59), np.inf], ["is missing or infinite in 1 row,", "row 60"]),
        ([*range(58), 1e200, None], ["infinite or beyond 1e100 in 2 rows, first in row 59"]),
        ([1e200, -1e300] * 30, ["infinite or beyond 1e100 in every row"]),
        ([np.inf, -np.inf] * 30, ["not finite in every row"]),
        (pa.array([1, 2] * 30).dictionary_encode(), ["text such as '1'"]),
    ],
)
def test_bad_targets_are_refused(y: object, words: list[str]) -> None:
    sentence = refused(with_target(y), "y")
    assert all(word in sentence for word in ["'y'", *words]), sentence


def test_unknown_columns_are_refused_with_the_nearest() -> None:
    table = pa.table({"SalePrice": NOISE, "area": NOISE, "rooms": NOISE})
    sentence = refused(table, "saleprce")
    assert "'saleprce'" in sentence
    assert "is 'SalePrice'" in sentence
    assert "'rooms'" in sentence
    assert "'rooms'" in refused(table, "zzz")
    assert "is 'rooms'" in refused(table, "SalePrice", drop=["room"])
    assert "'SalePrice', 'area', 'rooms'" in refused(table, None)


def test_the_target_cannot_be_dropped() -> None:
    assert "among the columns to leave out" in refused(with_target(NOISE), "y", drop=["x", "y"])


def test_tables_without_features_are_refused() -> None:
    table = with_target(NOISE)
    assert "left out as you asked: 'x'" in refused(table, "y", drop=["x"])
    assert "the only column" in refused(table.select(["y"]), "y")
    constant = pa.table({"c": [1] * N, "d": ["2020-01-01"] * N, "y": NOISE})
    sentence = refused(constant, "y", name="houses")
    assert "left out as constant: 'c'; left out as dates or times: 'd'" in sentence
    assert "the table 'houses'" in sentence


def test_short_and_empty_tables_are_refused() -> None:
    assert "has 39 rows, at least 40" in refused(with_target(NOISE)[:39], "y")
    assert "no rows" in refused(with_target(NOISE)[:0], "y")
    assert "no columns" in refused(pa.table({}), "y")
    assert encode(with_target(NOISE)[:40], "y").X.shape == (40, 1)


def test_fingerprint_is_of_the_content() -> None:
    table = pa.table({"a": [0.0, None, 1.5] * 20, "y": NOISE})
    prints = {
        encode(changed, changed.column_names[-1], name="other").fingerprint
        for changed in (
            table,
            pa.table({"a": [-0.0, float("nan"), 1.5] * 20, "y": NOISE}),
            pa.table({"b": [0.0, None, 1.5] * 20, "y": NOISE}),
            pa.table({"a": [0.0, None, 1.5] * 20, "z": NOISE}),
            pa.table({"a": [0.0, None, 1.25] * 20, "y": NOISE}),
            pa.table({"a": [0.0, None, 1.5] * 20, "y": NOISE + 1}),
        )
    }
    assert len(prints) == 5
    assert all(len(mark) == 64 for mark in prints)


def test_columns_named_categorical_are_taken_as_codes():
    table = pa.table({"code": [1.0, 2.0, 3.0, None] * 20, "x": range(80), "y": range(80)})
    encoded = encode(table, "y", categorical=["code"])
    assert [n for n in encoded.columns.names if n.startswith("code")] == [
        "code=1",
        "code=2",
        "code=3",
        "code=(missing)",
    ]
    with pytest.raises(InputError, match=r"nearest.*'code'"):
        encode(table, "y", categorical=["cod"])
