"""The pages: what they show parses and names what exists, and run by hand it works."""

import ast
import importlib.util
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

import mithridate
from mithridate import defenses

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
GUIDES = [
    DOCS / "README.md",
    DOCS / "start.md",
    DOCS / "coming-from.md",
    *(p for folder in ("tutorials", "how-to", "reference", "explanation")
      for p in sorted((DOCS / folder).glob("*.md"))),
]  # fmt: skip
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
NOT_RUN = {
    "docs/results.md": "written by a command that takes hours",
    "CONTRIBUTING.md": "what developers do",
}
NEEDS = re.compile(r"needs (mlflow|skrub)")
"""Packages that no extra has: where one is installed, its blocks run too."""

BLOCK = re.compile(
    r"(?P<skip><!-- not run: [^\n]+ -->\n)?^```(?P<kind>\w+)(?P<more>[^\n]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
TITLE = re.compile(r' title="([^"]+)"')
"""What may stand behind the kind of a block: the site takes a block with anything else for text."""

ENDS = re.compile(r"exit code (\d)")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A block of a page: what it holds, whether it is run, and with which exit code it ends.

    Its title is the name of a file that holds it, or `exit code N`, or `output`. An `output` is
    what the block before it prints, perhaps among other lines; a line of it that is `…` stands for
    lines that are left out.
    """

    kind: str
    text: str
    runs: bool
    title: str
    code: int
    output: bool


def blocks(page: Path) -> list[Block]:
    found = []
    for one in BLOCK.finditer(page.read_text(encoding="utf-8")):
        named = TITLE.fullmatch(one["more"])
        title = named[1] if named else ""
        ends = ENDS.fullmatch(title)
        code = int(ends[1]) if ends else 0
        more = title == "output"
        runs = one["skip"] is None or present(one["skip"])
        file = "" if code or more else title
        found.append(Block(one["kind"], one["text"], runs, file, code, more))
    return found


def present(reason: str) -> bool:
    """Whether a block is left out for a package alone, and that is installed."""
    needed = NEEDS.search(reason)
    return needed is not None and importlib.util.find_spec(needed[1]) is not None


@pytest.fixture(scope="module")
def hooks() -> Any:
    spec = importlib.util.spec_from_file_location("docs_hooks", DOCS / "hooks.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


every_page = pytest.mark.parametrize("page", PAGES, ids=name)
RUN = [
    page
    for page in PAGES
    if name(page) not in NOT_RUN
    and any(block.runs and block.kind in ("python", "bash") for block in blocks(page))
]


@every_page
def test_every_block_parses(page):
    fences = re.findall(r"^```", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) == 2 * len(blocks(page)), "a block does not say what it holds"
    for one in BLOCK.finditer(page.read_text(encoding="utf-8")):
        assert not one["more"] or TITLE.fullmatch(one["more"]), one["more"]
    for block in blocks(page):
        if block.kind == "python":
            ast.parse(block.text)
        elif block.kind == "toml":
            tomllib.loads(block.text)
        elif block.kind == "json":
            json.loads(block.text)
        else:
            assert block.kind in ("bash", "yaml", "text"), block.kind


def mentioned(page: Path) -> list[list[str]]:
    """The commands of a page, cut into words."""
    found = []
    for block in blocks(page):
        for line in block.text.splitlines():
            command = re.search(r"\bmithridate [a-z]+ .*", line.partition("   #")[0])
            if block.kind in ("bash", "yaml") and command:
                found.append(shlex.split(command[0], comments=True)[1:])
    return found


@every_page
def test_every_command_and_option_exists(page, hooks):
    commands = hooks.commands()
    for block in blocks(page):
        for script in re.findall(r"python ((?:benchmarks|docs)/\S+\.py)", block.text):
            assert (ROOT / script).is_file(), script
    for command, *words in mentioned(page):
        known = {n for o in hooks.options(commands[command]) for n in o.names}
        given = [w.partition("=")[0] for w in words if re.match(r"--?[a-z]", w)]
        assert set(given) <= known, f"mithridate {command}"


def test_a_wrong_option_would_be_noticed(hooks):
    """The check itself: it knows what is an option and what is not."""
    known = {n for o in hooks.options(hooks.commands()["clean"]) for n in o.names}
    assert {"--out", "-o", "--no-header", "--skip-bad-files", "FILE"} <= known
    assert "--targets" not in known


FOLLOWED = [DOCS / "start.md", *sorted((DOCS / "tutorials").glob("*.md"))]
WRITES = re.compile(r"""(?:-o|--out) (\S+)|(?:to_csv|write_html|save)\("([^"]+)"\)""")


def test_pages_that_are_followed_write_files_of_their_own():
    """Who reads Start and then a tutorial in one folder loses nothing."""
    written: dict[str, set[Path]] = {}
    for page in FOLLOWED:
        text = "".join(block.text for block in blocks(page))
        for names in WRITES.findall(text):
            written.setdefault("".join(names).rstrip("/"), set()).add(page)
    assert len(written) >= 12
    assert not [file for file, pages in written.items() if len(pages) > 1]


@pytest.mark.parametrize("page", FOLLOWED, ids=name)
def test_pages_that_are_followed_have_a_picture_that_a_script_draws(page):
    script = (DOCS / "make_pictures.py").read_text(encoding="utf-8")
    drawn = re.findall(r"!\[[^\]]+\]\((?:\.\./)?pictures/(\w+)\.svg\)", page.read_text())
    assert drawn and all(f'"{one}": {one}' in script for one in drawn)


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


