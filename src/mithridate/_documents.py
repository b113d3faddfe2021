"""Results as documents for programs: JSON that keeps its shape, and JUnit XML."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from xml.etree import ElementTree

VERSION = 1
"""Of the shape of all documents: keys are added under the same number, never changed or removed."""

FAILED = 2
"""The exit code of a gate that failed."""

ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Case(NamedTuple):
    """Something that was checked: its name, and the sentence on why it failed, or none."""

    name: str
    failure: str | None


def plain(value: Any) -> Any:
    """A value as JSON has it: what is no finite number is null, what has no kind there is text.

    >>> import numpy as np
    >>> from pathlib import Path
    >>> plain({"a": np.float64("nan"), "b": (np.int64(3), Path("x.csv"))})
    {'a': None, 'b': [3, 'x.csv']}
    """
    if value is None or isinstance(value, bool | int | str | float):
        return None if isinstance(value, float) and not math.isfinite(value) else value
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if hasattr(value, "tolist"):  # of NumPy, which is not imported for this
        return plain(value.tolist())
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Iterable):
        return [plain(one) for one in value]
    return str(value)


def document(
    command: str, version: str, gates: Sequence[Case], files: Sequence[Any], result: Any
) -> str:
    """What a command prints with `--json`.

    >>> print(document("list", "0.1.0", [], [], [{"name": "ames"}]).splitlines()[2])
      "mithridate": "0.1.0",
    """
    checks = [
        {"name": g.name, "failed": g.failure is not None, "message": g.failure} for g in gates
    ]
    whole = {
        "schema": VERSION,
        "mithridate": version,
        "command": command,
        "code": FAILED if any(gate["failed"] for gate in checks) else 0,
        "gates": checks,
        "files": [str(path) for path in files],
        "result": plain(result),
    }
    # A lone surrogate in the data could not be written as UTF-8.
    text = json.dumps(whole, allow_nan=False, indent=2, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode("utf-8")


def junit(suite: str, cases: Sequence[Case], lines: Sequence[str]) -> str:
    """JUnit XML: a suite with one test case for each thing that was checked, and what was said.

    >>> print(junit("mithridate clean", [Case("rejected rows", None)], ["Found: nothing."])[:59])
    <?xml version='1.0' encoding='utf-8'?>
    <testsuites><testsui
    """
    failed = sum(case.failure is not None for case in cases)
    counts = {"tests": str(len(cases)), "failures": str(failed), "errors": "0"}
    root = ElementTree.Element("testsuites")
    node = ElementTree.SubElement(root, "testsuite", {"name": suite, **counts})
    for case in cases:
        about = {"name": case.name, "classname": suite.replace(" ", ".")}
        one = ElementTree.SubElement(node, "testcase", about)
        if case.failure is not None:
            message = legal(case.failure)
            ElementTree.SubElement(one, "failure", {"message": message}).text = message
    ElementTree.SubElement(node, "system-out").text = legal("\n".join(lines))
    return ElementTree.tostring(root, "utf-8", xml_declaration=True).decode("utf-8")


def legal(text: str) -> str:
    """The text without what XML cannot hold."""
    return ILLEGAL.sub(" ", text)
