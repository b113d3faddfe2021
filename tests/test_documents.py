"""What programs read: JSON of one documented shape, JUnit XML, and what notebooks show."""

import json
import math
import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mithridate
from mithridate._documents import VERSION, Case, junit, plain
from mithridate.cli import app

from .test_audit import DOCS, call

BAD = "<img src=x onerror=alert(1)>\x1b]0;&\"'"
GATED = ("--defense", "trim", "--contamination", "0.1", "--target", "y")


def table() -> pd.DataFrame:
    x = np.arange(60.0) % 13
    y = 2 * x + np.arange(60) % 3
    y[5] = 900.0
    return pd.DataFrame({"x": x, "y": y, "where": ["a", BAD] * 30})


@pytest.fixture(scope="module")
def csv(tmp_path_factory):
    path = tmp_path_factory.mktemp("documents") / "t.csv"
    table().drop(columns="where").to_csv(path, index=False)
    return path


def documented() -> dict:
    """The schema that the reference shows."""
    return json.loads((DOCS / "reference" / "output.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def schema():
    return documented()


def checked(text: str, schema: dict) -> dict:
    """The document, after a validator of JSON Schema has looked at it."""
    jsonschema = pytest.importorskip("jsonschema")
    found = json.loads(text, parse_constant=pytest.fail)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(found, schema)
    return found


def test_clean_prints_one_document(csv, schema, tmp_path):
    out = tmp_path / "kept.csv"
    args = ("clean", csv, *GATED, "-o", out, "--json", "--max-rejected", "0.01")
    code, text, err = call(*args)
    found = checked(text, schema)
    assert code == found["code"] == 2 and found["command"] == "clean"
    assert found["gates"][0]["failed"] and found["gates"][0]["message"] in err
    assert found["files"] == [str(out), str(tmp_path / "kept.quarantine.csv")]
    result = found["result"]
    assert result["rows"] == 60 == result["kept"] + result["rejected"] + result["aside"]
    assert 6 in [row["row"] for row in result["quarantine"]]
    assert call(*args[:-2])[0] == 0


def test_list_and_poison_print_one_document(csv, schema, tmp_path):
    found = checked(call("list", "defenses", "--json")[1], schema)
    assert "trim" in [row["name"] for row in found["result"]]
    assert found["gates"] == [] and found["code"] == 0
    args = ("poison", csv, "--target", "y", "--attack", "random", "-o", tmp_path / "p.csv")
    found = checked(call(*args, "--json")[1], schema)
    assert found["files"] == [str(tmp_path / "p.csv")] and found["result"]["rows"] > 0


def test_influence_prints_one_document(csv, schema, tmp_path):
    out = tmp_path / "rows.csv"
    args = ("influence", csv, "--target", "y", "--column", "x", "-o", out, "--json", "-q")
    code, text, _ = call(*args)
    found = checked(text, schema)
    assert code == 0 and found["files"] == [str(out)]
    assert found["result"]["what"] and found["result"]["headlines"]


def test_every_command_can_print_a_document():
    for command in app.app.registered_commands:
        if not command.hidden:
            assert "as_json" in command.callback.__annotations__, command.name


def test_the_schema_knows_every_command_and_the_version(schema):
    assert schema["properties"]["schema"]["const"] == VERSION
    shown = {c.name for c in app.app.registered_commands if not c.hidden}
    assert set(schema["properties"]["command"]["enum"]) == shown


def test_a_sentence_on_bad_input_is_no_document():
    code, out, err = call("clean", "nowhere.csv", "--target", "y", "--json")
    assert code == 1 and out == "" and "nowhere.csv" in err


def test_junit_says_what_failed(csv, tmp_path):
    path = tmp_path / "gate.xml"
    args = ("clean", csv, *GATED, "-o", tmp_path / "kept.csv", "--junit", path, "-q")
    assert call(*args, "--max-rejected", "0.01")[0] == 2
    root = ElementTree.parse(path).getroot()
    suite = root.find("testsuite")
    assert suite is not None and suite.attrib["failures"] == suite.attrib["tests"] == "1"
    failure = suite.find("testcase/failure")
    assert failure is not None and "Over the limit" in failure.attrib["message"]
    assert call(*args)[0] == 0
    assert ElementTree.parse(path).find("testsuite/testcase/failure") is None


def test_a_reader_of_junit_understands_it(tmp_path):
    reader = pytest.importorskip("junitparser", reason="junitparser is not installed")
    path = tmp_path / "gate.xml"
    path.write_text(junit("mithridate audit", [Case("worst error", "Over."), Case("b", None)], []))
    found = reader.JUnitXml.fromfile(str(path))
    [suite] = list(found)
    first, second = list(suite)
    assert (suite.tests, suite.failures, suite.errors) == (2, 1, 0)
    assert first.name == "worst error" and first.result[0].message == "Over."
    assert first.is_failure and second.is_passed


def test_a_folder_for_junit_that_cannot_be_is_refused_before_the_work(csv, tmp_path):
    (tmp_path / "file").write_text("")
    args = ("clean", csv, *GATED, "--junit", tmp_path / "file" / "gate.xml")
    code, _, err = call(*args, "-o", tmp_path / "kept.csv")
    assert code == 1 and "cannot be written" in err
    assert not (tmp_path / "kept.csv").exists()


@settings(max_examples=25, deadline=None)
@given(st.text(), st.text())
def test_any_text_makes_xml_that_can_be_read(name, said):
    text = junit("mithridate clean", [Case("rejected rows", said)], [name])
    ElementTree.fromstring(text)


@settings(max_examples=25, deadline=None)
@given(st.recursive(st.none() | st.floats() | st.text(), st.lists, max_leaves=8))
def test_any_value_becomes_json(value):
    assert json.dumps(plain(value), allow_nan=False)


def test_what_is_no_number_is_null():
    assert plain([np.float32("inf"), math.nan, np.bool_(True), pa.scalar(1).as_py()]) == [
        None,
        None,
        True,
        1,
    ]


def test_a_notebook_shows_rows_and_nothing_of_the_data_runs():
    cleaned = mithridate.clean(table(), target="y", defense="trim", groups="where")
    shown = cleaned._repr_html_()
    assert "rejected" in shown and "<td>6</td>" in shown
    assert "<img" not in shown and "\x1b" not in shown
    assert set(re.findall(r"<(\w+)", shown)) <= {
        "div", "p", "b", "ul", "li", "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip
    assert len(shown) < 20_000
    found = cleaned.to_dict()
    assert {group["group"] if "group" in group else group["where"] for group in found["groups"]}
    json.dumps(found, allow_nan=False)
