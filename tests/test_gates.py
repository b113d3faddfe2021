"""What runs the gates elsewhere: the action of GitHub and the hook of pre-commit."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mithridate

ROOT = Path(__file__).parent.parent
RUN = "from mithridate.cli import main; main()"
TELL = '#!/bin/sh\nfor word in "$@"; do echo "<$word>"; done\nexit 2\n'


def act(folder: Path, tool: str, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Runs the script of the action with a command `mithridate` of the test's own."""
    command = folder / "bin" / "mithridate"
    command.parent.mkdir(exist_ok=True)
    command.write_text(tool)
    command.chmod(0o755)
    path = os.pathsep.join([str(command.parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", str(ROOT / ".ci" / "action")],
        cwd=folder, env={**os.environ, "PATH": path, **inputs},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def words(done: subprocess.CompletedProcess[str]) -> list[str]:
    return re.findall(r"<(.*?)>", done.stdout, re.DOTALL)


def test_the_action_passes_its_inputs_on_and_the_exit_code_back(tmp_path):
    inputs = {"TABLE": "data/my houses.csv", "TARGET": "Sale $(Price)", "COMMAND": "clean"}
    done = act(tmp_path, TELL, **inputs, MAX_REJECTED="0.05", ARGUMENTS="--drop a,b -q")
    assert done.returncode == 2
    assert words(done) == [
        "clean", "data/my houses.csv", "--target", "Sale $(Price)", "--out",
        "mithridate-out/my houses.csv", "--report", "--max-rejected", "0.05", "--drop", "a,b", "-q",
    ]  # fmt: skip


def test_the_action_audits_too(tmp_path):
    done = act(tmp_path, TELL, TABLE="t.parquet", TARGET="y", COMMAND="audit", MAX_DAMAGE="2")
    assert words(done)[:2] == ["audit", "t.parquet"]
    assert words(done)[-4:] == ["--out", "mithridate-out", "--max-damage", "2"]
    done = act(tmp_path, TELL, TABLE="t.csv", TARGET="y", COMMAND="bench")
    assert done.returncode == 1 and "neither clean nor audit" in done.stderr


def test_the_action_hands_every_input_to_its_script():
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "action").read_text(encoding="utf-8")
    passed = set(re.findall(r"^ +([A-Z_]+): \$\{\{", text, re.MULTILINE))
    assert passed == set(re.findall(r"\$\{?([A-Z_]+)", script))
    assert "${{" not in "".join(re.findall(r"run: .*", text))  # inputs are no part of a script


def test_the_hook_checks_a_file_and_writes_nothing(tmp_path):
    text = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    entry = re.findall(r"^  entry: mithridate (.*)$", text, re.MULTILINE)
    assert len(entry) == 1
    rows = [f"{i % 13},{2 * (i % 13) + i % 3}" for i in range(60)]
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(rows) + "\n5,900\n")
    args = [*entry[0].split(), "--defense", "trim", "--contamination", "0.1", "--target", "y"]
    place = str(Path(mithridate.__file__).parent.parent)
    code = [
        subprocess.run(
            [sys.executable, "-c", RUN, *args, *more, "t.csv"],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": place}, capture_output=True, check=False,
        ).returncode
        for more in (["--max-rejected", "0.01"], ["--max-rejected", "0.2"])
    ]  # fmt: skip
    assert code == [2, 0]
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]


def test_pre_commit_reads_the_hook():
    clientlib = pytest.importorskip("pre_commit.clientlib")
    hooks = clientlib.load_manifest(str(ROOT / ".pre-commit-hooks.yaml"))
    assert [hook["id"] for hook in hooks] == ["mithridate-clean"]


@pytest.mark.slow
def test_without_jax_tables_are_cleaned_and_other_commands_say_what_they_miss(tmp_path):
    place = str(Path(mithridate.__file__).parent.parent)
    without = "import sys; sys.modules['jax'] = sys.modules['equinox'] = None; " + RUN
    done = [
        subprocess.run(
            [sys.executable, "-c", without, *words], cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": place}, capture_output=True, text=True, check=False,
        )
        for words in (["clean", "diabetes", "-q"], ["influence", "diabetes", "--column", "bmi"],
                      ["audit", "diabetes"], ["poison", "diabetes", "-o", "p.csv"])
    ]  # fmt: skip
    assert [one.returncode for one in done] == [0, 0, 1, 1], done
    for one in done[2:]:
        assert "pip install jax equinox" in one.stderr and "Traceback" not in one.stderr


@pytest.mark.slow
def test_pre_commit_installs_and_runs_the_hook(tmp_path):
    """As a person would try it; it installs the package and what it needs."""
    pytest.importorskip("pre_commit", reason="pre-commit is not installed")
    rows = [f"{i % 13},{2 * (i % 13) + i % 3}" for i in range(60)]
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(rows) + "\n5,900\n")
    subprocess.run(["git", "init", "-q", "."], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "t.csv"], cwd=tmp_path, check=True)
    hook = [sys.executable, "-m", "pre_commit", "try-repo", str(ROOT), "mithridate-clean"]
    done = subprocess.run(
        [*hook, "--verbose", "--all-files"], cwd=tmp_path,
        env={**os.environ, "PRE_COMMIT_HOME": str(tmp_path / ".kept")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    # Without --target the hook cannot know what is predicted, and says so.
    assert done.returncode == 1 and "No target was given" in done.stdout, done.stdout + done.stderr


@pytest.mark.slow
def test_the_recipe_for_mlflow_fills_a_local_store(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed")
    page = (ROOT / "docs" / "how-to" / "mlflow.md").read_text(encoding="utf-8")
    block = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert block is not None
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # newer versions ask for a data base
    mlflow.set_tracking_uri((tmp_path / "store").as_uri())
    exec(compile(block[1], "mlflow.md", "exec"), {})
    client = mlflow.MlflowClient()
    [run] = client.search_runs(["0"])
    assert run.data.metrics["worst"] > 1
    kept = {one.path for one in client.list_artifacts(run.info.run_id)}
    assert {"results.json", "damage.html", "report"} <= kept
    inside = {one.path for one in client.list_artifacts(run.info.run_id, "report")}
    assert {"report/report.html", "report/results.parquet", "report/spec.toml"} <= inside
