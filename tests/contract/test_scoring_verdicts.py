"""Every script of the corpus on the real inference server: its verdict and ours are the same."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgetui.adapters.trial.environments import TrialEnvironment, TrialEnvironments
from edgetui.core.events import Event
from edgetui.core.scoring import surroundings
from edgetui.core.scoring.rules import RULES
from tests.unit import corpus
from tests.unit.corpus import scripts

CLIENT = Path(__file__).parent / "clients/score_verdicts.py"
BODY = '{"data": [[1.0, 2.0]]}'
PHASES = ("refuses", "init", "run", "works")
CASES = [case for case in corpus.load("scripts_*.txt") if case.server != "none"]


@pytest.fixture(scope="module")
def environment(sandbox_cache: Path) -> TrialEnvironment:
    found: list[TrialEnvironment] = []

    def installed() -> Iterator[Event]:
        found.append((yield from TrialEnvironments(sandbox_cache).ensure(scripts.PACKAGES, "")))

    for event in installed():
        print(event)
    return found[0]


def ours(case: corpus.Case) -> str:
    """The first phase that our errors say fails, and our warnings too of what the server's environment here has not."""
    found = [(one.severity, RULES[one.rule].phase) for one in scripts.problems(case)]
    phases = [phase for severity, phase in found if severity == "error" or phase == "load"]
    failing = {"load": "refuses", "init": "init", "run": "run"}
    return min((failing.get(phase, "works") for phase in phases), key=PHASES.index, default="works")


def test_the_servers_verdict_and_ours_agree(
    environment: TrialEnvironment, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    files = {f"script_{number:03}.py": case for number, case in enumerate(CASES)}
    for name, case in files.items():
        (tmp_path / name).write_text(case.text, encoding="utf-8")
    done = subprocess.run(
        [environment.python, str(CLIENT), str(tmp_path), BODY],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    servers = json.loads(done.stdout.splitlines()[-1])
    differ = {}
    missed = false_alarms = refused = 0
    for name, case in files.items():
        phase, said = servers[name]
        wanted = {"loads": PHASES[1:]}.get(case.server, (case.server,))
        loads, we_load = phase != "refuses", ours(case) != "refuses"
        refused += not loads
        missed += not loads and we_load
        false_alarms += loads and not we_load
        # Where the server fails later, our errors must not say that it fails earlier.
        later = PHASES.index(ours(case)) < PHASES.index(phase) and case.server != "loads"
        if phase not in wanted or loads != we_load or later:
            differ[case.name] = {"server": phase, "corpus": case.server, "ours": ours(case), "said": said[:200]}
    record_property(
        "corpus", ["refused by the server itself", len(files), refused, refused - missed, missed, false_alarms]
    )
    assert differ == {}
    assert len(files) >= 60


def test_no_module_that_the_environment_has_is_missed(environment: TrialEnvironment) -> None:
    program = "import flask, pathlib; print(pathlib.Path(flask.__file__).parent.parent)"
    done = subprocess.run([environment.python, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    modules = {file.parent.name for file in Path(done.stdout.strip()).glob("[a-z]*/__init__.py")}
    assert {"sklearn", "flask", "dotenv", "requests"} <= modules
    text = "".join(f"import {module}\n" for module in sorted(modules))
    found = surroundings.check("score.py", text, "", "myenv.yml", scripts.environment())
    assert [one.message for one in found] == []
