"""The labels of the classes of a run, so that reports need not import them."""

from collections.abc import Iterable
from types import ModuleType
from typing import Any

from .. import defenses
from .._lookup import find
from ..attack import attacks, risks, victims
from .portfolio import PORTFOLIO
from .spec import Spec

KINDS: dict[str, tuple[ModuleType, type]] = {
    "defense": (defenses, defenses.BaseDefense),
    "attack": (attacks, attacks.AbstractAttack),
    "victim": (victims, victims.AbstractVictim),
    "risk": (risks, risks.AbstractRisk),
}
# Further class attributes that reports need.
_OTHER_ATTRIBUTES = {"defense": ("treatment",), "attack": ("control",)}


def classes_of(specs: Iterable[Spec]) -> dict[str, dict[str, dict[str, Any]]]:
    """What each class that the specs name is called, and what it does, by kind and name.

    A class without a `label` of its own keeps the name by which a spec asks for it; one from
    elsewhere, `module:Class`, the name of the class.

    >>> known = classes_of([Spec.parse('attacks = ["flip"]\\ndefenses = ["huber"]')])
    >>> known["attack"], known["defense"]["huber"]["label"]
    ({'flip': {'label': 'flip', 'control': True}}, 'Huber')
    """
    classes: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in KINDS}
    for spec in specs:
        for kind, name in _named(spec):
            if name not in classes[kind]:
                classes[kind][name] = _described(kind, name)
    return classes


def _named(spec: Spec) -> Iterable[tuple[str, str]]:
    yield "victim", spec.victim.use
    for attack in spec.attacks:
        yield from (("attack", attack.use), ("risk", attack.risk))
        if attack.against is not None:
            yield "defense", attack.against
    yield from (("defense", defense.use) for defense in spec.defenses)


def _described(kind: str, name: str) -> dict[str, Any]:
    if (kind, name) == ("attack", PORTFOLIO):
        return {"label": "", "control": False}  # alpha says enough, as of the ascent
    cls = find(name, *KINDS[kind])
    own = vars(cls).get("label")  # a subclass is another defense than the one it extends
    label = name.rpartition(":")[2] if own is None else own
    return {
        "label": label,
        **{attribute: getattr(cls, attribute) for attribute in _OTHER_ATTRIBUTES.get(kind, ())},
    }
