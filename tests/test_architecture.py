"""The house rules of ARCHITECTURE.md, checked on the syntax tree of every module."""

import ast
import functools
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
ROOT = REPOSITORY / "src" / "mithridate"
MODULES = sorted(ROOT.rglob("*.py"))

RANKS = [
    {"errors", "_text", "_machine", "_retired", "_progress", "_documents"},
    {"_files"},
    {"moments", "schema", "tables", "_lookup", "_cluster"},
    {"bayes", "data"},
    {"passes", "attack"},
    {"defenses", "bounds", "report"},
    {"bench"},
    {"auditing", "cleaning"},
    {"cli"},
    {"__main__"},
]
RANK = {name: rank for rank, names in enumerate(RANKS) for name in names}
JAX = {"jax", "equinox"}
JAX_HALF = {"attack"}
NO_JAX = {"errors", "_text", "_machine", "_retired", "moments", "schema", "tables", "_lookup"}
NO_JAX |= {
    "_progress",
    "_files",
    "_cluster",
    "bayes",
    "data",
    "passes",
    "defenses",
    "bounds",
    "report",
    "cleaning",
    "cli",
}
NO_NUMPY = {"moments", "attack"}
ONLY = {
    "report": {"_files", "schema", "errors", "_text"},
    "tables": {"_files", "errors", "_text", "_machine"},
    "data": {"tables", "errors", "_text", "_lookup"},
}

MOST_PARAMETERS = 6  # that can be given by place; further ones are given by name


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[0]


@functools.cache
def imports(path: Path) -> list[str]:
    """Dotted names of all that a module imports, relative ones resolved."""
    return [*imports_of(path)]


def imports_of(path: Path):
    package = ("mithridate", *path.relative_to(ROOT).with_suffix("").parts)[:-1]
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join((*base, *([node.module] if node.module else [])))
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def test_imports_go_one_way():
    for path in MODULES:
        goes_one_way(path)


def goes_one_way(path: Path):
    here = name_of(path)
    if here == "__init__":
        return  # the public door opens lazily
    assert here in RANK, f"{here} has no rank; give it one in ARCHITECTURE.md and here"
    for name in imports(path):
        top, _, rest = name.partition(".")
        if here in NO_JAX:
            assert top not in JAX, f"{path} must not import {top}"
        if here in NO_NUMPY:
            assert top not in {"numpy", "sklearn", "scipy"}, f"{path} must not import {top}"
        there = rest.split(".")[0]
        if top != "mithridate" or there in {"", here, "__version__"}:
            continue
        assert there in RANK, f"{path} imports {there}, which has no rank"
        assert there in ONLY.get(here, RANK), f"{path} must not import {there}"
        assert RANK[there] < RANK[here], f"{path} must not import {there}"
        if here in NO_JAX - {"cli"}:
            assert there not in JAX_HALF, f"{path} must not import {there}"


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that reach one another, and modules that import themselves."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        todo = list(graph[start])
        while todo:
            here = todo.pop()
            if here not in seen:
                seen.add(here)
                todo += graph[here]
        return seen

    reach = {name: reached(name) for name in graph}
    groups = {frozenset(b for b in reach[a] if a in reach[b]) for a in graph if a in reach[a]}
    return sorted(sorted(group) for group in groups)


def test_circles_are_seen():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}
    assert circles(graph) == [["b", "c"]]


def test_no_module_imports_itself_in_a_circle():
    """Imports inside functions count, and so does what the `__init__` of a room imports."""
    parts = {p: p.relative_to(ROOT).with_suffix("").parts for p in MODULES}
    names = {p: ".".join(at[:-1] if at[-1] == "__init__" else at) for p, at in parts.items()}
    known = set(names.values()) - {""}  # the public door opens lazily

    def meant(name: str) -> str:
        """The module of an imported name, which may be a function of it."""
        inner = name.removeprefix("mithridate.")
        while inner not in known and inner:
            inner = inner.rpartition(".")[0]
        return inner

    graph: dict[str, set[str]] = {name: set() for name in known}
    for path, name in names.items():
        if name:
            graph[name] |= {meant(found) for found in imports(path)} & known
    # When called, `data.load` asks its room which data sets it exports: there is no registry.
    assert circles(graph) == [["data", "data.load"]]


def test_numpy_and_jax_meet_in_one_file():
    both = []
    for path in MODULES:
        tops = {name.partition(".")[0] for name in imports(path)}
        if tops & JAX and "numpy" in tops:
            both.append(str(path.relative_to(ROOT)))
    assert both == ["bench/sweep.py"]


def test_no_room_imports_what_is_private_to_another():
    for path, name in [(module, name) for module in MODULES for name in imports(module)]:
        top, room, *rest = [*name.split("."), ""]
        if top == "mithridate" and room != name_of(path):
            private = any(part.startswith("_") for part in rest)
            assert not private, f"{path} imports {name}, which is private to {room}"


