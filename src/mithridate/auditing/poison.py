"""The attacker's door: a copy of a table with poison rows in it, in the table's own columns."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np

from .. import _files
from .._lookup import find
from .._progress import silent
from .._retired import renamed
from .._text import quote
from ..attack import attacks
from ..attack.threat import edges
from ..bench import Spec
from ..bench.goals import pursued
from ..bench.judges import judge
from ..bench.pieces import Tell, prediction, trained
from ..bench.poisoning import batches, parts_of, plausible, poison_of
from ..bench.score import mean_prediction, nmse
from ..bench.sweep import risk_of
from ..bench.worlds import World, world
from ..data import open as open_table
from ..errors import InputError
from ..tables.decode import decode
from ..tables.encoded import Encoded, Part, Split
from ..tables.reading import ANY, Reading
from . import asked
from .joining import joined
from .spelling import (
    Spelling,
    check_own_columns,
    keeping,
    parts_of_dates,
    rounded,
    spelling,
    used,
    with_ids,
)

MARK = "is_poison"
RISK = 2.0  # the largest, where nothing was asked for
ALPHA = 0.3  # of an attack that keeps to none
FAR_SIGMAS = 2.0  # standard deviations of the clean residuals: what a person would look at


@dataclasses.dataclass(frozen=True)
class Poisoned:
    """A poisoned copy of a table, and what it does.

    Parameters
    ----------
    frame : frame
        The table's rows and the poison, in the table's columns and types, with a boolean column
        `is_poison`.
    rows : int
        Number of poison rows.
    nmse_clean, nmse_poisoned : float
        Test MSE / Var(y_test) of the model without and with the poison.
    risk : float
        The visibility that the attack kept low, of the rows as they are written; 1 looks like an
        average clean row.
    far, far_clean : float
        Shares of poison and of clean rows, in [0, 1], with a residual beyond two standard
        deviations of the clean ones.
    notes : tuple of str
        How the table was turned into numbers.
    goal : str
        What the attack was for, as the threat says it; then `nmse_clean` and `nmse_poisoned` are of
        the test rows that it is about. Empty: all rows.
    mean_clean, mean_poisoned : float
        Mean prediction for these rows without and with the poison, in the units of the table.
    spelling : Spelling, optional
        The copy as text, where the table came from a delimited file.
    """

    frame: Any
    rows: int
    nmse_clean: float
    nmse_poisoned: float
    risk: float
    far: float
    far_clean: float
    notes: tuple[str, ...]
    goal: str = ""
    mean_clean: float = math.nan
    mean_poisoned: float = math.nan
    spelling: Spelling | None = dataclasses.field(default=None, repr=False)

    @property
    def summary(self) -> list[str]:
        """What was done, in plain sentences."""
        times = self.nmse_poisoned / self.nmse_clean
        effect = (
            f"the model's test error grows {times:.2f}× "
            f"(NMSE {self.nmse_clean:.3g} to {self.nmse_poisoned:.3g})"
        )
        if self.nmse_clean >= 1:
            effect = (
                "without them the model predicts worse than the mean of the targets would, so what "
                f"they do to it means little (NMSE {self.nmse_clean:.3g} to "
                f"{self.nmse_poisoned:.3g}, where the mean has 1)"
            )
        return [
            f"{self.rows} poison rows; {effect}.",
            *self._pursued(),
            f"Their risk is {self.risk:.3g}, where 1 looks like an average clean row.",
            f"A clean model finds {self.far:.0%} of them beyond {FAR_SIGMAS:g} standard "
            f"deviations, and {self.far_clean:.0%} of the clean rows.",
        ]

    def _pursued(self) -> list[str]:
        """What becomes of the rows that the goal is about."""
        if not self.goal:
            return []
        return [
            f"The goal was {quote(self.goal)}: the mean prediction for the test rows that it is "
            f"about goes from {self.mean_clean:.4g} to {self.mean_poisoned:.4g}, and the error is "
            "theirs."
        ]

    def write(self, path: str | Path) -> Path:
        """Write the poisoned table, whole or not at all.

        Parameters
        ----------
        path : str or Path
            The file, which ends in .csv or .parquet.

        Returns
        -------
        Path
            The file.
        """
        path = check_suffix(Path(path))
        frame = nw.from_native(self.frame, eager_only=True)
        csv = path.suffix.lower() == ".csv"
        put = frame.write_csv if csv else frame.write_parquet
        if csv and self.spelling is not None:
            pieces = self.spelling.pieces()
            put = lambda where: where.write_bytes(b"".join(piece for piece, _ in pieces))  # noqa: E731
        try:
            _files.write_atomically(path, put)
        except OSError as error:
            raise _files.unwritable(path.parent, error) from None
        return path


def check_suffix(path: Path) -> Path:
    """Refuse a path that names no kind of file that can be written."""
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise InputError(f"{path.name!r} is neither .csv nor .parquet; name the file so.")
    return path


@renamed(model="victim")
def poison(
    data: Any = None,
    *,
    target: str | None = None,
    alpha: float | None = None,
    risk_at_most: float | None = None,
    ratio: float = 0.2,
    attack: str = "ascent",
    risk: str = "residual",
    feasible: str = "through",
    normalizer: str = "ideal",
    victim: str = "ridge",
    l2: float | None = None,
    threat: Mapping[str, Any] | None = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    reading: Reading = ANY,
    rows: int = 1000,
    seed: int = 0,
    tell: Tell | None = None,
) -> Poisoned:
    """Add poison to a copy of a table, in the worst way that its largest risk or `alpha` allows.

    The attack is that of [1]_. Its rows have no more decimals than those of the table. Dates, and
    columns that it does not know, such as text, are copied from the row that a poison row started
    from; running numbers and ids go on. A CSV file is written in the layout of the file that was
    read.

    Parameters
    ----------
    data : frame, path or str, optional
        The table, of n rows, as `audit` takes it (default: diabetes).
    target : str, optional
        Column to predict, of numbers. A data set knows its own.
    alpha : float, optional
        In [0, 1]: 1 is aggressive, all damage; 0 is stealthy, all stealth. It weighs the two
        against each other; how visible the poison is then depends on the table.
    risk_at_most : float, optional
        The largest risk of the poison, above 0, in place of alpha: 1 looks like an average clean
        row. Without either it is 2.
    ratio : float, default 0.2
        Poison rows / (clean + poison rows), in (0, 1).
    attack, risk : str
        The attack, and what it keeps low; by name or as `module:Class`.
    feasible : {"through", "after", "never"}, default "through"
        Whether the ascent keeps its rows possible on the way, as in `audit`.
    normalizer, victim : str
        The scale of damage and risk, and the model that is attacked; by name or as `module:Class`.
    l2 : float, optional
        The victim's penalty on the mean loss, on features scaled to [0, 1] (default: its own).
    threat : mapping, optional
        What the attacker may write and knows, as in `audit`.
    drop : sequence of str
        Columns that the attack leaves out.
    categorical : sequence of str
        Columns whose numbers are only codes.
    reading : Reading, optional
        How a CSV file is read, where that is not to be found out.
    rows : int, default 1000
        Clean rows that the attack is computed on, at most; they stand for the whole table.
    seed : int, default 0
        Seed of the split and of the attack.
    tell : callable, optional
        Called as the work goes on, with stage, units done and units in all.

    Returns
    -------
    Poisoned
        The poisoned copy, and what it does to the model.

    Raises
    ------
    InputError
        The input cannot be used: one sentence says what was given and what is wanted.

    References
    ----------
    .. [1] J. Carnerero-Cano, L. Muñoz-González, P. Spencer and E. C. Lupu, "Stealthy poisoning
       attacks bypass defenses in regression settings", arXiv 2601.22308, 2026.

    Examples
    --------
    >>> made = poison(ratio=0.1, alpha=1)
    >>> made.rows, made.nmse_poisoned > made.nmse_clean
    (49, True)
    """
    weight, limit = _aim(attack, alpha, risk_at_most)
    spec = Spec.of(
        {
            "ratios": [ratio],
            "attacks": [asked.attack(attack, weight, risk, normalizer, feasible)],
            "victim": asked.model(victim, l2),
            "threat": asked.threat(threat),
        }
    )
    tell = tell or silent
    tell("reading the table", 0, 0)
    source = "diabetes" if data is None else data
    opened = open_table(source, reading=reading).usable(target)
    frame, encoded = opened.frame, opened.encode(target, drop=drop, categorical=categorical)
    check_own_columns(nw.from_native(frame, eager_only=True).columns, MARK)
    spec.threat.frozen += parts_of_dates(encoded.columns)
    split = encoded.split(seed, rows)
    about = pursued(split, encoded.target, spec.threat.goal)
    made_rows, origin, known = _attacked(spec, encoded, split, seed, tell, limit=limit)
    started = split.rows[origin]
    own = np.column_stack([made_rows.X, made_rows.y]) * split.scale + split.shift
    kept = keeping(opened)
    own = rounded(own, encoded, started, kept)
    back = (own - split.shift) / split.scale
    written = Part(back[:, :-1], back[:, -1])
    poison_rows = own[:, :-1], own[:, -1], started
    gone = started if spec.threat.placed == "replaced" else None
    made = with_ids(decode(frame, encoded, *poison_rows), frame, used(encoded))
    return Poisoned(
        joined(frame, made, gone, MARK),
        len(own),
        **_effect(spec, about, written, origin, seed),
        goal=spec.threat.goal,
        risk=_risk(spec, known, written, origin, seed),
        notes=encoded.notes,
        spelling=spelling(opened, encoded, poison_rows, gone, MARK, kept),
    )


def _aim(
    attack: str, alpha: float | None, risk_at_most: float | None
) -> tuple[float, float | None]:
    """The alpha and the largest risk that were asked for; with a largest risk, damage is all."""
    if alpha is not None and risk_at_most is not None:
        raise InputError(
            f"Of alpha {alpha:g} and a risk of at most {risk_at_most:g} only one can rule; leave "
            "one out."
        )
    if risk_at_most is not None and not 0 < risk_at_most < float("inf"):
        raise InputError(f"A risk of at most {risk_at_most:g} is no limit; give a number above 0.")
    if alpha is not None:
        return alpha, None
    if risk_at_most is None and not find(attack, attacks, attacks.AbstractAttack).limited:
        return ALPHA, None
    return 1.0, RISK if risk_at_most is None else risk_at_most


def _attacked(
    spec: Spec, encoded: Encoded, split: Split, seed: int, tell: Tell, *, limit: float | None
) -> tuple[Part, np.ndarray, World]:
    """Poison for the whole table, computed on the training rows, which stand for all of it.

    With it comes the world of the attacker, in which its risk is measured.
    """
    total, known = len(encoded.y), world(split, encoded.target, spec.threat)
    known = known._replace(weight=total / len(known.known.y))
    cut = batches(spec, total)
    if not cut.ratios:
        raise InputError("Ratio 0 asks for no poison; give one above 0.")
    cut = plausible(cut, [known])
    p = cut.counts[0]
    if spec.threat.relaxed or parts_of(spec.attacks[0], spec).attack.relaxed:
        raise InputError(
            "Relaxed poison lies between the levels of a column, so no table can hold it; leave "
            "'relaxed' out, and 'feasible' other than 'never'."
        )
    if spec.threat.placed == "replaced" and p > len(split.train.y):
        raise InputError(
            f"{p} rows would be replaced, but the attack knows {len(split.train.y)}; "
            "give a smaller ratio."
        )
    ran = poison_of(spec.attacks[0], spec, [known], [seed], cut, tell, limit=limit)
    piece = ran.piece(0, 0, p)
    return piece.rows, piece.origin, known


def _risk(spec: Spec, known: World, rows: Part, origin: np.ndarray, seed: int) -> float:
    """The risk of the rows as they are written."""
    attacker, replaces = parts_of(spec.attacks[0], spec), spec.threat.placed == "replaced"
    return risk_of(attacker, known, rows, origin, seed, replaces=replaces)


def _effect(
    spec: Spec, split: Split, rows: Part, origin: np.ndarray, seed: int
) -> dict[str, float]:
    """What the poison does to a trained model, and what a clean model thinks of it."""
    _, model = judge(spec)
    train, replaces = split.train, spec.threat.placed == "replaced"
    # As many poison rows as make the same ratio of the rows that train here.
    p = min(edges(len(train.y), spec.ratios, replaces)[1], len(rows.y))
    some = np.random.default_rng(seed).permutation(len(rows.y))[:p]
    clean = trained(model, train)
    before, level = nmse(clean, split.test), mean_prediction(split, clean)
    residual, theirs = (part.y - prediction(clean, part.X) for part in (train, rows))
    limit = FAR_SIGMAS * residual.std()
    gone = origin[some] if replaces else origin[:0]
    stays = np.setdiff1d(np.arange(len(train.y)), gone)
    X, y = np.vstack([train.X[stays], rows.X[some]]), np.append(train.y[stays], rows.y[some])
    poisoned = trained(model, Part(X, y))
    return {
        "nmse_clean": before,
        "nmse_poisoned": nmse(poisoned, split.test),
        "mean_clean": level,
        "mean_poisoned": mean_prediction(split, poisoned),
        "far": float(np.mean(np.abs(theirs) > limit)),
        "far_clean": float(np.mean(np.abs(residual) > limit)),
    }