@every_page
def test_every_keyword_of_a_door_exists(page):
    """Calls of mithridate.NAME and of defenses take the keywords that the page gives them."""
    for block in blocks(page):
        if block.kind != "python":
            continue
        for call in calls(ast.parse(block.text)):
            target = ast.unparse(call.func)
            door = getattr(mithridate, target.removeprefix("mithridate."), None)
            kind = getattr(defenses, target, None)
            known = door if target.startswith("mithridate.") else kind
            if known is None:
                assert not target.startswith("mithridate."), target
                continue
            given = {k.arg for k in call.keywords}
            assert given <= set(inspect.signature(known).parameters), ast.unparse(call)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page):
    """As GitHub reads it: relative to the file."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for link in LINK.findall(text):
        path, _, anchor = link.partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        goal = page if not path else (page.parent / path)
        assert goal.exists(), link
        if anchor:
            heads = re.findall(r"^#+ (.+)$", goal.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {anchored(head) for head in heads}, link


def anchored(head: str) -> str:
    """The anchor of a heading, as GitHub and the site make it."""
    return re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-")


def test_the_site_has_every_page(hooks):
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"- ([\w/-]+\.md)", text))
    there = {str(p.relative_to(DOCS)) for p in DOCS.rglob("*.md")} | set(hooks.PAGES.values())
    assert listed == there


def test_every_defense_is_in_the_reference():
    text = (DOCS / "reference" / "defenses.md").read_text(encoding="utf-8")
    exported = {
        n for n in defenses.__all__ if issubclass(getattr(defenses, n), defenses.BaseDefense)
    }
    assert set(re.findall(r"^::: mithridate\.defenses\.(\w+)$", text, re.MULTILINE)) == exported


def test_generated_references_name_what_there_is(hooks):
    line, keys = hooks.command_line(), hooks.spec_keys()
    assert "| `--target TEXT` | Column to predict. |  |" in line
    assert "| `--out PATH`, `-o PATH` |" in line
    assert "| `seeds` | int | `3` |" in keys
    for page in DOCS.rglob("*.md"):
        asked = hooks.MARKER.findall(page.read_text(encoding="utf-8"))
        assert set(asked) <= set(hooks.GENERATED), page


def shim(folder: Path) -> dict[str, str]:
    """An environment in which the command `mithridate` is this package."""
    tool = folder / "bin" / "mithridate"
    tool.parent.mkdir()
    tool.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "from mithridate.cli import main; main()" "$@"\n'
    )
    tool.chmod(0o755)
    place = str(Path(mithridate.__file__).parent.parent)
    path = os.pathsep.join([str(tool.parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONPATH": place, "OMP_NUM_THREADS": "1"}


class Session:
    """A Python that runs the blocks of one page, one after the other, as a person at a prompt."""

    def __init__(self, **how: Any):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self.process = subprocess.Popen([sys.executable, "-c", PROMPT], text=True, **pipes, **how)

    def __call__(self, text: str) -> tuple[int, str]:
        """Whether a block failed, and what it printed."""
        reader, writer = self.process.stdout, self.process.stdin
        assert reader is not None and writer is not None
        print(json.dumps(text), file=writer, flush=True)
        lines = []
        for line in reader:
            if line.startswith(DONE):
                return int(line.removeprefix(DONE)), "".join(lines)
            lines.append(line)
        return 1, "".join(lines)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


DONE = "\x1ddone "
PROMPT = f"""
import json, sys, traceback
names = {{"__name__": "__main__"}}
sys.path.insert(0, "")
for line in sys.stdin:
    try:
        exec(compile(json.loads(line), "page", "exec"), names)
        failed = 0
    except BaseException:
        traceback.print_exc()
        failed = 1
    print("\\n{DONE}" + str(failed), flush=True)
"""


def own_tables(folder: Path) -> None:
    """The tables that pages mean by one of your own."""
    rng = np.random.default_rng(0)
    rooms = rng.integers(1, 8, 240)
    area, year = 22 * rooms + rng.normal(15, 6, 240), rng.integers(1920, 2020, 240)
    price = 2200 * area + 700 * (year - 1900) + rng.normal(0, 20_000, 240)
    price[7] *= 10
    houses = {"area": area, "rooms": rooms, "year": year, "SalePrice": price}
    pd.DataFrame(houses).round(0).to_csv(folder / "houses.csv", index=False)
    village, when = np.repeat(np.arange(40), 6), np.tile(np.arange(6), 40)
    treated = ((village % 2 == 0) & (when > 2)).astype(int)
    income = 100 + village + when + 3 * treated + rng.normal(0, 4, 240)
    study = {"income": income, "treated": treated, "village": village, "year": 2000 + when}
    pd.DataFrame(study).to_csv(folder / "study.csv", index=False)


def check_output(wanted: str, printed: str) -> None:
    """Every line of the page is among those that were printed."""
    lines = {line.strip() for line in printed.splitlines()} | {"…"}
    missing = [line for line in wanted.splitlines() if line.strip() not in lines]
    assert not missing, f"{missing} is not in\n{printed}"


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=name)
def test_every_block_runs(page, tmp_path):
    """In order, in one folder; the blocks in Python share their names."""
    environment = shim(tmp_path)
    own_tables(tmp_path)
    python = Session(cwd=tmp_path, env=environment)
    printed = ""
    for block in blocks(page):
        if block.output:
            check_output(block.text, printed)
        if block.title:
            (tmp_path / block.title).write_text(block.text)
        if not block.runs or block.kind not in ("python", "bash"):
            continue
        if block.kind == "python":
            code, printed = python(block.text)
        else:
            text = block.text.replace("PYTHONPATH=.", "PYTHONPATH=.:$PYTHONPATH")
            done = subprocess.run(
                ["bash", "-euc", text],
                cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            code, printed = done.returncode, done.stdout + done.stderr
            assert code == block.code, f"{block.text}\n{done.stdout}\n{done.stderr}"
        assert code == block.code, f"{block.text}\n{printed}"
    python.close()
