"""Small tables, made anew for each test, and which ways of cleaning each goes through."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa

from .table import LINEAR, Columns, Table

TABLES: dict[str, Callable[[], Table]] = {}


def named(make: Callable[[], Table]) -> Callable[[], Table]:
    """Adds a table under the name of its function."""
    TABLES[make.__name__] = make
    return make


def drawn(seed: int, n: int) -> tuple[np.random.Generator, Columns, np.ndarray]:
    """A generator, three columns and a target that depends on them, with three gross errors."""
    rng = np.random.default_rng(seed)
    width, depth = rng.normal(40, 6, n).round(2), rng.gamma(3, 2, n).round(3)
    heat = rng.uniform(-5, 30, n).round(1)
    y = 12 + 1.5 * width - 3 * depth + 0.4 * heat + rng.normal(0, 2, n)
    y[[7, n // 2, n - 4]] += [60, -45, 80]
    return rng, {"width": width, "depth": depth, "heat": heat}, y.round(2)


def poisoned(seed: int, n: int, places: np.ndarray) -> tuple[Columns, np.ndarray]:
    """Rows in `places` have the largest target where the model expects a small one."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.uniform(0, 1, (3, n)).round(4)
    y = 5 * a + 2 * b - c + rng.normal(0, 0.3, n)
    a[places] = rng.uniform(0.02, 0.1, len(places)).round(4)
    y = y.round(3)
    y[places] = y.max()
    return {"alpha": a, "beta": b, "gamma": c}, y


@named
def plain() -> Table:
    _, columns, y = drawn(1, 180)
    return Table(columns | {"yield": y}, "yield", runs=("default", *LINEAR))


@named
def whole_numbers() -> Table:
    rng, columns, y = drawn(2, 150)
    columns["floors"] = rng.integers(1, 9, 150)
    columns["year"] = rng.integers(1950, 2020, 150)
    target = (y * 10).round().astype(int)
    return Table(columns | {"rent": target}, "rent", library="polars", runs=("rate", "trim"))


@named
def truth_values() -> Table:
    rng, columns, y = drawn(3, 140)
    columns["garden"] = rng.random(140) < 0.4
    columns["lift"] = rng.random(140) < 0.7
    return Table(columns | {"price": (y + 5 * columns["garden"]).round(2)}, "price")


@named
def text_levels() -> Table:
    rng, columns, y = drawn(4, 220)
    levels = ["north", "south", "west", "Zürich", "odd one"]
    places = rng.choice(5, 220, p=[0.4, 0.3, 0.2, 0.08, 0.02])
    columns["town"] = [levels[k] for k in places]
    columns["grade"] = rng.choice(["A", "B", " B"], 220).tolist()
    value = (y + 6 * (places == 1)).round(2)
    return Table(columns | {"value": value}, "value", library="polars", runs=("rate", "huber"))


@named
def one_hot_columns() -> Table:
    rng, columns, y = drawn(5, 200)
    kind = rng.integers(0, 3, 200)
    for k, name in enumerate(("roof_flat", "roof_gable", "roof_hip")):
        columns[name] = (kind == k).astype(int)
    return Table(columns | {"cost": (y + 4 * kind).round(2)}, "cost", runs=("rate", "bayesclean"))


@named
def gaps_in_numbers() -> Table:
    rng, columns, y = drawn(6, 160)
    columns["depth"][rng.random(160) < 0.15] = np.nan
    columns["heat"][rng.random(160) < 0.05] = np.nan
    return Table(columns | {"flow": y}, "flow", runs=("default", "rate", "bayesclean-rate", "trim"))


@named
def gaps_in_levels() -> Table:
    rng, columns, y = drawn(7, 160)
    words = rng.choice(["oak", "pine", "NA", "?", ""], 160, p=[0.5, 0.3, 0.1, 0.05, 0.05])
    columns["wood"] = [str(word) or None for word in words]
    return Table(columns | {"load": y}, "load", library="arrow")


@named
def constant_column() -> Table:
    _, columns, y = drawn(8, 100)
    columns |= {"same": np.full(100, 3.5), "same word": ["all"] * 100, "empty": [None] * 100}
    return Table(columns | {"gain": y}, "gain", library="path")


@named
def almost_constant() -> Table:
    _, columns, y = drawn(9, 130)
    columns["switch"] = np.r_[np.zeros(127), 1.0, np.zeros(2)]
    return Table(columns | {"gain": y}, "gain", runs=("rate", "bayesclean-paper"))


