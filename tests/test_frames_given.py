"""What a person gives to a door in Python: names that are no text, an index, half precision."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mithridate
from mithridate import InputError


@pytest.fixture(scope="module")
def frame():
    draw = np.random.default_rng(3)
    x = draw.normal(size=(60, 3))
    return pd.DataFrame(x, columns=["a", "b", "c"]).assign(y=x @ [1, 2, 3] + draw.normal(size=60))


def door(name, data, **given):
    quick = {"audit": {"alphas": [1]}, "bound": {"ratios": [0.1]}}.get(name, {})
    return getattr(mithridate, name)(data, **quick, **given)


@pytest.mark.parametrize("name", ["clean", "audit", "poison", "influence", "bound"])
@pytest.mark.parametrize("kind", ["Series", "list"])
def test_a_column_in_place_of_its_name_is_refused(name, kind, frame):
    given = frame["y"] if kind == "Series" else ["y"]
    with pytest.raises(InputError, match=f"target= .* {kind}; give the name of a column"):
        door(name, frame, target=given)


def test_one_name_alone_is_a_list_of_one(frame):
    wide = frame.rename(columns={"a": "abc"}).assign(d=frame["a"] ** 2)
    alone = mithridate.influence(wide, target="y", column="b", drop="abc")
    assert (
        alone.regression.names
        == mithridate.influence(wide, target="y", column="b", drop=["abc"]).regression.names
    )


def test_columns_whose_names_are_numbers(frame):
    wide = frame.rename(columns={"y": 0, "a": 7})
    wide.loc[4, 0] = np.nan
    cleaned = mithridate.clean(wide, target=0, drop=7, only="rows")
    assert list(cleaned.quarantined["mithridate_row"]) == [5]
    assert list(cleaned.kept.columns) == [7, "b", "c", 0]


def test_the_index_is_told_of(frame):
    cleaned = mithridate.clean(frame.set_index("a"), target="y", only="rows")
    assert cleaned.notes == ("Left out as the index of the frame, not columns: 'a'.",)
    assert cleaned.kept.index.name == "a"


def test_numbers_of_half_precision(frame, tmp_path):
    half = frame.astype("float16")
    cleaned = mithridate.clean(half, target="y", only="rows")
    assert set(cleaned.kept.dtypes) == {np.dtype("float16")}
    pq.write_table(pa.Table.from_pandas(half), tmp_path / "half.parquet")
    passes = mithridate.clean(tmp_path, target="y", only="rows")
    assert passes.summary == cleaned.summary


def test_one_ratio_alone_is_a_list_of_one(frame):
    alone = mithridate.bound(frame, target="y", ratios=0.1)
    assert alone.headlines == mithridate.bound(frame, target="y", ratios=[0.1]).headlines


@pytest.mark.parametrize("name", ["audit", "poison", "bound"])
def test_a_threat_that_is_no_mapping_is_refused(name, frame):
    with pytest.raises(InputError, match="threat='relaxed': give a mapping"):
        door(name, frame, target="y", threat="relaxed")


def test_what_no_rows_do_is_said_to_be_proved(frame):
    found = mithridate.influence(frame, target="y", column="c")
    assert found.routes[0].certified > 1
    assert found.headlines[0] == (
        "Leaving out row after row, no set was found without which the coefficient of 'c' turns "
        f"its sign; it is proved that no {found.routes[0].certified} rows do."
    )
