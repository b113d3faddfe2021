"""How the paper's attack may be read: what its text leaves open, each reading an experiment."""

import json
from typing import Any, NamedTuple

from ...report.frame import Frame

_CLONES = {"rate": 0.1, "starts": ["clones"]}


def attacker(feasible: str | None = None) -> dict[str, Any]:
    """The attack of the shipped study as its rows are keyed, `feasible` where it is not ours.

    >>> attacker()["attack_options"], attacker("after")["attack_options"]
    ('{"rate": 0.1, "starts": ["clones"]}', '{"feasible": "after", "rate": 0.1, "starts": ["clones"]}')
    """  # noqa: E501
    options = _CLONES if feasible is None else {**_CLONES, "feasible": feasible}
    return {
        "attack": "ascent",
        "attack_options": json.dumps(options, sort_keys=True),
        "against": None,
        "writes": "both",
        "frozen": "[]",
        "box": "{}",
        "budget": None,
        "surrogate": None,
        "placed": "added",
        "relaxed": False,
    }


class AttackReading(NamedTuple):
    """An attack that the paper's text allows, or ours, and the experiment that runs it.

    `feasible` and `risk` are options of the attack (`None`: its default), `when` says when its rows
    are made possible, `whose` whether it is the paper's as its text is read here, another reading
    of the text, ours, or one more that was tried; `scaled` whose ranges are stretched to [0, 1].
    """

    experiment: str
    feasible: str | None
    when: str
    risk: str
    whose: str
    scaled: str = "the table"

    @property
    def setting(self) -> dict[str, Any]:
        """What the rows of this reading have in their columns."""
        options = {"normalizer": "incremental", "risk_name": self.risk}
        return {"experiment": self.experiment, **attacker(self.feasible), **options}

    def of(self, results: Frame) -> Frame:
        """The rows of this reading."""
        return results.where(**self.setting)


PAPER, READ, OWN, TRIED = "the paper's", "another reading", "ours", "also tried"
_AFTER, _THROUGH = ("after", "after each batch"), (None, "on the way")

# The first is the nearest to the paper's text: its risk "is based on loss differences between
# poisoned and clean models". The other two leave one of the models out.
PAPERS = (
    AttackReading("after-difference", *_AFTER, "difference", PAPER),
    AttackReading("after-residual", *_AFTER, "residual", READ),
    AttackReading("after-gap", *_AFTER, "gap", READ),
)
OURS = AttackReading("ridge", *_THROUGH, "residual", OWN)
READINGS = (
    *PAPERS,
    OURS,
    AttackReading("training-after", *_AFTER, "difference", TRIED, "training rows"),
    AttackReading("training-ridge", *_THROUGH, "residual", TRIED, "training rows"),
    AttackReading("never-residual", "never", "never", "residual", TRIED),
)
NETWORK = (
    AttackReading("network-after", *_AFTER, "difference", PAPER),
    AttackReading("network", *_THROUGH, "residual", OWN),
)
