"""Tables as people write them are cleaned as the same table in plain numbers is."""

import numpy as np
import pytest

import mithridate

N = 120
BAD = np.arange(10, 110, 20)


def table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    a, b = rng.integers(300, 9000, N), rng.uniform(1, 9, N).round(2)
    y = (2 * a - 100 * b + rng.normal(0, 50, N)).round()
    y[BAD] += 3000
    return a, b, y


def cleaned(tmp_path, name: str, rows: list[str], encoding: str = "utf-8"):
    path = tmp_path / f"{name}.csv"
    path.write_bytes("\n".join(rows).encode(encoding))
    return mithridate.clean(path, target="y", defense="bayesclean")


def spelled(cells, mark: str = ",") -> list[str]:
    a, b, y = table()
    lines = zip(map(cells, a.tolist()), b.tolist(), y.astype(int).tolist(), strict=True)
    return [mark.join(["a", "b", "y"]), *(f"{p}{mark}{q}{mark}{r}" for p, q, r in lines)]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    found = cleaned(tmp_path_factory.mktemp("plain"), "plain", spelled(str))
    assert not found.mask[BAD].any()
    return found.mask


def test_points_between_thousands_beside_whole_numbers(tmp_path, plain):
    rows = [line.replace(".", ",") if i else line for i, line in enumerate(spelled(str, ";"))]
    dotted = [
        ";".join([f"{int(c[0]):,}".replace(",", "."), *c[1:]]) if i else line
        for i, line in enumerate(rows)
        for c in [line.split(";")]
    ]
    found = cleaned(tmp_path, "dotted", dotted)
    assert np.array_equal(found.mask, plain)
    assert any("decimal comma" in note for note in found.read)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (lambda v: f'"${v:,}"', "signs of money"),
        (lambda v: f"{v} kg", "without their unit: 'a'"),
        (lambda v: f"{v}%", "percent signs"),
        (lambda v: f"\u2212{v}", "typographic minus signs"),
        (lambda v: f"({v})", "brackets of negative numbers"),
    ],
)
def test_numbers_with_signs(tmp_path, plain, cells, said):
    found = cleaned(tmp_path, "signs", spelled(cells))
    assert np.array_equal(found.mask, plain)
    assert any(said in note for note in found.read)


@pytest.mark.parametrize("odd", ["n.d.", "-", "#DIV/0!"])
def test_a_word_among_numbers_loses_no_column(tmp_path, plain, odd):
    rows = spelled(str)
    rows[1] = ",".join([odd, *rows[1].split(",")[1:]])
    found = cleaned(tmp_path, "odd", rows)
    assert not found.mask[BAD].any()
    assert "taken as missing: 'a' (1 cell" in found.lines()[0]


def test_a_limit_is_the_number_that_it_names(tmp_path):
    found = cleaned(tmp_path, "limit", spelled(lambda v: "<2000" if v < 2000 else str(v)))
    assert not found.mask[BAD].any()
    assert found.lines()[0].startswith("Limits were read as the number that they name: 'a'")


def test_a_line_that_names_the_delimiter_is_obeyed_and_kept(tmp_path, plain):
    found = cleaned(tmp_path, "sep", ["sep=;", *spelled(str, ";")])
    assert np.array_equal(found.mask, plain)
    found.write(tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().startswith("sep=;\na;b;y\n")
