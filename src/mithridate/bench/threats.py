"""What an attacker may write, what it knows, and what it is after: the `[threat]` of a spec."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from .._retired import warn
from ..errors import InputError
from ..tables.condition import conditions
from .goals import Goal


class ThreatSpec(BaseModel):
    """What the attacker may write and what it knows.

    `writes` features, target or both, but for the `frozen` columns; within `box`, ranges by column
    in the table's units (default: those of the training rows); no row farther than `budget` from
    where it started, in ranges of the columns (Euclidean). `surrogate` rows are all it knows, if
    given, in place of the training rows. Poison is `placed` beside the clean rows (added), or in
    place of those it started from (replaced).
    `relaxed` poison need not be possible: a row may lie between levels and between whole numbers.
    `source` are conditions on rows, such as `vendor == "v3"`: poison comes as rows that meet one of
    them, within the ranges and categories of those there are, and no more than there are. `goal` is
    what it is for: a condition (large errors on the rows that meet it), `up` or `down` (predictions
    that way), or both (`up where region == "north"`); empty, large errors on all rows.
    """

    model_config = ConfigDict(extra="forbid")

    writes: Literal["both", "features", "target"] = "both"
    frozen: list[str] = []
    box: dict[str, tuple[float, float]] = {}
    budget: Annotated[float, Field(gt=0)] | None = None
    surrogate: Annotated[int, Field(ge=10)] | None = None
    placed: Literal["added", "replaced"] = "added"
    relaxed: bool = False
    source: list[str] = []
    goal: str = ""

    @field_validator("source", mode="before")
    @classmethod
    def _one_source(cls, given: Any) -> Any:
        """A source alone will do."""
        return [given] if isinstance(given, str) else given

    @model_validator(mode="after")
    def _can_be_read(self) -> "ThreatSpec":
        try:
            for one in self.source:
                conditions(one)
            Goal.of(self.goal)
        except InputError as error:
            raise ValueError(str(error).removesuffix(".")) from None
        return self

    @model_validator(mode="before")
    @classmethod
    def _take_old_names(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "rows" not in given or "placed" in given:
            return given
        warn("'threat.rows'", "'threat.placed'", level=2)
        return {"placed" if key == "rows" else key: value for key, value in given.items()}

    def keys(self) -> dict[str, Any]:
        """The columns of the results that tell this threat model from another."""
        return {
            "writes": self.writes,
            "frozen": json.dumps(sorted(self.frozen), ensure_ascii=False),
            "box": json.dumps(self.box, sort_keys=True, ensure_ascii=False),
            "budget": self.budget,
            "surrogate": self.surrogate,
            "placed": self.placed,
            "relaxed": self.relaxed,
            "source": json.dumps(sorted(self.source), ensure_ascii=False),
            "goal": self.goal,
        }

    def words(self) -> dict[str, str]:
        """The same in words, for the report."""
        what = {"both": "features and target", "features": "features", "target": "the target"}
        kept = f", but for {', '.join(self.frozen)}" if self.frozen else ""
        span = "" if self.budget is None else f"; no row moves farther than {self.budget:g} ranges"
        given = f"; given for {', '.join(self.box)}" if self.box else ""
        known = "the training rows" if self.surrogate is None else f"{self.surrogate} other rows"
        color = "white-box" if self.surrogate is None else "gray-box"
        possible = "one level a category set, whole numbers where a column has only those"
        if self.relaxed:
            possible = "relaxed: a row may lie between levels and between whole numbers"
        place = (
            "adds rows" if self.placed == "added" else "replaces rows, so that their number stays"
        )
        return {
            "goal": self._aims(),
            "writes": f"{place}; free to write {what[self.writes]} of each of them{kept}{span}",
            "box": "each value stays within the range that the clean training rows show"
            f"{self._owner()}{given}",
            "feasibility": possible,
            "knowledge": f"{color}: knows {known}, the model and its penalty, and a validation "
            "sample; does not know the test rows",
        }

    def _owner(self) -> str:
        """Whose range the poison keeps to, where it comes from a source."""
        if not self.source:
            return ""
        whose = " or ".join(self.source)
        return f" (of those with {whose}, which are the attacker's; no more poison than these)"

    def _aims(self) -> str:
        """What the attack is for."""
        push, rows = Goal.of(self.goal)
        whose = "all rows"
        if rows:
            whose = "the rows with " + " and ".join(" ".join(one) for one in rows)
        return f"to push the predictions for {whose} {push}" if push else f"large errors on {whose}"
