"""What the results say of the classes that made them: their names in prose, and what they do."""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from .. import schema
from . import text
from .series import NONE, ORACLE, Series

REFERENCE = {NONE: "undefended", ORACLE: "oracle"}  # what is no class
DROPS = "drops"  # what a defense does to rows that it suspects, unless it says otherwise


class Labels:
    """The classes of a table of results; one that the table does not speak of has its key.

    `classes` holds by kind and key what `schema.CLASSES` in the facts of a run says.

    >>> known = Labels({"defense": {"trim": {"label": "TRIM"}}, "attack": {"flip": {}}})
    >>> known.defense("trim"), known.defense("none"), known.defense("MyOwn"), known.attack("flip")
    ('TRIM', 'undefended', 'MyOwn', 'flip')
    """

    def __init__(self, classes: Any = None):
        self._classes = classes if isinstance(classes, Mapping) else {}

    @classmethod
    def of(cls, results: pa.Table) -> "Labels":
        """What the metadata of a table say; nothing where they say nothing that can be read."""
        return cls(schema.about(results).get(schema.CLASSES))

    def defense(self, key: str) -> str:
        """The name of a defense as it is written in prose."""
        return REFERENCE.get(key) or self._label("defense", key)

    def heading(self, key: str) -> str:
        """The name of a defense at the head of a figure."""
        return "Oracle" if key == ORACLE else self.defense(key)

    def treatment(self, key: str) -> str:
        """What a defense does to rows that it suspects, as a verb.

        >>> known = Labels({"defense": {"huber": {"treatment": "gives less weight to"}}})
        >>> known.treatment("huber"), known.treatment("trim")
        ('gives less weight to', 'drops')
        """
        return text.cut(self._of("defense", key).get("treatment") or DROPS)

    def entry(self, key: str, options: str) -> str:
        """A defense with its options, as it is named in a table.

        >>> Labels({"defense": {"bayesclean": {"label": "BayesClean"}}}).entry(
        ...     "bayesclean", '{"c2": 1.5}'
        ... )
        'BayesClean (c2 1.5)'
        >>> Labels().entry("outliers", '{"detector": "sklearn.neighbors.LocalOutlierFactor"}')
        'outliers (LocalOutlierFactor)'
        """
        parts = options_of(options)
        return f"{self.defense(key)} ({', '.join(parts)})" if parts else self.defense(key)

    def attack(self, key: str) -> str:
        """The name of an attack; empty where its alpha says enough."""
        return self._label("attack", key)

    def control(self, key: str) -> bool:
        """Whether an attack optimizes nothing and is there to compare with."""
        return self._of("attack", key).get("control") is True

    def series(self, key: str, alpha: float | None) -> Series:
        """An attack at one alpha, as it is drawn and named."""
        return Series(key, alpha, self.attack(key), self.control(key))

    def risk(self, key: str) -> str:
        """The name of a risk."""
        return self._label("risk", key)

    def model(self, victim: str, options: str, judge: str, several: bool = True) -> str:
        """A model as it is named in a heading, with its options where there are `several`.

        >>> known = Labels({"victim": {"mlp": {"label": "deep network"}}})
        >>> known.model("mlp", '{"steps": 9}', "mlp"), known.model("mine", "{}", "other")
        ('deep network (mlp, steps 9)', 'mine, judged by other')
        """
        name = self._label("victim", victim)
        parts = [text.cut(victim, 40)] + (options_of(options) if several else [])
        if name != parts[0]:
            parts = [f"{name} ({', '.join(parts)})"]
        label = ", ".join(parts)
        return label if judge == victim else f"{label}, judged by {text.cut(judge, 40)}"

    def _of(self, kind: str, key: str) -> Mapping[str, Any]:
        known = self._classes.get(kind)
        entry = known.get(key) if isinstance(known, Mapping) else None
        return entry if isinstance(entry, Mapping) else {}

    def _label(self, kind: str, key: str) -> str:
        label = self._of(kind, key).get("label")
        return text.cut(label if isinstance(label, str) else key, 60)


def options_of(options: str) -> list[str]:
    """Options as short words; a class is known by its name alone."""
    try:
        given = json.loads(options or "{}")
    except ValueError:
        return [text.cut(options, 40)]
    if not isinstance(given, dict):
        return [text.cut(options, 40)]
    return [
        text.cut(v.rsplit(".", 1)[-1], 40)
        if isinstance(v, str) and "." in v
        else text.cut(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}", 40)
        for k, v in given.items()
    ]
