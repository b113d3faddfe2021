"""What a run is: a TOML file, checked, and written back so that it can be repeated."""

import dataclasses
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from .._text import listing, quote
from ..data import load
from ..errors import InputError
from ..tables.encoded import Encoded
from ..tables.reading import ANY, Reading
from ..tables.weighing import weighted_by
from .threats import ThreatSpec


def _finite_share(kind: str, closed: bool):
    """A check that a number is in [0, 1) or, if `closed`, in [0, 1]."""
    interval = "[0, 1]" if closed else "[0, 1)"

    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{kind} {value!r} is not a number; give one in {interval}")
        if not (0 <= value < 1 or (closed and value == 1)):
            raise ValueError(f"{kind} {value:g} is outside {interval}; give one inside")
        return float(value)

    return check


Ratio = Annotated[float, BeforeValidator(_finite_share("ratio", closed=False))]
Alpha = Annotated[float, BeforeValidator(_finite_share("alpha", closed=True))]


def _contamination(value: Any) -> float | str:
    """`oracle`, or a number in [0, 1)."""
    if isinstance(value, str) and value != "oracle":
        raise ValueError(f"contamination {value!r} is neither 'oracle' nor a number in [0, 1)")
    return value if value == "oracle" else _finite_share("contamination", closed=False)(value)


Contamination = Annotated[float | str, BeforeValidator(_contamination)]


def _reading(given: Any) -> Reading | None:
    """How a file is read, from a table of what is said of it."""
    if given is None or isinstance(given, Reading):
        return given
    known = [field.name for field in dataclasses.fields(Reading)]
    unknown = [quote(key) for key in given if key not in known] if isinstance(given, dict) else []
    if unknown or not isinstance(given, dict):
        raise ValueError(f"{listing(unknown) or quote(given)} is not one of {listing(known)}")
    return Reading(**given)


