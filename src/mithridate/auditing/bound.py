"""How bad it gets at least and at most: an attack and a bound for each share of poison."""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from .._retired import warn
from ..attack.threat import edges
from ..bench import Spec
from ..bench.goals import pursued
from ..bench.worlds import world, writable
from ..bounds import (
    Ball,
    HuberFits,
    HuberProof,
    Proof,
    Reached,
    Replacing,
    Setting,
    Swapped,
    Witness,
    Writable,
    moved,
    prove,
    proved,
    reached,
    safe_rows,
    search,
    swapped,
)
from ..data import open as open_table
from ..errors import InputError
from ..tables.encoded import Split
from ..tables.reading import ANY, Reading
from . import asked

L2 = 1e-3  # the default of the victim and of `defenses.Ridge`


@dataclasses.dataclass(frozen=True)
class Limit:
    """What poison of one ratio does at least and at most.

    Parameters
    ----------
    ratio : float
        Poison rows / (clean + poison rows), as asked for, or the share that is replaced.
    rows : int
        Number of poison rows.
    nmse_clean : float
        NMSE (mean squared error / variance of the judged targets) without poison.
    nmse_lower : float
        NMSE with the best poison found; `poison` holds its rows.
    nmse_upper : float
        NMSE that no poison of so many rows exceeds; `proof` proves it. Infinite where the
        table is too badly conditioned for a proof in floating point.
    poison : Reached or Swapped
        Poison rows, in scaled units, and which rows they replace.
    proof : Proof, Witness or HuberProof
        Numbers from which `Bound.check` computes `nmse_upper` again; a witness where rows are
        replaced.
    ends : str
        Why there is no upper end, where there is none.
    """

    ratio: float
    rows: int
    nmse_clean: float
    nmse_lower: float
    nmse_upper: float
    poison: Reached | Swapped = dataclasses.field(repr=False)
    proof: Proof | Witness | HuberProof = dataclasses.field(repr=False)
    ends: str = "No bound could be proved for this table."

    @property
    def found(self) -> Reached | Swapped:
        """The old name of `poison`."""
        warn("Limit.found", "Limit.poison")
        return self.poison

    @property
    def at_least(self) -> float:
        """The error with the best poison found, over the clean one."""
        return self.nmse_lower / self.nmse_clean

    @property
    def at_most(self) -> float:
        """The error that no poison exceeds, over the clean one."""
        return self.nmse_upper / self.nmse_clean

    @property
    def sentence(self) -> str:
        """The finding in plain words."""
        share, of = f"With {100 * self.ratio:.3g} %", f"({self.rows} rows)"
        share += " of the rows replaced" if isinstance(self.poison, Swapped) else " poison"
        what = f"{share} {of if self.rows != 1 else '(1 row)'} the error grows at least "
        if not np.isfinite(self.at_most):
            return f"{what}{_down(self.at_least)}×. {self.ends}"
        return f"{what}{_down(self.at_least)}× and at most {_up(self.at_most)}×."


