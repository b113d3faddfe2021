"""The page on a cleaned table: what it shows, and that nothing of the data can run in it."""

import json
import re

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_diabetes

import mithridate
from mithridate import report
from mithridate.errors import InputError

from .report.test_report_browser import CHROMIUM, visit
from .report.test_report_page import Page
from .test_audit import call

BAD = np.arange(3, 400, 16)  # 25 rows
EVIL = [
    "<img src=x onerror=\"document.documentElement.dataset.pwned='img'\">",
    "</script><script>document.documentElement.dataset.pwned='end'</script>",
    '<a href="javascript:alert(1)">x</a>',
    "{{ 7*7 }}{% raw %}",
    "=cmd|' /C calc'!A0",
    "%{x}<b>bold</b>&lt;i&gt;",
    "long " * 400,
    "名前\u202e\u0007",
]
TARGET = "<svg onload=\"document.documentElement.dataset.pwned='target'\">"


@pytest.fixture(scope="module")
def frame():
    """Diabetes with 25 gross errors, and hostile text wherever there can be text."""
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    rng = np.random.default_rng(0)
    out = X.rename(columns=dict(zip(X.columns, EVIL, strict=False)))
    out = out.assign(source=rng.choice(EVIL, 442), kind=rng.choice(EVIL[:3], 442))
    out[TARGET] = y
    out.loc[BAD, [TARGET, "source"]] = [900.0, EVIL[1]]
    out.iloc[BAD[:2], 0] = 110.0  # so that the name of this column is among the reasons
    return out.rename(columns={"source": "source" + EVIL[0]})


@pytest.fixture(scope="module")
def found(frame):
    return mithridate.clean(frame, target=TARGET, groups="source" + EVIL[0], defense="antidote")


