"""A build that nobody here follows any more is ended where it runs."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgetui import bootstrap
from edgetui.adapters.cloud import from_environ
from edgetui.jobs import end_build
from edgetui.settings import Settings
from tests.conftest import Sandbox
from tests.contract.build_clients import LIMIT, kill_at, slow_sandbox, start_client, write_plan

KINDS = {"acr": ("acr-run", "status"), "azureml": ("operation", "state")}  # of the sandbox's documents


def states(sandbox: Sandbox, builder: str) -> list[str]:
    """How the builds stand, as the sandbox keeps them."""
    kind, field = KINDS[builder]
    with sqlite3.connect(f"file:{sandbox.state / 'world.sqlite'}?mode=ro", uri=True) as world:
        rows = world.execute("SELECT value FROM documents WHERE kind = ?", [kind]).fetchall()
    return [json.loads(value)[field] for (value,) in rows]


@pytest.mark.parametrize("builder", ["acr", "azureml"])
def test_it_is_ended_there_and_what_has_ended_stays_as_it_is(
    new_sandbox: Callable[..., Sandbox], tmp_path: Path, builder: str
) -> None:
    sandbox = slow_sandbox(new_sandbox, tmp_path / "slow", 60.0)
    plan, state = write_plan(sandbox, tmp_path / "plan", builder), tmp_path / "client"
    kill_at(start_client(sandbox, plan, state), "Step 1/")
    world = sandbox.env["EDGETUI_SANDBOX_SCENARIO"]
    ports = bootstrap.ports(Settings(state, state, state), lambda: from_environ(sandbox.env), sandbox=world, warm=False)
    try:
        run = ports.plans.load_results(str(plan)).image_run
        assert run is not None
        end_build.end(ports.plans.load(str(plan)), run, ports)
        deadline = time.monotonic() + LIMIT
        while (found := states(sandbox, builder)) not in (["Canceled"], ["Cancelled"]):
            assert time.monotonic() < deadline, found
            time.sleep(0.02)
        end_build.end(ports.plans.load(str(plan)), run, ports)
        assert states(sandbox, builder) == found
    finally:
        bootstrap.close(ports)
