"""Builds by Azure ML that outlive the client: it is killed in the middle, and a new one goes on where it was."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import Sandbox
from tests.contract import build_clients
from tests.contract.build_clients import LIMIT, finish, kept_log, kill_at, lines_of, start_client


def operations(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The builds that the sandbox knows, oldest first."""
    with sqlite3.connect(f"file:{sandbox.state / 'world.sqlite'}?mode=ro", uri=True) as world:
        rows = world.execute("SELECT value FROM documents WHERE kind = 'operation'").fetchall()
    return sorted((json.loads(value) for (value,) in rows), key=lambda one: str(one["created"]))


def log_of(sandbox: Sandbox, operation: dict[str, Any]) -> list[str]:
    return lines_of((sandbox.state / "blobs" / operation["log"]).read_bytes())


def test_a_killed_client_continues_the_build_with_no_line_lost_or_doubled(
    new_sandbox: Callable[..., Sandbox], tmp_path: Path
) -> None:
    sandbox = build_clients.slow_sandbox(new_sandbox, tmp_path / "slow", 0.5)
    plan, state = build_clients.write_plan(sandbox, tmp_path / "plan", "azureml"), tmp_path / "client"
    assert kill_at(start_client(sandbox, plan, state), "Step 3/") > 3
    assert kill_at(start_client(sandbox, plan, state), "Step 5/") > 0
    code, events = finish(start_client(sandbox, plan, state))
    assert code == 0, events
    (operation,) = operations(sandbox)  # nothing was scheduled again
    assert operation["state"] == "Succeeded"
    assert kept_log(events) == log_of(sandbox, operation)
    assert events[-1]["reference"] == operation["resourceLocation"]


def test_a_build_that_was_interrupted_there_is_told_and_the_next_run_builds_again(
    new_sandbox: Callable[..., Sandbox], tmp_path: Path
) -> None:
    sandbox = build_clients.slow_sandbox(new_sandbox, tmp_path / "slow", 0.4)
    plan, state = build_clients.write_plan(sandbox, tmp_path / "plan", "azureml"), tmp_path / "client"
    kill_at(start_client(sandbox, plan, state), "Step 3/")
    sandbox.process.send_signal(signal.SIGKILL)
    sandbox.process.wait(LIMIT)
    sandbox = new_sandbox(state=sandbox.state)
    code, events = finish(start_client(sandbox, plan, state))
    assert code == 1
    (operation,) = operations(sandbox)
    assert kept_log(events) == log_of(sandbox, operation)
    failed = events[-1]
    assert "was interrupted" in failed["title"]
    assert (failed["retryable"], failed["remedy"]) == (True, "Build again.")
    code, events = finish(start_client(sandbox, plan, state))
    assert code == 0, events
    assert [one["state"] for one in operations(sandbox)] == ["Failed", "Succeeded"]
    assert kept_log(events) == log_of(sandbox, operations(sandbox)[1])


def test_a_build_that_is_gone_there_is_begun_anew(new_sandbox: Callable[..., Sandbox], tmp_path: Path) -> None:
    sandbox = build_clients.slow_sandbox(new_sandbox, tmp_path / "slow", 0.3)
    plan, state = build_clients.write_plan(sandbox, tmp_path / "plan", "azureml"), tmp_path / "client"
    kill_at(start_client(sandbox, plan, state), "Step 2/")
    sandbox.stop()
    with sqlite3.connect(sandbox.state / "world.sqlite") as world:
        assert world.execute("DELETE FROM documents WHERE kind IN ('operation', 'ml-operation')").rowcount == 2
    sandbox = new_sandbox(state=sandbox.state)
    code, events = finish(start_client(sandbox, plan, state))
    assert code == 0, events
    assert [one["state"] for one in operations(sandbox)] == ["Succeeded"]


def test_a_workspace_that_serves_only_the_older_image_api_is_built_for_and_gone_on_with_alike(
    new_sandbox: Callable[..., Sandbox], tmp_path: Path
) -> None:
    sandbox = build_clients.slow_sandbox(new_sandbox, tmp_path / "slow", 0.3, "older-workspace")
    plan, state = build_clients.write_plan(sandbox, tmp_path / "plan", "azureml"), tmp_path / "client"
    assert kill_at(start_client(sandbox, plan, state), "Step 3/") > 3
    code, events = finish(start_client(sandbox, plan, state))
    assert code == 0, events
    (operation,) = operations(sandbox)
    told = kept_log(events)
    assert "older image API" in told[0]
    assert told[2:] == log_of(sandbox, operation)
    built = events[-1]
    # Azure numbers these images; what the builder does not know, the registry says.
    assert built["reference"] == operation["resourceLocation"]
    assert built["reference"].endswith(":1")
    assert built["digest"].startswith("sha256:")
    assert (built["platform"], built["size"] > 0) == ("linux/amd64", True)
