"""What the metadata of the results say on the run, whatever shape they turn out to have."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ... import schema
from .. import text
from .cells import AuditResults

MOST_NOTES = 60


@dataclasses.dataclass(frozen=True)
class Facts:
    """The run in words, ready to be printed; anything unknown is empty."""

    dataset: str
    target: str
    started: str
    seconds: str
    rows: str
    sizes: str
    victim: str
    command: str
    spec: str
    notes: list[str]
    diagnosis: list[str]
    threat: list[tuple[str, str]]
    versions: list[tuple[str, str]]
    mixed: list[str]


def facts(audit: AuditResults) -> Facts:
    """Facts on the run from the metadata and the key columns; hostile values become plain text."""
    about = schema.about(audit.table)
    datasets, victims = _distinct(audit, "dataset"), _distinct(audit, "victim")
    return Facts(
        dataset=text.cut(about.get("dataset") or text.listing(datasets) or "a table", 80),
        target=text.cut(about.get("target") or "", 80),
        started=text.cut(about.get("started") or "", 40)[:10],
        seconds=_duration(about.get("seconds")),
        rows=_integer(about.get("rows")),
        sizes=_sizes(audit),
        victim=text.cut(text.listing(victims), 80),
        command=text.visible(about.get("command") or ""),
        spec=text.visible(about.get("spec") or ""),
        notes=[text.cut(note, 600) for note in _list(about.get("notes"))[:MOST_NOTES]],
        diagnosis=[text.cut(sign, 600) for sign in _list(about.get("diagnosis"))[:MOST_NOTES]],
        threat=_pairs(about.get("threat")),
        versions=_pairs(about.get("versions")),
        mixed=_mixed(audit),
    )


def _distinct(audit: AuditResults, name: str) -> list[str]:
    return list(dict.fromkeys(str(row[name]) for row in audit.rows if row.get(name) is not None))


def _mixed(audit: AuditResults) -> list[str]:
    """Keys that should have one value in the table of an audit, but have several."""
    names = {
        "dataset": "tables",
        "victim": "models",
        "risk_name": "risks",
        "normalizer": "normalizers",
    }
    counts = {words_: len(_distinct(audit, key)) for key, words_ in names.items()}
    return [f"{amount} {name}" for name, amount in counts.items() if amount > 1]


def _list(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [value]
    return list(value) if isinstance(value, Sequence) else []


def _pairs(value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, Mapping):
        return []
    return [(text.cut(k, 60), text.cut(_text(v), 600)) for k, v in value.items()]


def _text(value: Any) -> str:
    return text.listing([str(v) for v in value]) if isinstance(value, list) else str(value)


def _integer(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else ""


def _duration(value: Any) -> str:
    """Seconds as a person would say them."""
    if not isinstance(value, int | float) or not 0 <= value < 1e9:
        return ""
    if value < 100:
        return f"{value:.0f} s"
    minutes, seconds = divmod(round(value), 60)
    return f"{minutes} min {seconds} s"


def _sizes(audit: AuditResults) -> str:
    """Rows and features that were used; a range where seeds or tables differ."""
    parts = []
    for name, noun in (
        ("n_train", "training rows"),
        ("n_test", "test rows"),
        ("n_features", "features"),
    ):
        sizes = audit.distinct(name)
        if sizes:
            low, high = sizes[0], sizes[-1]
            parts.append(f"{low:,}{'' if low == high else f'–{high:,}'} {noun}")
    return ", ".join(parts)
