"""The page as text: complete, small, offline, and written whole or not at all."""

import base64
import gzip
import hashlib
import json
import re
import statistics
from importlib import resources

import plotly.graph_objects as go
import pyarrow.parquet as pq
import pytest
import typer

from mithridate.cli import report as report_command
from mithridate.report import html, write_html
from mithridate.schema import Moved, PlottedRow, Row, to_table

from . import said
from .page import Page

MOST_BYTES = 1_000_000


@pytest.fixture(scope="module")
def source(tables) -> str:
    return html(*tables)


@pytest.fixture(scope="module")
def page(source) -> Page:
    return Page(source)


def test_is_small_enough_to_mail(source):
    assert len(source.encode("utf-8")) < MOST_BYTES


def test_same_tables_same_page(source, tables):
    assert html(*tables) == source


def test_loads_nothing(page):
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "img", "form"), tag
        assert not {"src", "href", "action", "srcset", "background"} & set(attributes), attributes
    style = re.search(r"<style>(.*?)</style>", page.source, re.S)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_runs_only_the_scripts_it_names(page):
    policy = next(
        m["content"] for m in page.tags("meta") if m.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    rules = {part.split()[0]: part.split()[1:] for part in policy.split(";")}
    assert rules["default-src"] == ["'none'"]
    assert rules["base-uri"] == rules["form-action"] == ["'none'"]
    assert rules["img-src"] == ["data:", "blob:"]
    run = [page.unpacked("library")]
    run += [text.encode("utf-8") for a, text in page.scripts if "type" not in a]
    digests = [hashlib.sha256(text).digest() for text in run]
    assert rules["script-src"] == [f"'sha256-{base64.b64encode(d).decode()}'" for d in digests]
    assert len(run) == 2
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]


def test_the_drawing_library_is_the_one_that_is_said_to_be_there(page):
    folder = resources.files("mithridate.report").joinpath("vendored")
    library = gzip.decompress(folder.joinpath("plotly-basic.min.js.gz").read_bytes())
    told = folder.joinpath("README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(library).hexdigest() in told
    version = re.search(rb"plotly.js \(basic - minified\) v([\d.]+)", library)
    assert version is not None and f"plotly.js-basic-dist-min` {version[1].decode()} " in told
    assert "Permission is hereby granted" in page.source


def test_figures_use_only_what_the_library_draws(page):
    traces = {trace["type"] for figure in page.figures().values() for trace in figure["data"]}
    assert traces <= {"scatter", "bar"}


def test_every_figure_has_a_place_and_is_valid_plotly(page):
    figures = page.figures()
    places = [a["data-figure"] for a in page.tags("div") if "data-figure" in a]
    assert sorted(places) == sorted(figures)
    assert len(places) == 14
    for figure in figures.values():
        go.Figure(figure)


def test_what_figures_share_is_in_the_page_once(page):
    shared, figures = json.loads(page.unpacked("template")), page.figures()
    figure = go.Figure(figures["damage-0"])
    figure.update_layout(template=shared)  # a property that plotly does not have is refused
    assert figure.layout.template.layout.xaxis.automargin is True
    common = set(shared["layout"]) - {"xaxis", "yaxis"}
    assert not [name for name, one in figures.items() if common & set(one["layout"])]


def test_figure_data_cannot_end_their_script(page):
    for name in ("figures", "library"):
        text = next(text for a, text in page.scripts if a.get("id") == name)
        assert re.fullmatch(r"[A-Za-z0-9+/]+=*", text)


def test_hostile_column_names_reach_plotly_as_text(page, synthetic):
    figures = page.figures()
    shown = [*figures["moved-0"]["layout"]["yaxis"]["ticktext"]]
    shown += figures["moved-1"]["layout"]["yaxis"]["ticktext"]
    assert '&lt;img src=x onerror="doc…' in shown
    assert not [text for text in shown if "<" in text]
    tips = [
        t
        for f in ("moved-0", "moved-1")
        for d in figures[f]["data"]
        for t in d.get("hovertext", [])
    ]
    for name in synthetic.hostile:
        full = [re.sub(r"<br>|\s", "", t) for t in tips]
        escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        assert [t for t in full if re.sub(r"\s", "", escaped) in t], name


def test_says_what_it_must(page, tables):
    for words in (
        "With 10 % stealthy poison",
        "NISTAML.013",
        "AML.T0020",
        "AML.M0007",
        "A lower bound.",
        "TRIM was told the true poison ratio",
        "medv",
        "506 rows",
        "5 missing values in `age`",
        "mithridate audit boston.csv",
        'use = "Ascent"',
        "scikit-learn 1.7.2",
        "It took 47 s.",
        "white-box",
        "BayesClean 33 % ✕ −0.08",
    ):
        assert words in page.text, words


def test_harm_is_told_without_color(page, tables):
    cells: dict[tuple, list[float]] = {}
    for row in tables.results.to_pylist():
        if row["ratio"] and row["defense"] != "none":
            key = tuple(row[name] for name in ("attack", "alpha", "ratio", "defense"))
            cells.setdefault(key, []).append(row["gain"])
    harmful = [
        mean
        for gains in cells.values()
        if (mean := sum(gains) / len(gains)) < -0.005
        and -mean >= 2 * statistics.stdev(gains) / len(gains) ** 0.5
    ]
    assert len(harmful) > 3
    table = "".join(re.findall(r'<table class="gain">.*?</table>', page.source, re.S))
    assert table.count('class="cell harmful"') == len(harmful)
    assert table.count('<span class="cross">✕</span>') == len(harmful)
    for gain in harmful:
        assert f"</span> −{abs(gain):.2f}" in table


def test_captions_are_one_sentence(source):
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", source, re.S)
    assert len(captions) == 9
    for caption in captions:
        assert caption.rstrip().endswith(".")
        assert not re.search(r"\. [A-Z]", caption), caption


def test_writes_all_or_nothing(tmp_path, tables, source, monkeypatch):
    path = tmp_path / "report.html"
    write_html(path, *tables)
    assert path.read_text(encoding="utf-8") == source
    monkeypatch.setattr("mithridate.report.audit.page.html", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_html(path, *tables)
    assert path.read_text(encoding="utf-8") == source
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_the_first_table_is_damage_by_largest_risk():
    rows = [
        said.row(attack="ascent", alpha=1.0, nmse_poisoned=0.8, risk=9.0),
        said.row(attack="ascent", alpha=0.3, nmse_poisoned=0.4, risk=1.8),
    ]
    page = html(to_table(rows, Row), to_table([], PlottedRow), to_table([], Moved))
    table = page[page.index("Most damage found") :].partition("</table>")[0]
    cells = re.findall(r"<bdi>(.*?)</bdi></th><td>(.*?)</td>", table)
    assert [(name, value.replace("\u202f", "")) for name, value in cells] == [
        ("risk ≤ 1", "none found"),
        ("risk ≤ 2", "2.0×"),
        ("risk ≤ 5", "2.0×"),
        ("any risk", "4.0×"),
    ]


def test_an_audit_of_an_older_version_is_refused_in_a_sentence(tables, tmp_path, capsys):
    for table, name in zip(tables, report_command.AUDIT, strict=False):
        pq.write_table(table, tmp_path / name)
    first = next(iter(tables))
    older = first.drop_columns("nmse_bound").replace_schema_metadata(first.schema.metadata)
    pq.write_table(older, tmp_path / "results.parquet")
    with pytest.raises(typer.Exit):
        report_command.report(tmp_path, as_json=False, quiet=True)
    said = capsys.readouterr().err
    assert "is of another version of mithridate: it has no column 'nmse_bound'" in said
