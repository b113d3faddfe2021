"""The page as text: complete, small, offline, and safe against hostile names."""

import base64
import dataclasses
import gzip
import hashlib
import json
import re
import statistics
import subprocess
import sys
from html.parser import HTMLParser
from importlib import resources
from typing import Any

import plotly.graph_objects as go
import pyarrow.parquet as pq
import pytest
import typer

from mithridate.cli import report as report_command
from mithridate.report import html, write_html
from mithridate.schema import Look, Moved, Row, to_table

from . import said

MOST_BYTES = 1_000_000


class Page(HTMLParser):
    """What matters of a page: its elements, its scripts, its text without scripts and style."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.source = text
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(text)
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag if tag in ("script", "style") else ""
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        elif not self._inside:
            self.words.append(data)

    def figures(self) -> dict[str, Any]:
        return json.loads(self.unpacked("figures"))

    def unpacked(self, name: str) -> bytes:
        packed = next(text for a, text in self.scripts if a.get("id") == name)
        return gzip.decompress(base64.b64decode(packed, validate=True))

    def tags(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in names]


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


def test_hostile_values_everywhere_are_escaped(synthetic):
    bad = '<img src=x onerror="alert(1)">{{ 7*7 }}</script>\u202e\x00'
    about: dict[str, Any] = dict.fromkeys(synthetic.about, bad)
    for key, value in (("notes", [bad]), ("threat", {bad: bad}), ("versions", {bad: [bad]})):
        about[key] = value

    def spoil(found: Row) -> Row:
        names = {"dataset": bad, "victim": bad, "message": bad}
        attack = bad if found.attack == "flip" else found.attack
        defense = bad if found.defense == "huber" else found.defense
        status = "failed" if found.defense == "trim" and found.seed else "ok"
        return dataclasses.replace(found, **names, attack=attack, defense=defense, status=status)

    looks = to_table(
        [Look(attack=bad, alpha=0.3, ratio=0.2, residual=1.0, axis_1=0, axis_2=0, target=1)], Look
    )
    moved = to_table([Moved(attack=bad, alpha=None, ratio=0.2, name=bad, moved=1, kind=bad)], Moved)
    page = Page(html(synthetic.results(change=spoil, about=about), looks, moved))
    assert not page.tags("img", "a")
    assert "{{ 7*7 }}" in page.text
    assert "\u202e" not in page.text
    for figure in page.figures().values():
        assert "<img" not in json.dumps(figure)
    assert len([1 for attributes, _ in page.scripts if "type" not in attributes]) == 1


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


def test_every_series_looks_different(synthetic):
    alphas = [round(0.1 * i, 1) for i in range(11)]
    found = Page(html(synthetic.results(alphas=alphas, ratios=(0.1,), seeds=1), *empty()))
    lines = [d for d in found.figures()["damage-0"]["data"] if d["mode"] == "lines+markers"]
    looks = {(d["line"]["color"], d["line"]["dash"], d["marker"]["symbol"]) for d in lines}
    assert len(looks) == len(lines) == 13


def empty():
    return to_table([], Look), to_table([], Moved)


LESS = {
    "one seed": {"seeds": 1},
    "one ratio": {"ratios": (0.2,)},
    "one alpha": {"alphas": (0.3,)},
    "no controls": {"controls": ()},
    "no unpoisoned data": {"clean": False},
    "only controls": {"alphas": ()},
    "only unpoisoned data": {"alphas": (), "controls": ()},
    "no defense": {"defenses": ("none",)},
    "no undefended row": {"defenses": ("trim",)},
    "nothing known of the run": {"about": {}},
}


@pytest.mark.parametrize("less", LESS.values(), ids=LESS.keys())
def test_works_when_things_are_missing(less, synthetic):
    page = Page(html(synthetic.results(**less), *empty()))
    figures = page.figures()
    assert len([a for a in page.tags("div") if "data-figure" in a]) == len(figures)
    for figure in figures.values():
        go.Figure(figure)
    assert "None" not in page.text
    assert "nan" not in re.findall(r"\w+", page.text)


@pytest.mark.parametrize(
    ("clean", "poisoned", "kind", "stands"),
    [(0.01, 10.0, "log", -2.0), (0.2, 0.4, "linear", 0.2)],
    ids=["powers of ten", "plain"],
)
def test_the_note_on_no_poison_stands_at_its_error(clean, poisoned, kind, stands):
    # Plotly wants the exponent of ten for a note on a logarithmic axis.
    rows = [
        said.row(seed=seed, ratio=ratio, nmse_clean=clean, nmse_poisoned=poisoned)
        for seed in range(2)
        for ratio in (0.1, 0.2)
    ]
    drawn = Page(html(to_table(rows, Row), *empty())).figures()["damage-0"]["layout"]
    assert drawn["yaxis"].get("type", "linear") == kind
    notes = {note["text"]: note["y"] for note in drawn["annotations"]}
    assert notes["no poison"] == pytest.approx(stands)


def test_works_with_nothing():
    page = Page(html(to_table([], Row), *empty()))
    assert page.figures() == {}
    assert "The table holds no results." in page.text


CHANGES = {
    "a defense that always fails": lambda r: (
        dataclasses.replace(r, status="failed", message="singular", gain=None, nmse_defended=None)
        if r.defense == "huber"
        else r
    ),
    "an oracle that gains nothing": lambda r: dataclasses.replace(
        r, gain_oracle=-0.1, recovered=None
    ),
    "figures that are not finite": lambda r: dataclasses.replace(
        r, nmse_poisoned=float("inf"), risk=float("nan"), gain=float("nan"), kept=None
    ),
    "every figure null": lambda r: Row(
        **{f.name: getattr(r, f.name) for f in dataclasses.fields(Row) if f.metadata["key"]}
    ),
    "no error without poison": lambda r: dataclasses.replace(r, nmse_clean=0.0),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_works_when_figures_are_odd(change, synthetic):
    page = Page(html(synthetic.results(change=change), *empty()))
    for figure in page.figures().values():
        go.Figure(figure)
    assert "nan" not in re.findall(r"\w+", page.text)


def test_failed_cells_are_listed_with_their_message(synthetic):
    page = Page(html(synthetic.results(change=CHANGES["a defense that always fails"]), *empty()))
    assert "Failed cells, left out of every figure" in page.text
    assert "Huber 147 singular ascent alpha 1, 5 % (seeds 0, 1 and 2);" in page.text
    assert "and 45 more" in page.text


def test_many_messages_are_cut_short(synthetic):
    def warn(found: Row) -> Row:
        return dataclasses.replace(
            found, message="x" * (1 + round(100 * found.ratio)) + found.attack
        )

    page = Page(html(synthetic.results(change=warn), *empty()))
    assert "Warnings" in page.text
    assert re.search(r"And \d+ other messages", page.text)


def test_messages_that_differ_in_numbers_share_a_row(synthetic):
    def warn(found: Row) -> Row:
        text = f"no end after {found.ratio} of 100 steps" if found.defense == "trim" else None
        return dataclasses.replace(found, message=text)

    page = Page(html(synthetic.results(change=warn), *empty()))
    assert "TRIM 147 no end after … of 100 steps" in page.text


def test_harm_that_may_be_chance_is_marked_apart(synthetic):
    def vary(found: Row) -> Row:
        return dataclasses.replace(found, gain=(-0.4, 0.1, 0.1)[found.seed], auc=0.2)

    page = Page(html(synthetic.results(change=vary), *empty()))
    assert "cell doubtful" in page.source
    assert 'class="cell harmful"' not in page.source
    assert "~ −0.07" in page.text
    assert "· 0.80 ↺" in page.text
    panel = page.figures()["visible-1"]["data"][0]
    assert panel["x"][0] == pytest.approx(0.8)
    assert panel["marker"]["symbol"][0].endswith("-open")
    assert "looks too normal" in panel["hovertext"][0]


def test_the_oracle_is_never_marked_harmful(synthetic):
    def lose(found: Row) -> Row:
        return dataclasses.replace(found, gain=-0.2)

    page = Page(html(synthetic.results(change=lose, defenses=("none", "oracle")), *empty()))
    assert 'class="cell harmful"' not in page.source
    assert "controls included" in page.text


@pytest.mark.parametrize("value", [None, 7, "text", ["a", 1], {"a": {"b": 2}}, "\ud800"])
def test_facts_of_any_shape(value, synthetic):
    about = dict.fromkeys(synthetic.about, value)
    html(synthetic.results(seeds=1, ratios=(0.1,), about=about), *empty()).encode("utf-8")


def test_several_datasets_are_pointed_out(synthetic):
    def split(found: Row) -> Row:
        return dataclasses.replace(found, dataset=f"set {found.seed}")

    page = Page(html(synthetic.results(change=split), *empty()))
    assert "mixes 3 tables" in page.text


def test_looks_with_gaps(synthetic):
    rows = [
        Look(attack=None, residual=0.1, axis_1=0.0, axis_2=0.0, target=1.0),
        Look(
            attack="ascent",
            alpha=0.3,
            ratio=0.1,
            residual=float("nan"),
            axis_1=float("inf"),
            axis_2=0,
            target=1,
        ),
        Look(attack="ascent", alpha=0.3, ratio=0.4, residual=2.0, axis_1=1.0, axis_2=1.0, target=1),
        Look(attack="flip", alpha=None, ratio=0.1, residual=3.0, axis_1=1.0, axis_2=1.0, target=1),
    ]
    page = Page(html(synthetic.results(seeds=1), to_table(rows, Look), to_table([], Moved)))
    for figure in page.figures().values():
        go.Figure(figure)


def test_writes_all_or_nothing(tmp_path, tables, source, monkeypatch):
    path = tmp_path / "report.html"
    write_html(path, *tables)
    assert path.read_text(encoding="utf-8") == source
    monkeypatch.setattr("mithridate.report.audit.page.html", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_html(path, *tables)
    assert path.read_text(encoding="utf-8") == source
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_needs_neither_jax_nor_scikit_learn():
    code = "import mithridate.report, sys; print(*{'jax', 'sklearn', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_first_table_is_damage_by_largest_risk():
    rows = [
        said.row(attack="ascent", alpha=1.0, nmse_poisoned=0.8, risk=9.0),
        said.row(attack="ascent", alpha=0.3, nmse_poisoned=0.4, risk=1.8),
    ]
    page = html(to_table(rows, Row), to_table([], Look), to_table([], Moved))
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