# Tools that all rooms share and users do not see, and what is asked of them in their tests.
PRIVATE = {
    "mithridate._cluster": "how long a cluster is waited for: a test cannot wait as long",
    "mithridate._documents": "the two documents that scripts read, field by field",
    "mithridate._files": "files that are written whole or not at all, interrupted half way",
    "mithridate._lookup": "what is said where a word finds no class, or an option does not fit",
    "mithridate._machine": "the limits of a container, which a test writes into a folder",
    "mithridate._progress": "what a bar shows at what time, by the clock of a test",
    "mithridate._retired": "the list of old names, each of which has a case",
}


def private_imports(text: str) -> set[str]:
    """Dotted names that begin with an underscore somewhere, of all that a test imports."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    ours = {name for name in found if name.partition(".")[0] == "mithridate"}
    return {name for name in ours if any(part.startswith("_") for part in name.split("."))}


def test_tests_ask_what_users_and_rooms_can_ask():
    used = set()
    for path in sorted((REPOSITORY / "tests").rglob("*.py")):
        for name in private_imports(path.read_text(encoding="utf-8")):
            known = {allowed for allowed in PRIVATE if f"{name}.".startswith(f"{allowed}.")}
            assert known, f"{path.name} imports {name}: test what it does by public names"
            used |= known
    assert used == set(PRIVATE), "leave out what no test imports any more"
    assert private_imports("from mithridate.a._b import c\nimport mithridate.d") == {
        "mithridate.a._b.c"
    }


def test_files_and_functions_stay_small():
    for path in MODULES:
        assert len(path.read_text().splitlines()) <= 400, f"{path} has more than 400 lines"
    for node in [node for module in MODULES for node in functions(module)]:
        # A docstring, and the options of a command line, are not length that hides anything.
        lines = node.end_lineno - node.body[0].lineno + 1
        if ast.get_docstring(node):
            lines = node.end_lineno - node.body[0].end_lineno
        assert lines < 50, f"{node.name} has {lines} lines"


def test_few_parameters_are_given_by_place():
    many = set()
    for path in MODULES:
        for node in functions(path):
            taken = (*node.args.posonlyargs, *node.args.args)
            if name_of(path) == "cli" and any("given.Quiet" in ast.unparse(a) for a in taken):
                continue  # a command: its parameters are options, which nobody gives by place
            if len([a for a in taken if a.arg not in {"self", "cls"}]) > MOST_PARAMETERS:
                many.add(f"{path.relative_to(ROOT)} {node.name}")
    assert not many, "let further ones be given by name"


# Classes that share a name, and why they may.
NAMESAKES = {
    "Ridge": "the victim and the estimator: people name one by --victim, the other in Python",
}


def test_a_class_has_a_name_of_its_own():
    names = [
        node.name
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef)
    ]
    plain = Counter(name.lstrip("_") for name in names)
    twice = {name for name in names if plain[name.lstrip("_")] > 1}
    assert twice == set(NAMESAKES), "a reader would take it for the other"


def functions(path: Path):
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, kinds)]


def test_doors_load_no_more_than_they_need():
    """In one process, the light doors first: the help, reports, data, whoever cleans."""
    code = """
import sys
def loaded(*names):
    return sorted(set(names) & set(sys.modules))
import mithridate.cli
print(loaded("jax", "sklearn", "pyarrow", "plotly", "numpy"))
import mithridate.report
print(loaded("jax", "sklearn", "pandas"))
import mithridate.data
mithridate.data.load("diabetes").split(0)
import mithridate.defenses, mithridate.cleaning
mithridate.clean, mithridate.defenses.Trim
print(loaded("jax", "equinox"))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["[]", "[]", "[]"]


def test_nothing_speaks_of_the_machine_it_was_made_on():
    for path in MODULES:
        assert "/work/" not in path.read_text(), path


def test_what_the_map_names_is_there():
    text = (REPOSITORY / "ARCHITECTURE.md").read_text()
    rows = [line for line in text.partition("## Where do I change")[2].splitlines() if "/" in line]
    assert len(rows) >= 10
    for row in rows:
        named = re.findall(r"`([\w./]+(?:/|\.py|\.html))`", row)
        folders = [ROOT, REPOSITORY, *(ROOT / name for name in named if name.endswith("/"))]
        folders += [ROOT / "report" / name for name in named if name.endswith("/")]
        for name in named:
            assert any((folder / name).exists() for folder in folders), name


def test_the_glossary_is_short_and_is_found():
    text = (REPOSITORY / "docs" / "glossary.md").read_text()
    terms = re.findall(r"^\| (?!term \|)(\w.*?) \|", text, re.MULTILINE)
    assert 15 <= len(terms) <= 25
    for page in ("README.md", "CONTRIBUTING.md"):
        assert "(docs/glossary.md)" in (REPOSITORY / page).read_text()