@dataclasses.dataclass(frozen=True, eq=False)
class Bound:
    """The limits of a table for each ratio, and what else can be promised of its model.

    Parameters
    ----------
    limits : tuple of Limit
        One for each ratio, rising.
    setting : Setting
        Training and judged rows, in scaled units.
    writable : Writable
        What the attacker may write, in scaled units.
    split : Split
        The table as it was cut, with the scale of each column.
    judged : str
        The rows that the error is of: "test" or "validation".
    placed : str
        Where the poison stands: "added" to the clean rows, or "replaced" ones of them.
    delta : float, optional
        Of Huber regression, in scaled units; None for ridge.
    """

    limits: tuple[Limit, ...]
    setting: Setting = dataclasses.field(repr=False)
    writable: Writable = dataclasses.field(repr=False)
    split: Split = dataclasses.field(repr=False)
    judged: str = "test"
    placed: str = "added"
    delta: float | None = None

    @cached_property
    def headlines(self) -> list[str]:
        """The findings in plain sentences."""
        return [limit.sentence for limit in self.limits]

    def check(self, limit: Limit) -> float:
        """The upper NMSE of a limit, computed anew from its proof alone.

        Parameters
        ----------
        limit : Limit
            One of `limits`, or a limit with another proof.

        Returns
        -------
        float
            NMSE; infinite where the proof proves nothing.
        """
        if isinstance(limit.proof, HuberProof):
            error = self._huber(limit.rows).proved(limit.proof)
        elif isinstance(limit.proof, Witness):
            error = self._replacing(limit.rows).proved(limit.rows, limit.proof)
        else:
            error = proved(self.setting, self.writable, limit.rows, limit.proof)
        return error / float(np.var(self.setting.u))

    def safe_rows(self, times: float) -> int:
        """The most poison rows, from 0 on, that cannot make the error `times` the clean one.

        Parameters
        ----------
        times : float
            A multiple of the clean error, above 1.

        Returns
        -------
        int
            For this number and every smaller one there is a proof; ratios above one half are not
            looked at.
        """
        if not times > 1:
            raise InputError(f"times={times:g} is no growth; give a number above 1.")
        if self.delta is not None:
            raise InputError(
                "A number of rows that is safe with all smaller ones is proved of ridge alone; "
                "leave delta out."
            )
        with threadpool_limits(1):
            clean, most = self.setting.fit(0).error, len(self.setting.v)
            if self.placed == "replaced":
                return self._replacing(most).safe_rows(times * clean)
            return safe_rows(self.setting, self.writable, times * clean, most)

    def predictions(self, rows: int) -> Float[np.ndarray, "m 2"]:
        """The least and the most that each judged prediction can become.

        Parameters
        ----------
        rows : int
            Number of poison rows.

        Returns
        -------
        (m, 2) array
            In the units of the table's target; not finite where no proof succeeds.
        """
        scaled = self._moved(rows, self.setting.M)
        return scaled * self.split.scale[-1] + self.split.shift[-1]

    def coefficients(self, rows: int) -> Float[np.ndarray, "d 2"]:
        """The least and the most that each slope can become.

        Parameters
        ----------
        rows : int
            Number of poison rows.

        Returns
        -------
        (d, 2) array
            In units of the target by units of the feature; not finite where no proof succeeds.
        """
        slopes = np.eye(self.setting.Z.shape[1])[:-1]
        by = self.split.scale[-1] / self.split.scale[:-1]
        return self._moved(rows, slopes) * by[:, None]

    def _moved(self, rows: int, directions: np.ndarray) -> np.ndarray:
        with threadpool_limits(1):
            if self.delta is not None:
                return self._huber(rows).moved(directions)
            if self.placed == "replaced" and rows > 0:
                return self._replacing(rows).moved(rows, directions)
            ball = Ball.of(self.setting, rows)
            if ball is None:
                return np.full((len(directions), 2), np.nan)
            return moved(ball, self.writable, directions)

    def _huber(self, rows: int) -> HuberFits:
        assert self.delta is not None
        return HuberFits(self.setting, self.writable, rows, self.delta)

    def _replacing(self, most: int) -> Replacing:
        return Replacing(self.setting, self.writable, most)


def bound(
    data: Any = None,
    *,
    target: str | None = None,
    l2: float = L2,
    delta: float | None = None,
    ratios: Sequence[float] = (0.05, 0.1, 0.2, 0.4),
    judged: Literal["test", "validation"] = "test",
    threat: Mapping[str, Any] | None = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    reading: Reading = ANY,
    rows: int = 300,
    seed: int = 0,
) -> Bound:
    """Prove how much poison can grow the error of a ridge regression, and how much it does.

    The upper ends are theorems, rounding included: no rows whatever that the threat model allows
    exceed them. They hold for an undefended ridge of fixed penalty, with the table itself taken as
    clean. With `delta` they are of Huber regression.

    Parameters
    ----------
    data : frame, path or str, optional
        A pandas, polars or pyarrow frame, a path to CSV or Parquet, or the name of a data set
        (default: diabetes).
    target : str, optional
        The column to predict.
    l2 : float
        Penalty on the mean loss, above 0, for features scaled to [0, 1].
    delta : float, optional
        Huber regression in place of ridge: residuals beyond `delta`, in units of the target, count
        linearly. It is fixed; where the scale is fitted with the model, as by scikit-learn, there
        is no theorem. The error is bounded prediction by prediction, which is loose, and poison is
        made for ridge; added rows alone.
    ratios : sequence of float
        Poison rows / (clean + poison rows), or the share that is replaced, each in (0, 1).
    judged : {"test", "validation"}
        The rows that the error is measured on; the attacker is taken to know them.
    threat : mapping, optional
        What the attacker may write, as in `audit`. With `placed="replaced"` the bound is looser,
        and ends at a few of a hundred rows.
    drop, categorical : sequence of str
        Columns to leave out; columns whose numbers are only codes.
    reading : Reading, optional
        How a CSV file is read, where that is not to be found out.
    rows : int
        Clean rows that train, at most.
    seed : int
        Of the split and of the search for poison.

    Returns
    -------
    Bound
        `limits`, one for each ratio, and methods for predictions, coefficients and counts.

    Raises
    ------
    InputError
        Where the table cannot be used, or no theorem covers what was asked for.

    Examples
    --------
    >>> result = bound(ratios=[0.1])
    >>> result.headlines
    ['With 10 % poison (25 rows) the error grows at least 2.2× and at most 2.3×.']
    """
    spec = Spec.of({"ratios": asked.several(ratios), "threat": asked.threat(threat)})
    replaces = spec.threat.placed == "replaced"
    if judged not in ("test", "validation"):
        raise InputError(f"judged={judged!r} is neither 'test' nor 'validation'; give one of them.")
    opened = open_table("diabetes" if data is None else data, reading=reading).usable(target)
    encoded = opened.encode(target, drop=drop, categorical=categorical)
    split = encoded.split(seed, rows)
    about = pursued(split, encoded.target, spec.threat.goal)
    part = about.test if judged == "test" else about.validation
    setting = Setting(split.train.X, split.train.y, part.X, part.y, l2=l2)
    here = world(split, encoded.target, spec.threat)
    written, ratios = writable(here), sorted(set(spec.ratios))
    counts = [edges(len(split.train.y), [ratio], replaces)[1] for ratio in ratios]
    if min(counts) == 0:
        raise InputError("A ratio is less than one row; give larger ones.")
    with threadpool_limits(1):
        if delta is not None:
            delta = _scaled(delta, split, replaces)
            limits = _huberized(
                setting, written, dict(zip(ratios, counts, strict=True)), delta, seed
            )
        elif replaces:
            pool = np.arange(len(split.train.y))[slice(None) if here.own is None else here.own]
            limits = _replaced(setting, written, dict(zip(ratios, counts, strict=True)), pool, seed)
        else:
            limits = _limits(setting, written, ratios, counts, seed)
    return Bound(limits, setting, written, split, judged, spec.threat.placed, delta)


