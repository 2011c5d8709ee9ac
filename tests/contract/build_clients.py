"""Builds by a process of their own, which a test can kill and start again; and sandboxes whose builds take their time."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgetui.adapters.cloud import from_environ
from edgetui.sandbox.world import World
from tests.conftest import Sandbox
from tests.contract.client_runs import EXAMPLE

ENVIRONMENT = f"dependencies:\n- python=3.{sys.version_info[1]}\n- pip\n"
LIMIT = 120.0  # seconds until a hung build is given up


def slow_sandbox(
    new_sandbox: Callable[..., Sandbox], state: Path, pause: float, scenario: str = "happy", step: int = 0
) -> Sandbox:
    """A sandbox whose builds wait at each step, or at one; a step's number counts from 1."""
    world = World(state, state / "unused")
    world.put("setting", "builder", {"pause": pause, "pause_at": step})
    world.close()
    return new_sandbox("--scenario", scenario, state=state)


def write_plan(sandbox: Sandbox, folder: Path, builder: str) -> Path:
    """A plan for an image of a model that the sandbox has, in an environment that takes no time."""
    shutil.copytree(EXAMPLE, folder)
    (folder / "myenv.yml").write_text(ENVIRONMENT)
    place, file = from_environ(sandbox.env), folder / "edge.toml"
    file.write_text(
        f'[workspace]\nsubscription = "{place.subscription}"\nresource_group = "{place.resource_group}"\n'
        f'name = "{place.workspace}"\n[model]\nname = "vibration-classifier"\nversion = 3\n[scoring]\n'
        f'script = "score.py"\nenvironment = "myenv.yml"\n[image]\nbuilder = "{builder}"\n'
    )
    return file


def start_client(sandbox: Sandbox, plan: Path, state: Path) -> subprocess.Popen[str]:
    """A client that builds the plan's image and keeps what it knows in `state`; it prints its events."""
    script = Path(__file__).parent / "clients" / "build_image.py"
    environ = sandbox.child_env(PYTHONPATH=str(Path(__file__).parents[2]))
    return subprocess.Popen(
        [sys.executable, str(script), str(plan), str(state)], stdout=subprocess.PIPE, text=True, env=environ
    )


def kill_at(client: subprocess.Popen[str], words: str) -> int:
    """SIGKILL the client as soon as the log holds `words`; returns how many lines of the log it had told."""
    seen = 0
    with client:
        for said in client.stdout or ():
            seen += json.loads(said)["event"] == "log"
            if words in said:
                break
        client.send_signal(signal.SIGKILL)
        client.wait(LIMIT)
    return seen


def finish(client: subprocess.Popen[str]) -> tuple[int, list[dict[str, Any]]]:
    """The client's exit code and all its events."""
    out, _ = client.communicate(timeout=LIMIT)
    return client.returncode, [json.loads(line) for line in out.splitlines()]


def kept_log(events: list[dict[str, Any]]) -> list[str]:
    """The lines of the log file that the events name."""
    return Path(next(one["path"] for one in events if one["event"] == "log-file")).read_text().splitlines()


def lines_of(raw: bytes) -> list[str]:
    """A log of the service as edgetui shows it."""
    return [line.rstrip() for line in raw.decode().splitlines()]
