"""The other commands against the sandbox: looking, asking first, trying dry, serving."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Sandbox, read_env_file
from tests.contract.whole_runs import Home
from tests.terminal import Terminal, terminal

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found through /proc")


@pytest.fixture
def home(tmp_path: Path, sandbox_cache: Path) -> Iterator[Home]:
    one = Home(tmp_path / "person", sandbox_cache)
    yield one
    one.kill_left()


def listed(home: Home, sandbox: Sandbox, *arguments: str) -> list[dict[str, Any]]:
    done = home.run(*arguments, "--json", more=sandbox.env)
    assert (done.code, done.err) == (0, "")
    return done.events


def test_lists_need_no_plan_where_there_is_one_choice(home: Home, sandbox: Sandbox) -> None:
    models = listed(home, sandbox, "models")
    assert {"vibration-classifier", "weld-inspector"} <= {model["name"] for model in models}
    devices = listed(home, sandbox, "devices")
    assert len(devices) >= 25
    assert "line1-gateway" in {device["id"] for device in devices}


def test_a_list_for_people_is_a_table(home: Home, sandbox: Sandbox) -> None:
    done = home.run("devices", "--plan", str(home.plan), more=sandbox.env)
    head, *rows = done.out.splitlines()
    assert head.split() == ["DEVICE", "STATE", "PLATFORM", "MODULES", "TAGS"]
    assert any(row.startswith("line1-gateway ") for row in rows)


def test_a_wrong_choice_names_those_that_there_are(home: Home, sandbox: Sandbox) -> None:
    done = home.run("models", "--workspace", "none-such", more=sandbox.env)
    assert done.code == 2
    assert done.err.startswith("error: --workspace: there is no workspace 'none-such'\n")
    assert "edge-ws" in done.err


def test_doctor_finds_the_sandbox_and_says_where_things_are(home: Home, sandbox: Sandbox) -> None:
    found = {one["name"]: one for one in listed(home, sandbox, "doctor")}
    assert found["sign-in"]["ok"]
    assert found["workspaces"]["text"] == "edge-ws"
    assert found["hubs"]["text"] == "edge-hub"
    assert found["state"]["text"] == str(home.folder / "edgetui" / "state")
    assert not found["keyring"]["ok"]
    assert found["keyring"]["remedy"]


def test_a_dry_run_says_what_would_be_done_and_does_nothing(home: Home, sandbox: Sandbox) -> None:
    before = listed(home, sandbox, "models")
    done = home.run("deploy", str(home.plan), "--dry-run", more=sandbox.env)
    assert (done.code, done.err) == (0, "")
    for part in ("would register model.pkl as pump-anomaly", "would build pump-anomaly", "on line1-gateway"):
        assert part in done.out
    assert listed(home, sandbox, "models") == before


def asked(home: Home, sandbox: Sandbox) -> contextlib.AbstractContextManager[Terminal]:
    """`edgetui deploy` in a terminal, without --yes."""
    command = [sys.executable, "-m", "edgetui", "deploy", str(home.plan)]
    return terminal(command, home.env(sandbox.env), home.folder / "work", size=(120, 50))


def test_it_shows_the_changes_and_asks_before_devices_change(home: Home, new_sandbox: Any, tmp_path: Path) -> None:
    sandbox = new_sandbox()
    with asked(home, sandbox) as one:
        one.wait_for("Apply this to line1-gateway? [y/N]", 300)
        assert "line1-gateway: + " in one.text()
        assert "applied" not in one.text()
        one.keys("n\r")
        assert one.wait() == 130
        assert "was cancelled" in one.text()
    with asked(home, sandbox) as one:
        one.wait_for("Apply this to line1-gateway? [y/N]", 300)
        one.keys("y\r")
        assert one.wait(300) == 0
        assert '"anomaly": [false, true, true]' in one.text()


def test_ctrl_c_at_the_question_leaves_without_a_trace(home: Home, new_sandbox: Any) -> None:
    with asked(home, new_sandbox()) as one:
        one.wait_for("Apply this to line1-gateway? [y/N]", 300)
        one.keys("\x03")
        assert one.wait() == 130
        assert "Traceback" not in one.text()
    assert home.left_processes() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_keeps_a_sandbox_that_others_can_use(home: Home, number: signal.Signals, tmp_path: Path) -> None:
    env_file = tmp_path / "sandbox.env"
    with home.start("sandbox", "serve", "--env-file", str(env_file)) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready https://127.0.0.1:")
        assert env_file.stat().st_mode & 0o777 == 0o600
        variables = read_env_file(env_file)
        loaded = home.run("models", "--json", more=variables)
        assert (loaded.code, loaded.err) == (0, "")
        attached = home.run("doctor", "--sandbox", "--json")
        assert attached.code == 0
        process.send_signal(number)
        assert process.wait(30) == 0
    assert home.left_processes() == []


def test_commands_end_quietly_when_nobody_reads(home: Home, sandbox: Sandbox) -> None:
    command = f"{sys.executable} -m edgetui devices --json | head -n 1"
    done = subprocess.run(
        ["sh", "-c", command], env=home.env(sandbox.env), capture_output=True, text=True, timeout=120, check=True
    )
    assert json.loads(done.stdout)["id"]
    assert "Traceback" not in done.stderr
