"""What is said of a release in several places is the same in all of them."""

import re
import tomllib
from pathlib import Path

import mithridate

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_citation_has_the_version_of_the_package():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.+)$", text, re.MULTILINE) == [mithridate.__version__]


def test_the_last_release_of_the_changelog_is_that_of_the_package():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    told = re.findall(r"^## \[(.+)\]", text, re.MULTILINE)
    assert told[0] == "Unreleased"
    assert told[1].partition("]")[0] == mithridate.__version__


def test_every_python_that_is_promised_is_tested():
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    ci = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    tested = re.findall(r'"(3\.\d+)"', re.findall(r"python: \[(.*)\]", ci)[0])
    assert promised == tested
    assert PROJECT["project"]["requires-python"] == f">={promised[0]}"


def test_every_requirement_has_a_lower_bound():
    extras = PROJECT["project"]["optional-dependencies"].values()
    for needed in [*PROJECT["project"]["dependencies"], *(n for extra in extras for n in extra)]:
        assert needed.startswith("mithridate[") or re.search(r">=\d", needed), needed


def test_the_source_distribution_has_what_its_tests_read():
    held = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    read = {"mkdocs.yml", "action.yml", ".ci", ".pre-commit-hooks.yaml", "docs", "CITATION.cff"}
    assert read <= set(held)
    assert all((ROOT / path).exists() for path in held)
