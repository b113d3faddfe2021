"""The claims of the paper, experiment by experiment, held against a table of results."""

from collections.abc import Iterator

from ...report.frame import MODEL, Frame, models
from .attack import ATTACK, CROSSING, NORMALIZERS
from .claims import Chapter, Statement, judged
from .defense import DEFENSES, PREDICTIVE, QUESTIONS, SENSITIVITY, SHORT
from .readings import NETWORK, OURS, OWN, PAPER, READINGS, AttackReading, attacker

BOTH = ATTACK + DEFENSES + CROSSING  # what is judged under every reading of the attack

# The attack of the experiments that run one alone: ours.
PLAIN = {**attacker(), "normalizer": "incremental", "risk_name": "residual"}

Plan = tuple[str, str, Frame, list[Statement]]  # experiment, title, rows, what is judged


def chapters(results: Frame) -> list[Chapter]:
    """All claims, experiment by experiment; those that were not run say so."""
    result = []
    for experiment, title, rows, statements in (*_readings(results), *_others(results)):
        names = models(rows) or {None: ""}
        for model, name in names.items():
            own_rows = rows if model is None else rows.where(**dict(zip(MODEL, model, strict=True)))
            head = title if len(names) == 1 else f"{title}: {name}"
            claims = [judged(s, experiment, own_rows) for s in statements]
            result.append(Chapter(head, experiment, claims, own_rows))
    return result


def _readings(results: Frame) -> Iterator[Plan]:
    """Both models under the paper's attack and ours, and the other readings that were run."""
    for reading in READINGS:
        statements = BOTH + (QUESTIONS if reading == OURS else [])
        yield from _plan("Linear regression", reading, results, statements)
    for reading in NETWORK:
        yield from _plan("Deep network", reading, results, ATTACK + SHORT + CROSSING)


def _plan(
    model: str, reading: AttackReading, results: Frame, statements: list[Statement]
) -> Iterator[Plan]:
    rows = reading.of(results)
    if len(rows) or reading.whose in (PAPER, OWN):
        yield reading.experiment, f"{model}, {_title(reading)}", rows, statements


def _title(reading: AttackReading) -> str:
    known = {PAPER: "the paper's attack", OWN: "our attack"}
    described = f"{reading.whose}: rows made possible {reading.when}, risk {reading.risk}"
    described += f", scaled by {reading.scaled}"
    return known.get(reading.whose, described)


def _others(results: Frame) -> Iterator[Plan]:
    sets = [
        ("sensitivity", "The constant of BayesClean", PLAIN, SENSITIVITY),
        (
            "normalizers",
            "Normalizers over a wider range of ratios",
            {**attacker(), "risk_name": "residual"},
            NORMALIZERS,
        ),
    ]
    for experiment, title, setting, statements in sets:
        yield experiment, title, results.where(experiment=experiment, **setting), statements
    aimed = results.where(experiment="predictive", **attacker())
    if len(aimed):
        beside = results.where(experiment=["ridge", "predictive"], **attacker())
        aimed = beside.where(normalizer="incremental")
    title = "Poison trained against the predictive variance"
    yield "predictive", title, aimed, PREDICTIVE