def _limits(
    setting: Setting, written: Writable, ratios: Sequence[float], counts: Sequence[int], seed: int
) -> tuple[Limit, ...]:
    unit, clean, limits, witness = float(np.var(setting.u)), setting.fit(0).error, [], None
    for ratio, k in zip(ratios, counts, strict=True):
        upper = prove(setting, written, k, witness)
        witness = upper.witness
        made = reached(setting, written, k, planes=upper.planes, upper=upper.bound, seed=seed)
        limits.append(
            Limit(ratio, k, clean / unit, made.error / unit, upper.bound / unit, made, upper.proof)
        )
    return tuple(limits)


def _replaced(
    setting: Setting, written: Writable, counts: Mapping[float, int], pool: np.ndarray, seed: int
) -> tuple[Limit, ...]:
    unit, clean, limits = float(np.var(setting.u)), setting.fit(0).error, []
    about = Replacing(setting, written, max(counts.values()))
    for ratio, k in counts.items():
        upper, count = about.prove(k), min(k, len(pool) - 1)
        made = swapped(setting, written, count, pool, planes=[upper.witness.q], seed=seed)
        ends = [about.ends] if k > about.most else []
        limits.append(
            Limit(ratio, k, clean / unit, made.error / unit, upper.bound / unit, made,
                  upper.witness, *ends)
        )  # fmt: skip
    return tuple(limits)


def _scaled(delta: float, split: Split, replaces: bool) -> float:
    """The `delta` of Huber regression in scaled units; an InputError where nothing is proved."""
    if not 0 < delta < np.inf:
        raise InputError(f"delta={delta:g} is not a positive number; give one, in target units.")
    if replaces:
        raise InputError(
            "Of Huber regression a bound is proved for added rows alone; leave delta out, or "
            "give placed='added'."
        )
    return delta / float(split.scale[-1])


def _huberized(
    setting: Setting, written: Writable, counts: Mapping[float, int], delta: float, seed: int
) -> tuple[Limit, ...]:
    unit, limits = float(np.var(setting.u)), []
    for ratio, k in counts.items():
        fits = HuberFits(setting, written, k, delta)
        plane = search(setting, written, setting.fit(k))
        made = reached(setting, written, k, planes=[plane.q], seed=seed)
        clean = setting.error(HuberFits(setting, written, 0, delta).fit(made.X[:0], made.y[:0]))
        made = made._replace(error=setting.error(fits.fit(made.X, made.y)))
        upper, proof = fits.prove()
        limits.append(Limit(ratio, k, clean / unit, made.error / unit, upper / unit, made, proof))
    return tuple(limits)


def _down(times: float) -> str:
    return f"{np.floor(times * 10 + 1e-9) / 10:.1f}"


def _up(times: float) -> str:
    return f"{np.ceil(times * 10 - 1e-9) / 10:.1f}"