class _SpecPart(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _ClassSpec(BaseModel):
    """Something found by name; further keys are its constructor's."""

    model_config = ConfigDict(extra="allow")
    use: str

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        """A name alone will do."""
        return {"use": given} if isinstance(given, str) else given

    @property
    def options(self) -> dict[str, Any]:
        """The keys that go to the constructor."""
        return dict(self.model_extra or {})


class DataSpec(_SpecPart):
    """Which table: `source` is a file, the name of a data set, or `frame` (in memory).

    Half of its rows, `rows` at most, are trained on. Columns are stretched to [0, 1] by the ranges
    of these, and other rows may lie outside; `scaled = "table"`: by those of the whole table, as in
    data that were scaled before they were cut. `reading` is how a CSV file is read, where that is
    not to be found out. `weights` is a column that weighs the rows, such as exposure.
    """

    source: str = "diabetes"
    target: str | None = None
    drop: list[str] = []
    categorical: list[str] = []
    rows: Annotated[int, Field(ge=20)] = 300
    scaled: Literal["training", "table"] = "training"
    fingerprint: str | None = None
    reading: Annotated[Reading | None, BeforeValidator(_reading)] = None
    weights: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        """A source alone will do."""
        return {"source": given} if isinstance(given, str) else given

    def load(self, frame: Any = None) -> Encoded:
        """The table, read and encoded; `frame` in place of the source, where there is one."""
        table = load(
            self.source if frame is None else frame,
            self.target,
            drop=self.drop,
            categorical=self.categorical,
            reading=self.reading or ANY,
        )
        return table if self.weights is None else weighted_by(table, self.weights)


class VictimSpec(_ClassSpec):
    """Which model is attacked."""

    use: str = "ridge"


class AttackSpec(_ClassSpec):
    """Which attack, at which alphas, against which risk; `against` names a defense to adapt to.

    `through` is the model that it goes through, where that is not the victim. The attack
    `portfolio` runs its `members` (default: those of `bench.portfolio`), and keeps of what they
    write the best on the judge. With `finish`, rows that are added to a ridge are moved one by one
    at the end, at alpha = 1, as long as that does more damage.
    """

    use: str = "ascent"
    alphas: Annotated[list[Alpha], Field(min_length=1)] = [1.0, 0.6, 0.3, 0.1, 0.03]
    normalizer: str = "ideal"
    risk: str = "residual"
    against: str | None = None
    through: VictimSpec | None = None
    members: list["AttackSpec"] = []
    finish: bool = False


class DefenseSpec(_ClassSpec):
    """Which defense, and what it is given.

    One that needs the contamination is told the true ratio, or a number; one that can use trusted
    rows gets `trusted` of them (one that needs them 30), out of the attacker's validation sample.
    """

    contamination: Contamination = "oracle"
    trusted: Annotated[int, Field(ge=1)] | None = None


class Spec(_SpecPart):
    """A whole run: data x attacks x alphas x ratios x seeds x defenses.

    Parameters
    ----------
    seed : int, default 0
        The first seed; each seed is a split and a run of the attacks.
    seeds : int, default 3
        How many there are.
    ratios : list of float
        Poison rows / (clean + poison rows), each in [0, 1).
    batch : float, default 0.05
        Ratio by which an attack grows its poison at a time.
    data : DataSpec
        The table.
    threat : ThreatSpec
        What the attacker may write, and what it knows.
    victim : VictimSpec
        The model that is attacked.
    judge : str, optional
        The model that is trained on the result, if not the victim's own kind.
    attacks : list of AttackSpec
        The attacks.
    defenses : list of DefenseSpec
        The defenses.

    Examples
    --------
    >>> spec = Spec.parse('seeds = 2')
    >>> spec.seeds, spec.data.source, [d.use for d in spec.defenses]
    (2, 'diabetes', ['trim', 'huber', 'bayesclean'])
    """

    seed: Annotated[int, Field(ge=0)] = 0
    seeds: Annotated[int, Field(ge=1)] = 3
    ratios: Annotated[list[Ratio], Field(min_length=1)] = [
        0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4
    ]  # fmt: skip
    batch: Annotated[float, Field(gt=0, lt=1)] = 0.05
    data: DataSpec = DataSpec()
    threat: ThreatSpec = ThreatSpec()
    victim: VictimSpec = VictimSpec()
    judge: str | None = None
    attacks: list[AttackSpec] = [
        AttackSpec(use="ascent"),
        AttackSpec(use="flip"),
        AttackSpec(use="random"),
    ]
    defenses: list[DefenseSpec] = [
        DefenseSpec(use="trim"),
        DefenseSpec(use="huber"),
        DefenseSpec(use="bayesclean"),
    ]

    @model_validator(mode="after")
    def _weighed(self) -> "Spec":
        if self.data.weights is not None and self.judge is None:
            raise ValueError(
                f"the rows are to weigh as {self.data.weights!r} says, which only a regressor "
                "takes; audit one, such as hgb(loss=poisson)"
            )
        return self

    @model_validator(mode="after")
    def _once(self) -> "Spec":
        for what, entries in (("defense", self.defenses), ("attack", self.attacks)):
            texts = [json.dumps(entry.model_dump(), sort_keys=True) for entry in entries]
            for entry, text in zip(entries, texts, strict=True):
                if texts.count(text) > 1:
                    raise ValueError(f"the {what} {entry.use!r} is listed twice; list it once")
        for alphas in (attack.alphas for attack in self.attacks):
            if len(set(alphas)) < len(alphas):
                raise ValueError(f"an alpha is listed twice in {alphas}; list each once")
        return self

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Spec":
        """Check a spec; the first thing wrong becomes one sentence that names its key.

        Parameters
        ----------
        values : dict of str to object
            The keys of the spec.

        Returns
        -------
        Spec
            The spec.

        Raises
        ------
        InputError
            If a key or a value is wrong.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise InputError(sentence(error)) from None

    @classmethod
    def parse(cls, text: str) -> "Spec":
        """Read a spec from TOML text.

        Parameters
        ----------
        text : str
            The text.

        Returns
        -------
        Spec
            The spec.

        Raises
        ------
        InputError
            If it is no TOML, or a key or a value is wrong.
        """
        try:
            return cls.of(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"The spec is not valid TOML: {error}.") from None

    @classmethod
    def load(cls, path: str | Path) -> "Spec":
        """Read a spec from a TOML file.

        Parameters
        ----------
        path : path-like
            The file.

        Returns
        -------
        Spec
            The spec.

        Raises
        ------
        InputError
            If the file cannot be read, is no TOML, or a key or a value is wrong.
        """
        try:
            return cls.parse(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"The spec {str(path)!r} cannot be read ({error}).") from None

    def words(self) -> dict[str, str]:
        """Say the threat model in words; an attack that is never made feasible relaxes it.

        Returns
        -------
        dict of str to str
            What is written, within which box, how possible it is, and what the attacker knows.
        """
        each = [one for attack in self.attacks for one in (attack, *attack.members)]
        free = any(one.options.get("feasible") == "never" for one in each)
        words = self.threat.model_copy(update={"relaxed": self.threat.relaxed or free}).words()
        if self.data.weights is not None:
            words["writes"] += "; each weighs as much as the mean clean row"
        return words

    def dump(self) -> str:
        """Write the spec as TOML text for `parse`; what was left to its default stays so.

        Returns
        -------
        str
            The text.
        """
        return tomli_w.dumps(self.model_dump(exclude_none=True, exclude_unset=True))


def sentence(error: ValidationError) -> str:
    """The first thing wrong, naming its key."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if isinstance(part, str | int))
    what = first["msg"].removeprefix("Value error, ")
    if first["type"] == "too_short":
        what = "nothing was given; give at least one"
    if not where:
        return f"In the spec: {what}."
    if first["type"] == "extra_forbidden":
        return f"The spec has a key {where!r} that means nothing; remove it or look for a misprint."
    return f"In {where!r}: {what}."
