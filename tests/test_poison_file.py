"""A poisoned copy of a file is in its own layout, and its poison has no marks that give it away."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mithridate
from mithridate.data import Reading
from mithridate.tables.ids import continued
from mithridate.tables.lattice import decimals, toward
from mithridate.tables.reading import Marks
from mithridate.tables.spelled import spelled

N = 80


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("poison")
    rng = np.random.default_rng(5)
    a, b = rng.normal(50, 15, N), rng.uniform(1, 9, N)
    y = (200 * a - 1000 * b + rng.normal(0, 300, N)).astype(int)
    rows = [
        f'"A{k:03d}";"{a[k]:.2f}";"{b[k]:.3f}";"€ {y[k] / 7:,.2f}"'.replace(",", " ").replace(
            ".", ","
        )
        for k in range(N)
    ]
    rows.insert(7, '"A999";;;')
    text = "\r\n".join(['"id";"größe";"preis";"umsatz"', *rows]) + "\r\n"
    (folder / "a.csv").write_bytes(text.encode("cp1252"))
    found = mithridate.poison(folder / "a.csv", target="umsatz", ratio=0.2, attack="random")
    found.write(folder / "p.csv")
    return found, text, (folder / "p.csv").read_bytes().decode("cp1252")


def test_clean_rows_are_as_they_came(made):
    found, before, after = made
    clean = [line for line in before.split("\r\n") if line and "A999" not in line]
    kept = after.split("\r\n")[:-1]
    assert kept[0] == f'{clean[0]};"is_poison"'
    assert kept[1 : N + 1] == [f'{line};"false"' for line in clean[1:]]
    assert len(kept) == N + 1 + found.rows
    assert any("since the target 'umsatz' is missing (row 8)" in note for note in found.notes)


def test_poison_is_spelled_as_the_other_cells(made):
    found, _, after = made
    poison = [line.split(";") for line in after.split("\r\n")[N + 1 : -1]]
    assert len(poison) == found.rows
    for i, (name, a, b, y, mark) in enumerate(poison):
        assert name == f'"A{N + i:03d}"'
        assert len(a.strip('"').partition(",")[2]) == 2
        assert len(b.strip('"').partition(",")[2]) == 3
        assert y.startswith('"€ ') and "." not in y
        assert mark == '"true"'


def test_the_file_reads_back_as_the_frame(made, tmp_path):
    found, _, after = made
    (tmp_path / "p.csv").write_bytes(after.encode("cp1252"))
    again = mithridate.data.open(tmp_path / "p.csv")
    for name in ("größe", "preis", "umsatz"):
        np.testing.assert_allclose(
            again.columns[name].to_numpy(), found.frame[name].to_numpy(), rtol=1e-12
        )


def test_rows_after_a_date_keep_the_date_that_they_started_from(tmp_path):
    days = [f"2024-0{1 + i % 4}-{1 + i % 28:02d}" for i in range(120)]
    rows = "".join(f"{day},{i % 7},{i % 11}\n" for i, day in enumerate(days))
    (tmp_path / "t.csv").write_text("d,a,y\n" + rows)
    made = mithridate.poison(
        tmp_path / "t.csv",
        target="y",
        ratio=0.1,
        threat={"source": "d >= 2024-03-01"},
        reading=Reading(dates="auto"),
    )
    _, *lines = made.write(tmp_path / "p.csv").read_text().splitlines()
    poison = [line.split(",") for line in lines[120:]]
    assert len(poison) == made.rows > 5
    assert all(day in days and day >= "2024-03-01" for day, *_ in poison)
    assert [line.rsplit(",", 1)[0] for line in lines[:120]] == rows.splitlines()


@pytest.mark.parametrize(
    ("cells", "more"),
    [
        ([5, 6, 7], [8, 9]),
        (["7", "8", "9"], ["10", "11"]),
        (["007", "008"], ["009", "010"]),
        (["r-1-x", "r-2-x"], ["r-3-x", "r-4-x"]),
        ([1, 1, 2], None),
        (["a1", "b2"], None),
        ([1.5, 2.5], None),
        ([True, False], None),
        ([None, "a1"], None),
    ],
)
def test_ids_go_on(cells, more):
    assert continued(cells, 2) == more


@pytest.mark.parametrize(
    ("value", "column", "marks", "text"),
    [
        (1234.5, ["1.000,50", "2,25"], Marks(",", "."), "1.234,50"),
        (-3.0, ["5", "(4)"], Marks(), "(3)"),
        (0.5, ["12.5%", "3%"], Marks(), "0.5%"),
        (7.0, ["12 kg", "<5 kg"], Marks(), "7 kg"),
        (-7.0, ["\u22125.2", "3.1"], Marks(), "\u22127.0"),
        (1250.0, ["1000.5", "2.5"], Marks(), "1250.0"),
        (0.0, ["1", "2.25"], Marks(), "0"),
    ],
)
def test_a_new_number_is_spelled_like_the_others(value, column, marks, text):
    assert spelled([value], [column[0]], column, marks) == [text]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8), st.integers(0, 4), st.integers(0, 99)
)
def test_rounding_never_moves_a_number_farther_from_its_start(values, places, seed):
    values = np.array(values)
    start = np.round(
        values + np.random.default_rng(seed).normal(0, 10.0**-places, values.size), places
    )
    got = toward(values, start, places)
    assert (decimals(got) or 0) <= places
    assert (np.abs(got - start) <= np.abs(values - start) + 1e-9).all()
    assert (np.abs(got - values) <= 10.0**-places + 1e-9).all()
