"""The claims of the paper, experiment by experiment, held against a table of results."""

from ...report.frame import MODEL, Frame, models
from .attack import ATTACK, CROSSING, NORMALIZERS
from .claims import Chapter, judged
from .defense import DEFENSES, PREDICTIVE, QUESTIONS, SENSITIVITY, SHORT

# The attack of the shipped study `paper`, as its rows are keyed.
PAPER = {
    "attack": "ascent", "attack_options": '{"rate": 0.1, "starts": ["clones"]}', "against": None,
    "writes": "both", "frozen": "[]", "box": "{}", "budget": None, "surrogate": None,
    "placed": "added", "relaxed": False,
}  # fmt: skip
PLAIN = {**PAPER, "normalizer": "incremental", "risk_name": "residual"}


def chapters(results: Frame) -> list[Chapter]:
    """All claims, experiment by experiment; those that were not run say so."""
    wide = {**PAPER, "risk_name": "residual"}
    sets = [
        ("ridge", "Linear regression", PLAIN, ATTACK + DEFENSES + QUESTIONS + CROSSING),
        ("network", "Deep network", PLAIN, ATTACK + SHORT + CROSSING),
        ("sensitivity", "The constant of BayesClean", PLAIN, SENSITIVITY),
        ("normalizers", "Normalizers over a wider range of ratios", wide, NORMALIZERS),
        ("predictive", "Poison trained against the predictive variance", PAPER, PREDICTIVE),
    ]
    found = []
    for experiment, title, setting, statements in sets:
        rows = results.where(experiment=experiment, **setting)
        if experiment == "predictive" and len(rows):
            beside = results.where(experiment=["ridge", "predictive"], **PAPER)
            rows = beside.where(normalizer="incremental")
        called = models(rows) or {None: ""}
        for one, name in called.items():
            mine = rows if one is None else rows.where(**dict(zip(MODEL, one, strict=True)))
            head = title if len(called) == 1 else f"{title}: {name}"
            claims = [judged(s, experiment, mine) for s in statements]
            found.append(Chapter(head, experiment, claims, mine))
    return found
