"""`edgetui check` as a whole process: the example, its flags, its exit codes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "assets/examples/pump-anomaly"


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A copy of the example that may be edited."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "example")) / "plan.toml"


def check(plan: Path, cache: Path, *flags: str) -> tuple[int, list[str]]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("EDGETUI_")}
    environment["EDGETUI_HOME"] = str(plan.parent.parent / "home")
    environment["EDGETUI_CACHE"] = str(cache)
    done = subprocess.run(
        [sys.executable, "-m", "edgetui", "check", *flags, str(plan)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=environment,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_the_example_has_nothing_wrong(plan: Path, sandbox_cache: Path) -> None:
    assert check(plan, sandbox_cache) == (0, ["plan.toml: 0 errors, 0 warnings"])


def test_problems_are_lines_with_file_line_severity(plan: Path, sandbox_cache: Path) -> None:
    environment = plan.with_name("myenv.yml")
    environment.write_text(environment.read_text().replace("scikit-learn==1.7.2", "scikit-learn==1.5.0"))
    code, lines = check(plan, sandbox_cache)
    assert code == 2
    assert lines[0].startswith("myenv.yml:10: error: the model was made with scikit-learn 1.7.2")
    code, (line,) = check(plan, sandbox_cache, "--json")
    (problem,) = json.loads(line)["problems"]
    assert code == 2
    assert problem["fix"] == {
        "file": "myenv.yml",
        "line": 10,
        "text": "      - scikit-learn==1.7.2",
        "title": "Write scikit-learn==1.7.2",
    }


def test_the_example_resolves_and_runs(plan: Path, sandbox_cache: Path) -> None:
    code, lines = check(plan, sandbox_cache, "--pin", "--smoke")
    said = "\n".join(lines)
    assert code == 0, said
    assert "packages would be installed" in said
    assert "myenv.yml: 1 line pinned" in said
    assert "run() answered 200" in said
    assert '"anomaly": [false, true, true]' in said
    assert "azureml-inference-server-http==" in plan.with_name("myenv.yml").read_text()


def test_what_other_steps_lack_does_not_hold_the_trial_back_and_errors_in_files_do(
    plan: Path, sandbox_cache: Path
) -> None:
    plan.write_text(plan.read_text().replace('name = "edge-hub"', 'name = ""'))
    code, lines = check(plan, sandbox_cache, "--smoke")
    assert code == 2
    assert any("run() answered 200" in line for line in lines), lines
    script = plan.with_name("score.py")
    script.write_text("def init(:\n")
    code, lines = check(plan, sandbox_cache, "--smoke")
    assert (code, lines[-2]) == (2, "not tried: correct the files first")


def test_a_script_that_fails_is_told_at_its_line(plan: Path, sandbox_cache: Path) -> None:
    script = plan.with_name("score.py")
    script.write_text(script.read_text().replace('"model.pkl"', '"other.pkl"'))
    code, lines = check(plan, sandbox_cache, "--smoke")
    assert code == 1
    assert any("score.py:22: error: init() failed: StopIteration" in line for line in lines), lines
    assert lines[-1].startswith("plan.toml: 1 error (the trial), ")
    code, lines = check(plan, sandbox_cache, "--smoke", "--json")
    last = json.loads(lines[-1])
    assert (code, last["event"], last["ok"], last["problems"][0]["line"]) == (1, "smoked", False, 22)
