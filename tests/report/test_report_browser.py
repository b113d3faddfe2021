"""The page as a browser sees it: figures draw, hostile names stay text, nothing is requested."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mithridate.report import write_html

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    # The browser's own calls home must not leave the machine that runs the tests either.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--window-size=1200,900",
    "--virtual-time-budget=20000",
]
FIGURES = 14

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=f"none of {', '.join(NAMES)} found")


class Seen(HTMLParser):
    """The drawn page: attributes of the root, elements, and the text inside of svg."""

    def __init__(self, dom: str):
        super().__init__(convert_charrefs=True)
        self.root: dict[str, str | None] = {}
        self.tags: list[str] = []
        self.drawn: list[str] = []
        self._depth = 0
        # The scripts hold no elements, and plotly's is long.
        self.feed(re.sub(r"<script.*?</script>", "", dom, flags=re.S))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._depth += tag == "svg"
        if tag == "html":
            self.root = dict(attrs)

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag == "svg"

    def handle_data(self, data: str) -> None:
        if self._depth:
            self.drawn.append(data)


class Visit(NamedTuple):
    """What the browser found, and which addresses the page asked for."""

    seen: Seen
    requests: list[str]
    console: str


def visit(page: Path, folder: Path) -> Visit:
    """Opens a file in a fresh headless browser."""
    log = folder / "net.json"
    assert CHROMIUM is not None
    done = subprocess.run(
        [
            CHROMIUM,
            *FLAGS,
            f"--user-data-dir={folder / 'profile'}",
            f"--log-net-log={log}",
            "--enable-logging=stderr",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    console = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return Visit(Seen(done.stdout), requests(json.loads(log.read_text())), console)


def requests(log: dict[str, Any]) -> list[str]:
    """Addresses asked for by a page; the browser's own requests have no origin as initiator."""
    start = log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    begun = [
        e["params"] for e in log["events"] if e["type"] == start and "url" in e.get("params", {})
    ]
    own = ("file:", "data:", "blob:")
    return [
        p["url"]
        for p in begun
        if p.get("initiator") != "not an origin" and not p["url"].startswith(own)
    ]


@pytest.fixture(scope="module")
def page(tmp_path_factory, tables) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_html(path, *tables)
    return path


@pytest.fixture(scope="module")
def visited(page, tmp_path_factory) -> Visit:
    return visit(page, tmp_path_factory.mktemp("browser"))


def test_every_figure_draws(visited):
    assert visited.seen.root["data-drawn"] == str(FIGURES)
    assert visited.seen.tags.count("svg") >= FIGURES


def test_the_policy_stops_nothing_that_the_page_needs(visited):
    assert visited.console == ""


def test_nothing_is_requested(visited):
    assert visited.requests == []


def test_hostile_names_stay_text(visited):
    drawn = visited.seen.drawn
    assert '<img src=x onerror="doc…' in drawn
    assert '<a href="javascript:ale…' in drawn
    assert "%{x}<b>bold</b>&lt;i&gt;" in drawn
    assert "</script><script>docume…" in drawn
    assert "data-pwned" not in visited.seen.root
    assert not {"img", "a", "iframe", "object"} & set(visited.seen.tags)


@pytest.fixture(scope="module")
def unguarded(page, tmp_path_factory) -> Visit:
    """The page without its policy, every tooltip of the moved columns shown, then a key pressed."""
    text = page.read_text(encoding="utf-8")
    text, removed = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    assert removed == 1
    hover = """<script>
    new MutationObserver(function (_, observer) {
      observer.disconnect();
      var shown = document.body.appendChild(document.createElement("svg"));
      var wait = 0;
      document.querySelectorAll("[data-figure^=moved]").forEach(function (place) {
        place.data[1].x.forEach(function (_, i) {
          // Plotly takes no more than one hover in 50 ms.
          setTimeout(function () {
            Plotly.Fx.hover(place, [{ curveNumber: 1, pointNumber: i }]);
            shown.appendChild(place.querySelector(".hoverlayer").cloneNode(true));
          }, (wait += 100));
        });
      });
      setTimeout(function () {
        document.querySelector(".key button").click();
        var hidden = 0;
        document.querySelectorAll("[data-figure]").forEach(function (place) {
          place.data.forEach(function (trace) { hidden += trace.visible === false; });
        });
        document.documentElement.dataset.hidden = hidden;
      }, wait + 200);
    }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-drawn"] });
    </script>"""
    folder = tmp_path_factory.mktemp("unguarded")
    path = folder / "page.html"
    path.write_text(
        text.replace('<script type="text/plain" id', hover + '<script type="text/plain" id', 1)
    )
    return visit(path, folder)


def test_the_policy_is_only_a_second_line(unguarded):
    """Without it nothing is requested and nothing hostile runs all the same."""
    assert unguarded.seen.root["data-drawn"] == str(FIGURES)
    assert unguarded.requests == []
    assert "data-pwned" not in unguarded.seen.root
    assert not {"img", "a", "iframe", "object"} & set(unguarded.seen.tags)


def test_tooltips_show_hostile_names_in_full(unguarded, synthetic):
    shown = re.sub(r"\s", "", "".join(unguarded.seen.drawn))
    for name in synthetic.hostile:
        assert re.sub(r"\s", "", name) in shown


def test_a_key_hides_its_series_in_every_figure(unguarded):
    # Band and line of the damage, two of visibility, two a defense, three of the residuals, and
    # one for each kind of column that moved.
    assert unguarded.seen.root["data-hidden"] == str(2 + 2 + 2 * 4 + 3 + 2)


def test_requests_would_be_noticed(tmp_path):
    """The check itself: a page that loads an image is caught."""
    path = tmp_path / "page.html"
    path.write_text('<img src="http://example.invalid/spy.png">')
    assert visit(path, tmp_path).requests == ["http://example.invalid/spy.png"]