@pytest.fixture(scope="module")
def path(found, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    found.write_html(path)
    return path


@pytest.fixture(scope="module")
def page(path):
    return Page(path.read_text(encoding="utf-8"))


def plain(text):
    return re.sub(r"\s+", " ", text).strip()


def test_it_says_what_was_found(found, page):
    for line in found.summary:
        assert plain(line)[:400] in page.text
    for note in found.notes:
        assert plain(note)[:400] in page.text
    worst = found.quarantined.sort_values("mithridate_score", ascending=False)
    shown = re.findall(r'<tr><th scope="row">([\d,]+)</th><td class="score">', page.source)
    assert [int(row.replace(",", "")) for row in shown] == worst.mithridate_row.tolist()
    for reason in worst.mithridate_reason:
        assert plain(reason) in page.text
    assert any("onerror" in reason for reason in worst.mithridate_reason)
    group = found.groups.iloc[0]
    assert f"{group.rows} {group.rejected} {group.share:.0%} yes" in page.text


def test_the_figures_hold_every_row(found, page):
    figures = page.figures()
    assert list(figures) == ["scores", "fit"]
    for figure in figures.values():
        go.Figure(figure)
    kept, rejected = figures["scores"]["data"]
    assert (sum(kept["y"]), sum(rejected["y"])) == (found.mask.sum(), (~found.mask).sum())
    cut = found.defense.threshold_
    ends = [
        (np.array(bars["x"]) + sign * np.array(bars["width"]) / 2)[np.array(bars["y"]) > 0]
        for bars, sign in ((kept, 1), (rejected, -1))
    ]
    # No bar holds both, and the line stands between them.
    assert ends[0].max() <= cut * (1 + 1e-9)
    assert ends[1].min() >= cut * (1 - 1e-9)
    assert figures["scores"]["layout"]["shapes"][0]["x0"] == cut
    dots = figures["fit"]["data"]
    assert [len(d["x"]) for d in dots] == [found.mask.sum(), (~found.mask).sum()]
    assert dots[1]["y"].count(900.0) == len(BAD)


def test_nothing_of_the_data_can_run(page):
    policy = [m for m in page.tags("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy[0]["content"].startswith("default-src 'none'; script-src 'sha256-")
    kinds = [("text/plain", name) for name in ("figures", "template", "library")]
    kinds += [(None, None)]
    assert [(a.get("type"), a.get("id")) for a, _ in page.scripts] == kinds
    assert not set("<>&\u2028\u2029") & set(page.scripts[0][1])
    assert not page.tags("img", "a", "b><b", "iframe", "object", "embed", "link", "form", "base")
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert not {"src", "href", "action", "srcset"} & set(attributes), tag
    outside = re.sub(r"<(script|style)\b.*?</\1>", "", page.source, flags=re.S)
    assert "pwned='" not in outside
    assert 'javascript:alert(1)">' not in outside
    assert "{{ 7*7 }}" in page.text
    assert "\u202e" not in page.source
    assert "&lt;svg onload" in json.dumps(page.figures()["fit"]["layout"])


@pytest.mark.skipif(CHROMIUM is None, reason="no browser found")
def test_a_browser_draws_it_and_asks_for_nothing(path, tmp_path):
    seen, requests, console = visit(path, tmp_path)
    assert seen.root["data-drawn"] == "2"
    assert (requests, console) == ([], "")
    assert "data-pwned" not in seen.root
    assert not {"img", "a", "iframe", "object"} & set(seen.tags)


def test_the_same_table_gives_the_same_page(frame, path, tmp_path):
    again = mithridate.clean(frame, target=TARGET, groups="source" + EVIL[0], defense="antidote")
    again.write_html(tmp_path / "new" / "page.html")
    assert (tmp_path / "new" / "page.html").read_bytes() == path.read_bytes()


def test_the_page_lies_beside_the_rows(frame, tmp_path):
    frame.to_csv(tmp_path / "in.csv", index=False)
    given = ["--target", TARGET, "--groups", "source" + EVIL[0], "-o", tmp_path / "o" / "good.csv"]
    given += ["--defense", "antidote"]
    code, out, err = call("clean", tmp_path / "in.csv", *given, "--report")
    assert (code, "Traceback" in err) == (0, False)
    names = ["good.csv", "good.quarantine.csv", "good.report.html"]
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == names
    lines = out.splitlines()
    assert len(lines) <= 10
    assert any(line.startswith("Defused") for line in lines)
    assert lines[-1].endswith("; report: " + str(tmp_path / "o" / "good.report.html"))
    code, out, _ = call("clean", tmp_path / "in.csv", *given)
    assert out.splitlines()[-1].endswith("good.report.html is of an earlier run")


def test_all_files_are_written_or_none(found, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", fail)
    with pytest.raises(InputError, match="no space left"):
        found.write(tmp_path / "out.parquet", html=True)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "page.html").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        found.write_html(tmp_path / "page.html")


def test_a_page_where_nothing_was_found(tmp_path):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(5000, 3))
    table = pd.DataFrame(X, columns=list("abc")).assign(y=X.sum(1) + rng.normal(size=5000))
    found = mithridate.clean(table, target="y", defense="antidote")
    found.write_html(tmp_path / "page.html")
    page = Page((tmp_path / "page.html").read_text())
    assert "Nothing found" in page.text
    assert "No row was rejected." in page.text
    assert "rejected rows" not in [tag.get("data-series") for tag in page.tags("button")]
    figures = page.figures()
    assert len(figures["scores"]["data"]) == len(figures["fit"]["data"]) == 1
    assert len(figures["fit"]["data"][0]["x"]) == 1500
    # The threshold is beyond all scores, and still drawn.
    at = figures["scores"]["layout"]["shapes"][0]["x0"]
    assert at == found.defense.threshold_ == figures["scores"]["layout"]["xaxis"]["range"][1]


def cleaning(scores, kept, threshold, target=None, **more):
    n = len(scores)
    target = np.arange(n, dtype=float) if target is None else np.asarray(target, dtype=float)
    points = report.Points(np.arange(n) + 1, target, np.arange(n) + 0.5, scores, kept)
    names = {"name": "t", "target": "y", "defense": "D", "sentences": ["Found."], "notes": []}
    return report.Cleaning(
        **names,
        rows=n,
        rejected=int((~kept).sum()),
        scores=report.Histogram.of(scores, kept, threshold),
        threshold=threshold,
        points=points,
        **more,
    )


ODD = {
    "no threshold": (np.linspace(0, 1, 50), np.nan),
    "infinite threshold": (np.linspace(0, 1, 50), np.inf),
    "threshold below all": (np.linspace(1, 2, 50), 0.5),
    "equal scores": (np.ones(50), 1.0),
    "scores that are not finite": (np.array([np.nan, np.inf, -np.inf, *range(47)]), 40.0),
    "no finite score": (np.full(50, np.inf), 1.0),
    "one score far off": (np.array([*range(49), 1e15]), 40.0),
    "threshold far off": (np.linspace(0, 1, 50), 1e12),
    "negative scores": (-np.linspace(1, 2, 50), -1.2),
    "tiny threshold": (np.linspace(0, 1, 50), 1e-9),
    "minute scores": (np.linspace(0, 1e-200, 50), 5e-201),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_scores_are_drawn(name):
    scores, threshold = ODD[name]
    kept = ~(scores > threshold)
    kept[:2] = True
    page = Page(report.cleaning_html(cleaning(scores, kept, threshold)))
    figures = page.figures()
    for figure in figures.values():
        go.Figure(figure)
    drawn = sum(sum(bars["y"]) for bars in figures.get("scores", {"data": []})["data"])
    assert drawn == np.isfinite(scores).sum()
    assert all(len(bars["y"]) <= 100 for bars in figures.get("scores", {"data": []})["data"])
    assert "nan" not in re.findall(r"\w+", page.text)


def test_a_score_at_the_threshold_is_in_the_bar_below_it():
    scores = np.repeat(np.arange(11.0), 5)
    page = Page(report.cleaning_html(cleaning(scores, scores <= 6, 6.0)))
    kept, rejected = page.figures()["scores"]["data"]
    at = np.array(kept["x"]) > 6
    assert np.array(kept["y"])[at].sum() == 0
    assert np.array(rejected["y"])[~at].sum() == 0


def test_a_point_far_away_does_not_shrink_the_others():
    target = np.arange(50.0)
    target[7] = 1e9
    kept = np.arange(50) != 7
    page = Page(report.cleaning_html(cleaning(np.arange(50.0), kept, 60.0, target)))
    fit = page.figures()["fit"]
    low, high = fit["layout"]["yaxis"]["range"]
    assert high - low < 500
    far = fit["data"][1]
    assert low < far["y"][0] < high
    assert far["marker"]["symbol"] == ["diamond-open"]
    assert "target 1,000,000,000" in far["hovertext"][0]


def test_long_lists_are_cut_short():
    n = 600
    groups = [report.GroupLine(f"g{i}", 10, 5, False) for i in range(70)]
    suspects = [report.Suspect(i + 1, 1.0, 2.0, "g", "why") for i in range(50)]
    kept = np.arange(n) >= 80
    more = {"column": "g", "groups": groups, "suspects": suspects}
    page = Page(report.cleaning_html(cleaning(np.ones(n), kept, 0.5, **more)))
    assert "20 more groups" in page.text
    assert "30 more were rejected" in page.text


@pytest.mark.parametrize(
    ("name", "target", "drop"),
    [
        ("boston", "medv", ""),
        ("heart", "num", ""),
        ("loan", "int_rate", "grade,sub_grade"),
        ("appliances_energy", "Appliances", ""),
        ("house_manipml", "SalePrice", ""),
    ],
)
def test_real_files(name, target, drop, shared, tmp_path):
    lines = (shared / "data" / f"{name}.csv").read_text().splitlines(keepends=True)[:801]
    (tmp_path / "in.csv").write_text("".join(lines))
    out = tmp_path / "out.csv"
    given = ["--target", target, "--drop", drop, "-o", out, "--defense", "antidote", "--report"]
    code, said, err = call("clean", tmp_path / "in.csv", *given)
    assert (code, "Traceback" in err) == (0, False)
    assert len(said.splitlines()) <= 10
    assert "Antidote rejected" in said
    with out.open() as file:
        kept = sum(1 for _ in file)
    assert kept > 0.85 * len(lines)
    page = Page((tmp_path / "out.report.html").read_text(encoding="utf-8"))
    assert sum(sum(bars["y"]) for bars in page.figures()["scores"]["data"]) == len(lines) - 1
