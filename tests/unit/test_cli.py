"""The command line without any Azure: usage, exit codes, what is imported, and how commands end."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from edgetui import __version__, cli
from tests.terminal import terminal

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "assets" / "examples" / "pump-anomaly"
LIMIT = 60  # seconds
HEAVY = ("textual", "azure", "azureml", "docker", "keyring", "requests", "msgspec", "starlette", "uvicorn")


def run(*arguments: str, home: Path, more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run edgetui with an own home, and no terminal."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("EDGETUI_", "AZURE", "ARM_"))}
    env = {**kept, "EDGETUI_HOME": str(home / "edgetui"), "HOME": str(home), **(more or {})}
    command = [sys.executable, "-m", "edgetui", *arguments]
    return subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False
    )


def loaded(code: str, home: Path) -> set[str]:
    """The modules that a process has after running some code."""
    text = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    env = {**os.environ, "EDGETUI_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", text], env=env, capture_output=True, text=True, timeout=LIMIT, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_help_imports_no_interface_and_no_sdk(tmp_path: Path) -> None:
    quiet = "contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit)"
    code = f"import contextlib, io\nfrom edgetui.cli import main\nwith {quiet}:\n    main(['--help'])"
    assert loaded(code, tmp_path).isdisjoint(HEAVY)


def test_the_interface_process_imports_no_sdk(tmp_path: Path) -> None:
    code = "import edgetui.ui.app, edgetui.bootstrap, edgetui.jobs.session, edgetui.jobs.run_plan, edgetui.command_line.app"
    assert loaded(code, tmp_path).isdisjoint({"azure", "azureml", "docker", "keyring", "starlette", "uvicorn"})


def test_version(tmp_path: Path) -> None:
    done = run("--version", home=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"edgetui {__version__}\n")


@pytest.mark.parametrize(
    ("given", "sandbox", "command"),
    [
        (["--sandbox", "deploy", "p.toml"], "", "deploy"),
        (["deploy", "--sandbox", "p.toml"], "", "deploy"),
        (["deploy", "p.toml", "--sandbox"], "", "deploy"),
        (["deploy", "p.toml", "--sandbox", "many-devices"], "many-devices", "deploy"),
        (["--sandbox", "happy", "models"], "happy", "models"),
        (["models", "--sandbox=happy"], "happy", "models"),
        (["deploy", "p.toml"], None, "deploy"),
        (["--sandbox"], "", None),
        ([], None, None),
    ],
)
def test_sandbox_may_stand_anywhere(given: list[str], sandbox: str | None, command: str | None) -> None:
    args = cli.parse(given)
    assert (args.sandbox, args.command) == (sandbox, command)


@pytest.mark.parametrize(
    "given",
    [
        ["deploy"],
        ["nonsense"],
        ["check"],
        ["sandbox"],
        ["deploy", "a.toml", "--nope"],
        ["deploy", "a.toml", "--wait", "-3"],
        ["deploy", "a.toml", "--wait", "nan"],
        ["deploy", "a.toml", "--wait", "soon"],
    ],
)
def test_bad_usage_ends_with_2(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.parse(given)
    assert ended.value.code == 2
    assert "usage: edgetui" in capsys.readouterr().err


def test_every_command_has_a_module_to_run() -> None:
    top = cli.parser()
    (commands,) = (action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    assert set(commands.choices) == set(cli.COMMANDS)
    for module in cli.COMMANDS.values():
        assert (ROOT / "edgetui" / "command_line" / f"{module}.py").is_file()


def _options(parser: argparse.ArgumentParser) -> set[str]:
    found: set[str] = set()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, one in action.choices.items():
                found |= {name} | _options(one)
        else:
            found |= {word for word in action.option_strings if word.startswith("--")}
    return found


def test_the_readme_names_every_command_and_flag() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Command line")[2].partition("\n## ")[0]
    said = set(re.findall(r"[\w-]+", text))
    assert {word for word in _options(cli.parser()) if word not in said} == set()
    assert {word for word in said if word.startswith("--")} <= _options(cli.parser())


def test_without_a_terminal_the_wizard_says_so(tmp_path: Path) -> None:
    done = run(home=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: The wizard needs a terminal\n")
    assert "Traceback" not in done.stderr


def test_a_terminal_that_cannot_draw_is_told_what_to_set(tmp_path: Path) -> None:
    with terminal([sys.executable, "-m", "edgetui"], {"TERM": "dumb", "EDGETUI_HOME": str(tmp_path)}) as one:
        one.wait_for("error: The wizard needs a terminal that can draw, and TERM is dumb")
        one.wait_for("TERM=xterm-256color edgetui")
        one.wait_for("edgetui deploy PLAN --yes")


def test_a_plan_for_the_wizard_that_is_not_there_is_said_before_it_opens(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edgetui", "--plan", "nope.toml"]
    with terminal(command, {"EDGETUI_HOME": str(tmp_path / "home")}, cwd=tmp_path, size=(160, 24)) as one:
        one.wait_for(f"error: --plan: There is no file {tmp_path}/nope.toml")
        one.wait_for("a relative one starts at the current folder), or leave --plan out")


def test_a_scenario_that_there_is_not_is_said_before_the_wizard_opens(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edgetui", "--sandbox", "bogus"]
    with terminal(command, {"EDGETUI_HOME": str(tmp_path)}) as one:
        one.wait_for("error: --sandbox: There is no scenario 'bogus'")
        one.wait_for("There are: happy, empty-workspace")


def test_deploy_without_a_terminal_wants_yes(tmp_path: Path) -> None:
    done = run("deploy", str(EXAMPLE / "plan.toml"), "--sandbox", home=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: --yes: ")
    assert not (tmp_path / "edgetui").exists() or not list((tmp_path / "edgetui").rglob("world.sqlite"))


@pytest.mark.parametrize("how", ["flag", "variable"])
def test_read_only_refuses_to_deploy(how: str, tmp_path: Path) -> None:
    flag, more = (["--read-only"], {}) if how == "flag" else ([], {"EDGETUI_READ_ONLY": "1"})
    done = run(*flag, "deploy", str(EXAMPLE / "plan.toml"), "--yes", home=tmp_path, more=more)
    assert done.returncode == 2
    assert done.stderr.startswith("error: read_only: ")


def test_a_missing_plan_is_named(tmp_path: Path) -> None:
    done = run("check", str(tmp_path / "none.toml"), home=tmp_path)
    assert done.returncode == 2
    assert "none.toml" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_example_passes_its_check(tmp_path: Path) -> None:
    done = run("check", str(EXAMPLE / "plan.toml"), home=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("plan.toml: 0 errors, 0 warnings\n")


def test_check_names_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(
        '[model]\nname = "pump"\npath = "none.pkl"\n[scoring]\nscript = "s.py"\nenvironment = "e.yml"\n'
    )
    (tmp_path / "s.py").write_text("def init():\n    pass\n")
    (tmp_path / "e.yml").write_text("dependencies: [\n")
    done = run("check", str(tmp_path / "plan.toml"), "--json", home=tmp_path)
    assert done.returncode == 2
    (line,) = done.stdout.splitlines()
    said = json.loads(line)
    assert said["event"] == "checked"
    messages = {(problem["file"], problem["rule"]) for problem in said["problems"]}
    files = {file for file, _ in messages}
    assert files == {"plan.toml", "s.py", "e.yml"}
    assert {"workspace", "devices", "model.path"} <= {rule for _, rule in messages}


def test_an_unforeseen_error_gives_one_line_and_a_report(tmp_path: Path) -> None:
    code = (
        "from edgetui.command_line import guard\n"
        "import sys\n"
        "def fail(): raise RuntimeError('SharedAccessKey=c2VjcmV0c2VjcmV0 is here')\n"
        "sys.exit(guard.guarded(fail))"
    )
    env = {**os.environ, "EDGETUI_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "c2VjcmV0" not in done.stderr
    (report,) = tmp_path.rglob("logs/crash-*.log")
    assert str(report) in done.stderr
    text = report.read_text()
    assert "RuntimeError" in text
    assert "c2VjcmV0" not in text


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('name = "pump-anomaly"\npath', 'name = "pump anomaly/x é"\npath', "model.name"),
        ('path = "model.pkl"', 'path = "empty.pkl"', "model.path"),
        ('path = "model.pkl"', 'path = "nothing"', "model.path"),
        ('tag = "auto"', 'tag = "-bad:tag"', "image.tag"),
        ('platform = "linux/amd64"', 'platform = "windows/amd64"', "image.platform"),
        ('[module]\nname = "pump-anomaly"', '[module]\nname = "$edgeAgent"', "module.name"),
        ("[workspace]\nsub", '[workspace]\nconfig = "config.json"\nsub', "workspace.config"),
    ],
)
def test_check_finds_what_azure_would_refuse(tmp_path: Path, old: str, new: str, field: str) -> None:
    folder = shutil.copytree(EXAMPLE, tmp_path / "example")
    (folder / "empty.pkl").touch()
    (folder / "nothing").mkdir()
    names = {"subscription_id": "<my-subscription-id>", "resource_group": "rg", "workspace_name": "ws"}
    (folder / "config.json").write_text(json.dumps(names))
    plan = folder / "plan.toml"
    text = plan.read_text()
    assert text.count(old) == 1
    plan.write_text(text.replace(old, new))
    done = run("check", str(plan), home=tmp_path)
    assert done.returncode == 2
    assert f"plan.toml: error: {field}: " in done.stdout
    assert "plan.toml: 1 error, " in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_output_that_goes_nowhere_is_said_and_is_no_fault_of_ours(tmp_path: Path, options: list[str]) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EDGETUI_")}
    env = {**kept, "EDGETUI_HOME": str(tmp_path / "edgetui")}
    command = f"{shlex.quote(sys.executable)} -m edgetui check {shlex.quote(str(EXAMPLE / 'plan.toml'))}"
    for where in (">/dev/full", ">&-"):
        words = ["sh", "-c", f"{command} {' '.join(options)} {where}"]
        done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=LIMIT, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith("error: Standard output cannot be written")
    assert not list((tmp_path / "edgetui").rglob("crash-*"))


def test_help_names_the_scenarios(tmp_path: Path) -> None:
    from edgetui.sandbox.scenarios import SCENARIOS

    words = "".join(run("deploy", "--help", home=tmp_path).stdout.split())  # argparse breaks lines at hyphens too
    assert {name for name in SCENARIOS if name in words} == set(SCENARIOS)
