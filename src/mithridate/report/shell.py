"""What every page has around its content: style, figures, and the policy that nothing else runs."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from .style import Figure


def render(template: str, figures: Mapping[str, Figure], **content: Any) -> str:
    """A page that needs no network; all text in `content` is escaped, whatever it holds."""
    plotly, script = Markup(get_plotlyjs()), Markup(_asset("page.js"))
    page = _template(template).render(
        policy=_policy(plotly, script),
        style=Markup(_asset("page.css")),
        plotly=plotly,
        script=script,
        figures=Markup(_json(figures)),
        **content,
    )
    # A lone surrogate in the data could not be written as UTF-8.
    return page.encode("utf-8", "replace").decode("utf-8")


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


def _policy(*scripts: str) -> str:
    """A content security policy under which only these scripts run and nothing is loaded."""
    hashes = (hashlib.sha256(script.encode("utf-8")).digest() for script in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(h).decode('ascii')}'" for h in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _json(value: Any) -> str:
    """JSON that may stand in a script element: nothing in it can end the element."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text  # json.dumps writes U+2028 and U+2029 escaped already
