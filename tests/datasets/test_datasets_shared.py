"""The tables that the results are reported on."""

from pathlib import Path

import numpy as np
import pytest

from mithridate.data.load import load


@pytest.mark.parametrize(
    ("table", "shape", "groups"),
    [
        (("appliances_energy", "Appliances", ()), (19735, 27), 0),
        (("boston", "medv", ()), (506, 13), 0),
        (("heart", "num", ()), (303, 13), 0),
        (("house_manipml", "SalePrice", ()), (1460, 274), 41),
        # 117 levels and numbers, less 26 rare levels that become two.
        (("loan", "int_rate", ("grade", "sub_grade")), (20000, 93), 7),
    ],
)
def test_shared_tables(
    shared_data: Path, table: tuple[str, str, tuple], shape: tuple[int, int], groups: int
) -> None:
    name, target, drop = table
    result = load(shared_data / f"{name}.csv", target, drop=drop)
    columns = result.columns
    assert result.X.shape == shape
    assert columns.optional.shape == (groups,)
    assert len(columns.names) == len(columns.source) == len(columns.group) == shape[1]
    for group in range(groups):
        sums = result.X[:, columns.group == group].sum(axis=1)
        assert sums.max() == 1
        assert columns.optional[group] == (sums.min() == 0)
    split = result.split(0)
    design = np.column_stack([split.train.X, np.ones(len(split.train.y))])
    ridge = np.linalg.solve(design.T @ design + np.eye(shape[1] + 1), design.T @ split.train.y)
    residual = split.test.y - split.test.X @ ridge[:-1] - ridge[-1]
    assert residual.var() < split.test.y.var()


def test_groups_of_a_one_hot_table(shared_data: Path) -> None:
    columns = load(shared_data / "house_manipml.csv", "SalePrice").columns
    source = np.array(columns.source)
    for prefix in ("MSSubClass", "Neighborhood", "SaleCondition"):
        members = [name.startswith(f"{prefix}:") for name in columns.names]
        assert np.array_equal(source == prefix, members)
        assert len(set(columns.group[members])) == 1
    assert columns.group[columns.names.index("CentralAir:Y")] == -1  # its other level is not there
    assert columns.step[columns.names.index("OverallQual")] == pytest.approx(1 / 9)
    assert columns.step[columns.names.index("LotArea")] == 0


def test_words_of_a_raw_table(shared_data: Path) -> None:
    result = load(shared_data / "loan.csv", "int_rate", drop=["grade", "sub_grade"])
    assert {"term", "emp_length=(missing)", "addr_state=(other)"} < set(result.columns.names)
    assert result.columns.step[result.columns.names.index("term")] == 24
    assert "Left out as constant: 'delinq_amnt', 'tax_liens'." in result.notes
