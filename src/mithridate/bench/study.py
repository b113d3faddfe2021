"""What a study is: experiments over tables, victims, attacks, defenses and seeds, as TOML."""

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .. import __version__
from .._text import listing, quote
from ..errors import InputError
from .spec import AttackSpec, DataSpec, DefenseSpec, Ratio, Spec, ThreatSpec, VictimSpec, sentence

_STUDY_KEYS = {"title", "about", "experiments", "scales"}  # keys of the study itself


class Experiment(BaseModel):
    """Everything crossed with everything: tables x victims x threats x attacks x seeds x defenses.

    `seeds` splits and attacks, numbered from `seed` on; `ratios` in [0, 1), poison rows / (clean +
    poison rows). `unpoisoned` says whether the defenses are judged on clean rows too.
    """

    model_config = ConfigDict(extra="forbid")
    name: str = "main"
    seed: Annotated[int, Field(ge=0)] = 0
    seeds: Annotated[int, Field(ge=1)] = 3
    ratios: Annotated[list[Ratio], Field(min_length=1)] = [0.1, 0.2, 0.3, 0.4]
    batch: Annotated[float, Field(gt=0, lt=1)] = 0.05
    data: Annotated[list[DataSpec], Field(min_length=1)]
    victims: Annotated[list[VictimSpec], Field(min_length=1)] = [VictimSpec()]
    threats: Annotated[list[ThreatSpec], Field(min_length=1)] = [ThreatSpec()]
    judge: str | None = None
    attacks: Annotated[list[AttackSpec], Field(min_length=1)] = [AttackSpec()]
    defenses: list[DefenseSpec] = []
    unpoisoned: bool = True


class Job(NamedTuple):
    """One part of the results: one table, victim, threat, attack and seed, under all defenses.

    A part without an attack judges the defenses on unpoisoned rows. `key` is the hash of all that
    the figures depend on, `table` the `mark` of its table.
    """

    experiment: str
    spec: Spec
    table: str
    name: str
    target: str

    @property
    def key(self) -> str:
        """Hash of the version, the content of the table and the configuration, 20 hex digits."""
        spec = self.spec.model_dump(mode="json")
        # Neither the location of the table nor how it was read counts: its content does.
        spec["data"]["source"] = self.name
        del spec["data"]["reading"]
        hashed = [__version__, self.experiment, spec]
        return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()[:20]


class Study(BaseModel):
    """A list of experiments; keys beside them are shared by all that do not set their own.

    Parameters
    ----------
    title : str, default "study"
        Its name, and that of the file that repeats it.
    about : str
        What it is for.
    experiments : list of Experiment
        What is crossed with what.

    Examples
    --------
    >>> study = Study.parse('''
    ... title = "mine"
    ... data = ["diabetes"]
    ... defenses = ["trim", "huber"]
    ... [[experiments]]
    ... name = "ridge"
    ... [[experiments]]
    ... name = "network"
    ... seeds = 1
    ... victims = ["mlp"]
    ... ''')
    >>> [(e.name, e.seeds, e.victims[0].use, len(e.defenses)) for e in study.experiments]
    [('ridge', 3, 'ridge', 2), ('network', 1, 'mlp', 2)]
    """

    model_config = ConfigDict(extra="forbid")
    title: str = "study"
    about: str = ""
    experiments: Annotated[list[Experiment], Field(min_length=1)]

    @model_validator(mode="after")
    def _named(self) -> "Study":
        names = [e.name for e in self.experiments]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two experiments are named {name!r}; give each its own name")
        return self

    @classmethod
    def parse(cls, text: str, scale: str | None = None, only: Sequence[str] = ()) -> "Study":
        """Read a study from TOML text, at one of its scales, all or some of its experiments.

        Parameters
        ----------
        text : str
            The text.
        scale : str, optional
            The scale, one that the study has.
        only : sequence of str
            The experiments; all by default.

        Returns
        -------
        Study
            The study.

        Raises
        ------
        InputError
            If it is no TOML, or a key, a value, the scale or an experiment is wrong.
        """
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"The spec is not valid TOML: {error}.") from None
        try:
            study = cls.model_validate(_expanded(values, scale))
        except ValidationError as error:
            raise InputError(sentence(error)) from None
        names = [e.name for e in study.experiments]
        for name in only:
            if name not in names:
                raise InputError(
                    f"There is no experiment {quote(name)} in the spec; it has {listing(names)}."
                )
        if only:
            study.experiments = [e for e in study.experiments if e.name in only]
        return study

    @classmethod
    def load(
        cls, source: str | Path, scale: str | None = None, only: Sequence[str] = ()
    ) -> "Study":
        """Read a study from a TOML file, or a shipped one by its name.

        Parameters
        ----------
        source : path-like or str
            The file, or the name.
        scale : str, optional
            The scale, one that the study has.
        only : sequence of str
            The experiments; all by default.

        Returns
        -------
        Study
            The study.

        Raises
        ------
        InputError
            If there is no such study, or it cannot be read.
        """
        return cls.parse(text_of(source), scale, only)

    def dump(self) -> str:
        """Write the study as TOML text, every experiment in full.

        Returns
        -------
        str
            The text.
        """
        return tomli_w.dumps(self.model_dump(exclude_none=True))

    def jobs(self, tables: Mapping[str, tuple[str, str, str]]) -> Iterator[Job]:
        """List the parts of the study, seed by seed, so that a stopped run is even.

        Parameters
        ----------
        tables : mapping of str to tuple of str
            Name, target and fingerprint of each table by `mark` of its spec.

        Yields
        ------
        Job
            One table, victim, threat, attack and seed, under all defenses.
        """
        for one in self.experiments:
            for seed in range(one.seed, one.seed + one.seeds):
                for data in one.data:
                    name, target, fingerprint = tables[mark(data)]
                    known = {"target": target, "fingerprint": fingerprint}
                    table = data.model_copy(update=known)
                    for spec in _specs(one, table, seed):
                        yield Job(one.name, spec, mark(data), name, target)


