"""The pages of any study: complete, offline, safe, and drawn from the table alone."""

import dataclasses
import re
import subprocess
import sys
from typing import Any

import pytest

from mithridate.bench.harness import bench
from mithridate.bench.paper import study_pages
from mithridate.bench.study import Study
from mithridate.report import write_pages
from mithridate.schema import Row, to_table, write

from .page import Page
from .studies import cell, grown, poisoned, table

HOSTILE = "<script>document.title='x'</script>|`*[x](javascript:1)\n# y"
ONE: dict[str, Any] = {
    "dataset": "a",
    "victim": "ridge",
    "attack": "flip",
    "experiment": "main",
    "seed": 0,
}


@pytest.fixture(scope="module")
def full():
    """Two tables, five seeds, all of the paper's defenses, two normalizers."""
    rows = poisoned() + poisoned(experiment="normalizers", defenses=[], seeds=3)
    return rows + poisoned(experiment="normalizers", defenses=[], seeds=3, normalizer="raw")


@pytest.fixture(scope="module")
def page(full):
    return Page(study_pages(table(full))["report.html"])


def test_every_figure_has_its_place(page):
    places = [a["data-figure"] for _, a in page.elements if "data-figure" in a]
    assert sorted(places) == sorted(page.figures())
    kinds = {name.split("-")[0] for name in places}
    assert kinds == {"damage", "looks", "gain", "objectives"}
    assert sum(name.startswith("gain-") for name in places) == 6


def test_figures_show_the_means(page):
    figure = next(f for name, f in page.figures().items() if name.startswith("damage-"))
    line = next(t for t in figure["data"] if t["mode"] == "lines+markers")
    assert line["x"] == [0, 10, 20, 30, 40]
    wanted = [0.2, *(0.2 * grown("a", 1.0, r, 2) for r in (0.1, 0.2, 0.3, 0.4))]
    assert line["y"] == pytest.approx(wanted, rel=1e-3)


def test_the_page_says_what_was_found(page):
    assert "With 40 % poison (alpha 1) the test error of a linear regression" in page.text.replace(
        "\u00a0", " "
    )
    assert "No attack in the table was made for a defense" in page.text
    assert "claims on linear regression under our attack" in page.text


def test_the_page_loads_nothing(page):
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "img", "form"), tag
        assert not {"src", "href", "action", "srcset", "background"} & set(attributes), attributes


def test_the_board_is_there_once_for_each_order(page):
    orders = [a for a in page.tags("input") if a["type"] == "radio"]
    assert [a["class"] for a in orders] == [f"by{i}" for i in range(5)]
    bodies = [a["class"] for a in page.tags("tbody") if (a.get("class") or "").startswith("in")]
    assert bodies == [f"in{i}" for i in range(5)]


def test_same_table_same_pages(full):
    assert study_pages(table(full)) == study_pages(table(full))


def test_hostile_names_stay_text():
    broken = {"status": "failed", "message": HOSTILE, "gain": None, "nmse_defended": None}
    rows = []
    more: dict[str, Any]
    for more in ({"experiment": "ridge"}, {"attack": HOSTILE, "experiment": HOSTILE}):
        made = poisoned(tables=[HOSTILE], seeds=3, defenses=["trim", HOSTILE], **more)
        rows += [dataclasses.replace(r, **broken) if r.seed == 0 else r for r in made]
    rows += [cell(HOSTILE, 0.1, 2.0, **{**ONE, "ratio": 0.1, "victim": HOSTILE})]
    pages = study_pages(table(rows))
    assert set(pages) == {"report.html", "results.md", "leaderboard.md", "comparison.md"}
    seen = Page(pages["report.html"])
    assert [a.get("id") for a, _ in seen.scripts] == ["figures", "template", "library", None]
    assert not {"a", "img", "iframe"} & {tag for tag, _ in seen.elements}
    assert not any(a.startswith("on") for _, attributes in seen.elements for a in attributes)
    assert "document.title" in seen.text
    for name in ("results.md", "leaderboard.md", "comparison.md"):
        text = pages[name]
        assert "<script" not in text
        assert not re.search(r"(?<!\\)\]\(", text)
        lengths = {line.count(" | ") for line in text.splitlines() if line.startswith("| ")}
        assert "\n# y" not in text
        assert lengths


def test_tables_of_markdown_are_whole(full):
    for name, text in study_pages(table(full)).items():
        if not name.endswith(".md"):
            continue
        for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_no_results():
    pages = study_pages(to_table([], Row))
    assert list(pages) == ["report.html"]
    assert "The table holds no results." in Page(pages["report.html"]).text


def test_all_failed():
    row = Row(**ONE, judge="ridge", ratio=0.1, defense="none", status="failed", message="no luck")
    pages = study_pages(to_table([row], Row))
    assert list(pages) == ["report.html"]
    seen = Page(pages["report.html"])
    assert "All 1 cell failed" in seen.text
    assert "no luck" in seen.text
    assert seen.figures() == {}


def test_one_cell_draws_no_figure():
    rows = [cell(d, 0.1, 2.0, **{**ONE, "ratio": 0.1}) for d in ("none", "trim")]
    pages = study_pages(table(rows))
    assert list(pages) == ["report.html", "leaderboard.md", "comparison.md"]
    seen = Page(pages["report.html"])
    assert seen.figures() == {}
    assert "1 seed only: too few for intervals." in seen.text


def test_attacks_are_told_apart():
    rows = poisoned(experiment="main", seeds=3)
    rows += poisoned(experiment="main", seeds=3, against="trim")
    rows += poisoned(experiment="main", seeds=3, attack="flip", attack_options="{}", alphas=[None],
                     normalizer=None, risk_name=None, growth=lambda t, a, r, s: 1.5)  # fmt: skip
    text = Page(study_pages(table(rows))["report.html"]).text
    for name in ("alpha 0.3", "made for TRIM alpha 0.3", "flip (control)"):
        assert name in text.replace("\u00a0", " ")


def test_files_are_written_whole(tmp_path, full):
    paths, pages = write_pages(study_pages(table(full)), tmp_path), study_pages(table(full))
    assert [p.name for p in paths] == [
        "report.html",
        "results.md",
        "leaderboard.md",
        "comparison.md",
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in paths)
    for path in paths:
        assert path.read_text() == pages[path.name]


def test_a_real_study(tmp_path):
    study = Study.parse(
        """
        data = [{ source = "diabetes", rows = 80 }]
        seeds = 3
        ratios = [0.1, 0.2]
        batch = 0.1
        defenses = ["huber", "trim"]
        attacks = ["flip", "random"]
        """
    )
    ran = bench(study, tmp_path, jobs=1)
    paths = write_pages(study_pages(ran.table), tmp_path)
    assert [p.name for p in paths] == ["report.html", "leaderboard.md", "comparison.md"]
    seen = Page(paths[0].read_text())
    assert sum(name.startswith("gain-") for name in seen.figures()) == 2
    board = paths[1].read_text()
    assert "| †1 |" in board
    assert "3 seeds a table" in " ".join(board.split())


def test_drawing_the_pages_loads_no_jax(tmp_path):
    (tmp_path / "parts").mkdir()
    write(table(poisoned(seeds=1, alphas=(1.0,), ratios=(0.1,))), tmp_path / "parts/a.parquet")
    code = (
        "import atexit, sys; from mithridate.cli import main; "
        "atexit.register(lambda: print(sorted({'jax', 'equinox'} & set(sys.modules)))); main()"
    )
    call = [sys.executable, "-c", code, "report", str(tmp_path), "--quiet"]
    out = subprocess.run(call, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
    assert (tmp_path / "results.md").exists()
