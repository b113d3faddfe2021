"""The page of a report, taken apart; and tables that hold nothing."""

import base64
import gzip
import json
import re
from html.parser import HTMLParser
from typing import Any

from mithridate.schema import Moved, PlottedRow, to_table


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


def empty():
    return to_table([], PlottedRow), to_table([], Moved)
