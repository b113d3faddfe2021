"""The frame of every page: style, figures, and a policy under which no other script runs."""

import base64
import functools
import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

from .style import TEMPLATE, Figure


class Library(NamedTuple):
    """The drawing library as a page holds it: packed, with its licence, and what it unpacks to."""

    packed: str
    licence: str
    digest: str


def render(template: str, figures: Mapping[str, Figure], **content: Any) -> str:
    """A page that needs no network; all text in `content` is escaped, whatever it holds."""
    library, script = _library(), _asset("page.js")
    page = _template(template).render(
        policy=_policy(library.digest, _digest(script.encode("utf-8"))),
        style=Markup(_asset("page.css")),
        licence=Markup(library.licence),
        library=Markup(library.packed),
        script=Markup(script),
        figures=Markup(_packed(figures)),
        template=Markup(_packed(TEMPLATE)),
        **content,
    )
    # A lone surrogate in the data could not be written as UTF-8.
    return page.encode("utf-8", "replace").decode("utf-8")


@functools.cache
def _library() -> Library:
    """The part of plotly.js that draws lines, points and bars; see `vendored/README.md`."""
    folder = resources.files("mithridate.report").joinpath("vendored")
    packed = folder.joinpath("plotly-basic.min.js.gz").read_bytes()
    licence = folder.joinpath("LICENSE").read_text(encoding="utf-8")
    text = base64.b64encode(packed).decode("ascii")
    return Library(text, licence, _digest(gzip.decompress(packed)))


def _asset(name: str) -> str:
    return resources.files("mithridate.report").joinpath(name).read_text(encoding="utf-8")


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(_asset),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["spaced"] = _spaced
    return environment.get_template(name)


def _spaced(text: str) -> str:
    """Keeps a percent sign, a sigma, and the word alpha, on the line of the number."""
    text = re.sub(r"(\d) ([%σ])", "\\1\u00a0\\2", text)
    return re.sub(r"\balpha (\d)", "alpha\u00a0\\1", text)


def _digest(script: bytes) -> str:
    return base64.b64encode(hashlib.sha256(script).digest()).decode("ascii")


def _policy(*digests: str) -> str:
    """A content security policy under which only these scripts run and nothing is loaded."""
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _packed(value: Any) -> str:
    """JSON, packed: a tenth as long, and of letters that cannot end a script element."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode("ascii"), mtime=0)).decode("ascii")
