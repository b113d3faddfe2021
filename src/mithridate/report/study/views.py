"""A study cut into views: what was crossed in it, one experiment, model and threat at a time."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from .. import text
from ..frame import MODEL, SETTING, Cube, Frame, models
from ..labels import Labels, options_of
from ..series import NONE, ORACLE, Series, in_order

LINE = ("attack", "attack_options", "against", "risk_name", "normalizer")
PLACE = tuple(name for name in SETTING if name not in LINE)


class View(NamedTuple):
    """Rows of one experiment, model and threat; the column `line` names their attacks."""

    title: str
    model: str
    rows: Frame
    series: list[Series]

    @property
    def ratios(self) -> list[float]:
        return self.rows.poisoned.distinct("ratio")

    @property
    def normalizers(self) -> list[str]:
        return self.rows.poisoned.distinct("normalizer")

    @property
    def entries(self) -> list[tuple[str, str]]:
        """Defenses with their options, by falling mean gain."""
        pairs = self.rows.poisoned.distinct("defense", "defense_options")

        def rank(pair: tuple[str, str]) -> float:
            own = self.rows.poisoned.where(defense=pair[0], defense_options=pair[1])
            known = np.array(own.worked.table["gain"].to_pylist(), dtype=float)
            return -float(np.nanmean(known)) if np.isfinite(known).any() else np.inf

        return sorted((p for p in pairs if p[0] not in (NONE, ORACLE)), key=rank)

    def gains(self) -> Iterator[tuple[tuple[str, str], Cube]]:
        """The gain of each entry by `line`, alpha and ratio; an entry without any is left out."""
        for pair in self.entries:
            own = self.rows.poisoned.where(defense=pair[0], defense_options=pair[1])
            cube = own.cube(("gain",), "line", "alpha", "ratio")
            if not cube.empty:
                yield pair, cube

    def lines(self, cube: Cube) -> list[tuple[Series, int, int]]:
        """The series of a cube over `line` and `alpha`, with their places on both axes."""
        drawn = []
        for series in self.series:
            if series.attack in cube.along["line"] and series.alpha in cube.along["alpha"]:
                at = cube.along["line"].index(series.attack)
                drawn.append((series, at, cube.along["alpha"].index(series.alpha)))
        return drawn


def at_alpha(alpha: float | None) -> Series:
    """The series that stands for all attacks of one alpha."""
    return Series("", alpha)


def views(results: Frame) -> list[View]:
    """All views with poison, those with most rows first."""
    poisoned = results.poisoned
    places = poisoned.distinct(*PLACE) if len(poisoned) else []
    varied = [n for i, n in enumerate(PLACE) if len({place[i] for place in places}) > 1]
    called = models(results)
    made = []
    for place in places:
        keys = dict(zip(PLACE, place, strict=True))
        named = called[keys["victim"], keys["victim_options"], keys["judge"]]
        made.append(_view(results.where(**keys), keys, named, varied))
    return sorted(made, key=lambda view: -len(view.rows))


def _view(rows: Frame, keys: dict[str, Any], named: str, varied: list[str]) -> View:
    parts = [named]
    if keys["experiment"] not in ("", "main"):
        parts.insert(0, text.cut(keys["experiment"], 40))
    threat = [name for name in varied if name not in ("experiment", *MODEL)]
    parts += [f"{name} {text.cut(keys[name], 30)}" for name in threat if keys[name] is not None]
    names = _names(rows.poisoned)
    columns = [rows.table[name].to_pylist() for name in LINE]
    series = [names.get(key, Series(NONE, None)) for key in zip(*columns, strict=True)]
    line = [one.attack for one in series]
    marked = rows.with_column("line", line, pa.string())
    drawn = dict(zip(line, series, strict=True))
    labeled = [
        drawn[name]._replace(alpha=a) for name, a in marked.poisoned.distinct("line", "alpha")
    ]
    title = ": ".join(filter(None, [parts[0], ", ".join(parts[1:])]))
    return View(title, named, marked, in_order(labeled))


def _names(rows: Frame) -> dict[tuple, Series]:
    """Each attack named by its own name, and by what tells it from the others of that name."""
    keys = rows.distinct(*LINE)
    series: dict[tuple, Series] = {}
    for key in keys:
        alike = [k for k in keys if k[0] == key[0]]
        parts = [
            _part(name, key[i], rows.labels)
            for i, name in enumerate(LINE)
            if i and len({k[i] for k in alike}) > 1
        ]
        parts = [t for t in parts if t]
        attack = key[0] or NONE
        name = rows.labels.attack(attack)
        label = " ".join([name, *parts]) if name else ", ".join(parts)
        control = rows.labels.control(attack) and not parts
        series[key] = Series(" ".join([attack, *parts]), None, label, control)
    return series


def _part(name: str, value: Any, labels: Labels) -> str:
    if value is None:
        return ""
    if name == "attack_options":
        return ", ".join(options_of(value))
    if name == "against":
        return f"made for {labels.defense(value)}"
    return f"risk {labels.risk(value)}" if name == "risk_name" else str(value)