@named
def ids() -> Table:
    rng, columns, y = drawn(10, 120)
    columns["row"] = np.arange(1, 121)
    columns["customer_id"] = rng.permutation(9000)[:120]
    columns["ticket"] = [f"T-{k:05d}" for k in rng.permutation(9000)[:120]]
    return Table(columns | {"spent": y}, "spent", library="polars")


@named
def dates_in_text() -> Table:
    _, columns, y = drawn(11, 110)
    days = [date(2021, 1, 30) + timedelta(days=k % 50) for k in range(110)]
    columns["day"] = [str(day) for day in days]
    columns["clock"] = [f"{k % 24:02d}:{k % 60:02d}" for k in range(110)]
    return Table(columns | {"usage": y}, "usage")


@named
def dates_as_dates() -> Table:
    _, columns, y = drawn(12, 110)
    columns["seen"] = [datetime(2022, 3, 1) + timedelta(hours=7 * k) for k in range(110)]
    return Table(columns | {"usage": y}, "usage", form="parquet", library="polars")


@named
def narrow_types() -> Table:
    rng, columns, y = drawn(13, 170)
    columns["tiny"] = rng.integers(0, 200, 170).astype(np.uint8)
    columns["long"] = rng.integers(-(2**40), 2**40, 170)
    columns["single"] = rng.normal(0, 1, 170).astype(np.float32)
    target = y.astype(np.float32)
    runs = ("rate", "bayesclean", "huber")
    return Table(columns | {"speed": target}, "speed", form="parquet", library="arrow", runs=runs)


@named
def decimals_and_categories() -> Table:
    rng, columns, y = drawn(14, 120)
    fees = [Decimal(int(k)) / 100 for k in rng.integers(100, 9999, 120)]
    columns["fee"] = pa.array(fees, pa.decimal128(9, 2))
    columns["class"] = pa.array(rng.choice(["x", "y"], 120).tolist()).dictionary_encode()
    return Table(columns | {"sum": y}, "sum", form="parquet", library="arrow")


@named
def decimal_comma() -> Table:
    _, columns, y = drawn(15, 120)
    table = columns | {"Ertrag": y}
    return Table(table, "Ertrag", library="path", delimiter=";", comma=True)


@named
def semicolons() -> Table:
    _, columns, y = drawn(16, 120)
    columns["note, long"] = ["a;b" if k % 3 else "c,d" for k in range(120)]
    return Table(columns | {"score": y}, "score", library="path", delimiter=";")


@named
def tabs() -> Table:
    _, columns, y = drawn(17, 120)
    return Table(columns | {"score": y}, "score", library="path", delimiter="\t")


@named
def money_and_percent() -> Table:
    rng, columns, y = drawn(18, 100)
    columns["paid"] = [f"${k:,}.50" for k in rng.integers(900, 90000, 100)]
    columns["share"] = [f"{k}%" for k in rng.integers(1, 6, 100)]
    columns["nearly"] = ["unknown" if k % 25 == 3 else str(k % 7) for k in range(100)]
    return Table(columns | {"score": y}, "score", library="path")


@named
def very_large_numbers() -> Table:
    rng, columns, y = drawn(19, 120)
    columns["mass"] = rng.uniform(1e14, 9e15, 120).round(-10)
    columns["beyond"] = np.where(np.arange(120) == 11, 1e200, rng.normal(0, 1, 120).round(3))
    columns["infinite"] = np.where(np.arange(120) == 13, np.inf, rng.normal(0, 1, 120).round(3))
    return Table(columns | {"energy": y * 1e12}, "energy", runs=("rate", "trim"))


@named
def hostile_names() -> Table:
    _, columns, y = drawn(20, 110)
    names = ("<script>alert(1)</script>", '=1+1,"x"', "größe 📏\nzweite Zeile")
    table: Columns = dict(zip(names, columns.values(), strict=True))
    table["@remark"] = ["=1+1" if k % 4 == 0 else "+cmd|' /C calc'!A0" for k in range(110)]
    table["-note"] = [f'say "{k % 3}" <b>' for k in range(110)]
    return Table(table | {"'ziel'": y}, "'ziel'", runs=("rate", "bayesclean"))


@named
def twins() -> Table:
    _, columns, y = drawn(21, 90)
    again = {name: np.concatenate([cells, cells[:40]]) for name, cells in columns.items()}
    return Table(again | {"total": np.concatenate([y, y[:40]])}, "total", runs=("rate", "trim"))


@named
def poison_at_the_maximum() -> Table:
    columns, y = poisoned(22, 300, np.arange(5, 300, 9))
    runs = (*LINEAR, "itrim", "torrent", "ransac", "leasttrimmedsquares")
    return Table(columns | {"target": y}, "target", runs=runs)