def _specs(one: Experiment, data: DataSpec, seed: int) -> Iterator[Spec]:
    shared = {"seed": seed, "seeds": 1, "ratios": one.ratios, "batch": one.batch, "data": data}
    shared |= {"judge": one.judge, "defenses": one.defenses}
    for victim in one.victims:
        for threat in one.threats:
            nothing = [[]] if one.unpoisoned else []
            for attacks in (*nothing, *([attack] for attack in one.attacks)):
                given = {**shared, "victim": victim, "threat": threat, "attacks": attacks}
                yield Spec.of({k: _plain(v) for k, v in given.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump()
    return [_plain(item) for item in value] if isinstance(value, list) else value


def mark(data: DataSpec) -> str:
    """The identity of a table before it is read."""
    return data.model_dump_json(include={"source", "target", "drop", "categorical", "reading"})


def _expanded(given: dict[str, Any], scale: str | None) -> dict[str, Any]:
    """Shared keys and those of the scale written into each experiment."""
    shared = {key: value for key, value in given.items() if key not in _STUDY_KEYS}
    experiments = given.get("experiments", [{}])
    if not isinstance(experiments, list) or not all(isinstance(e, dict) for e in experiments):
        raise InputError("In 'experiments': write each as a table, headed [[experiments]].")
    scales = given.get("scales", {})
    if scale is not None and scale not in scales:
        known = f"it has {listing(list(scales))}" if scales else "it has none"
        raise InputError(f"The spec has no scale {quote(scale)}; {known}.")
    smaller = dict(scales.get(scale, {})) if scale else {}
    single = smaller.pop("experiments", {})
    full = []
    for one in experiments:
        merged = _scaled({**shared, **one}, smaller)
        merged = _scaled(merged, single.get(str(one.get("name", "main")), {}))
        if merged.pop("leave_out", False) is not True:
            full.append(merged)
    own = {k: v for k, v in given.items() if k in _STUDY_KEYS - {"scales"}}
    return {**own, "experiments": full}


def _scaled(experiment: dict[str, Any], scale: dict[str, Any]) -> dict[str, Any]:
    """The experiment with the keys of the scale; a table is written into each entry of a list."""
    scaled = dict(experiment)
    for key, value in scale.items():
        present = scaled.get(key)
        if isinstance(value, dict) and isinstance(present, list):
            scaled[key] = [{**_table(entry, key), **value} for entry in present]
        else:
            scaled[key] = value
    return scaled


def _table(entry: Any, key: str) -> dict[str, Any]:
    short = "source" if key == "data" else "use"
    return {short: entry} if isinstance(entry, str) else dict(entry)


def shipped() -> dict[str, str]:
    """Say what each of the shipped studies is about.

    Returns
    -------
    dict of str to str
        By name.

    Examples
    --------
    >>> "smoke" in shipped()
    True
    """
    return {name: tomllib.loads(text).get("about", "") for name, text in _shipped().items()}


def _shipped() -> dict[str, str]:
    folder = resources.files("mithridate.bench").joinpath("specs")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return {f.name.removesuffix(".toml"): f.read_text(encoding="utf-8") for f in files}


def text_of(source: str | Path) -> str:
    """Read the TOML of a file, or of a shipped study.

    Parameters
    ----------
    source : str or Path
        The file, or the name of the study.

    Returns
    -------
    str
        The text.

    Raises
    ------
    InputError
        If there is none.
    """
    path, known = Path(source), _shipped()
    if isinstance(source, str) and source in known:
        return known[source]
    if not path.suffix and not path.exists():
        raise InputError(
            f"{quote(str(source))} is neither a file nor one of the shipped specs: "
            f"{listing(list(known))}."
        )
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The spec {quote(str(source))} cannot be read ({error}).") from None