@named
def poison_in_a_block() -> Table:
    columns, y = poisoned(23, 240, np.arange(100, 124))
    columns["batch"] = [f"batch {k // 24}" for k in range(240)]
    table = columns | {"target": y}
    return Table(table, "target", library="polars", runs=("rate", "conspiracy", "trim", "huber"))


@named
def poison_in_types() -> Table:
    columns, y = poisoned(24, 260, np.arange(3, 260, 10))
    columns["kind"] = ["abc"[k % 3] for k in range(260)]
    columns["beta"][::17] = np.nan
    runs = ("rate", "bayesclean", "trim")
    table = columns | {"target": y}
    return Table(table, "target", form="parquet", library="arrow", groups=100, runs=runs)


@named
def gaps_in_the_target() -> Table:
    _, columns, y = drawn(25, 80)
    y[[4, 30]] = np.nan
    return Table(columns | {"goal": y}, "goal")


@named
def text_in_the_target() -> Table:
    _, columns, y = drawn(26, 80)
    goal = ["about 9" if k == 40 else str(value) for k, value in enumerate(y)]
    return Table(columns | {"goal": goal}, "goal", library="path")


@named
def groups_of_rows() -> Table:
    columns, y = poisoned(27, 240, np.arange(100, 124))
    columns["vendor"] = [
        "Dora" if 96 <= k < 130 else ["Ann", "Bob", "Cy"][k % 3] for k in range(240)
    ]
    return Table(
        columns | {"goal": y},
        "goal",
        more={"groups": "vendor"},
        words=("--report",),
        runs=("default", "rate"),
    )


@named
def trusted_rows() -> Table:
    columns, y = poisoned(28, 150, np.arange(3, 150, 10))
    table = columns | {"goal": y}
    known, clean = poisoned(29, 40, np.arange(0))
    beside = known | {"goal": clean}
    more, runs = {"trusted": "trusted.csv"}, ("rate", "trustedonly")
    return Table(table, "goal", library="path", beside=beside, more=more, runs=runs)


@named
def dropped_and_coded() -> Table:
    rng, columns, y = drawn(30, 140)
    columns["zone"] = rng.integers(1, 5, 140)
    columns["secret"] = y + 1
    more = {"drop": ["secret"], "categorical": ["zone"]}
    return Table(columns | {"goal": y}, "goal", more=more)


@named
def quoted_with_line_ends() -> Table:
    _, columns, y = drawn(31, 100)
    columns["memo"] = [f'first "{k % 2}"\nsecond, line' for k in range(100)]
    return Table(columns | {"goal": y}, "goal", library="path", quoted=True)


@named
def byte_order_mark() -> Table:
    _, columns, y = drawn(32, 100)
    return Table(columns | {"goal": y}, "goal", library="path", start="\ufeff")


@named
def related_columns() -> Table:
    _, columns, y = drawn(33, 110)
    columns["twice"] = 2 * columns["width"]
    columns["sum"] = (columns["width"] + columns["depth"]).round(3)
    return Table(columns | {"goal": y}, "goal", runs=("rate", "bayesclean"))


@named
def row_groups() -> Table:
    rng, columns, y = drawn(34, 330)
    columns["level"] = rng.choice(["low", "mid", "high"], 330).tolist()
    table = columns | {"goal": y}
    return Table(table, "goal", form="parquet", library="path", groups=100, runs=("rate", "huber"))


@named
def folder_of_csv() -> Table:
    rng, columns, y = drawn(35, 300)
    columns["level"] = rng.choice(["low", "mid", "high"], 300).tolist()
    columns["count"] = rng.integers(0, 50, 300)
    parts = ("one.csv", "three.csv", "two.csv")
    return Table(columns | {"goal": y}, "goal", parts=parts, runs=LINEAR)


@named
def folder_of_parquet() -> Table:
    columns, y = poisoned(36, 360, np.arange(8, 360, 11))
    columns["kind"] = ["abcd"[k % 4] for k in range(360)]
    parts = ("a.parquet", "b.parquet", "deep/c.parquet")
    table = columns | {"target": y}
    return Table(table, "target", form="parquet", library="arrow", parts=parts, runs=LINEAR)


@named
def folder_with_keys() -> Table:
    _, columns, y = drawn(37, 200)
    parts = ("year=2020/a.parquet", "year=2021/a.parquet")
    return Table(columns | {"goal": y}, "goal", form="parquet", library="polars", parts=parts)
