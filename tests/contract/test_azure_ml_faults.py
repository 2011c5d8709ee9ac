"""Builds by Azure ML while the log is late, refused or not there, and one that ends in a state of its own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from edgetui import bootstrap
from edgetui.adapters.cloud import from_environ
from edgetui.core.events import Event, ImageBuilt, LogLine, Progress
from edgetui.core.models import BuildRun
from tests.conftest import Sandbox
from tests.contract.adapters import call
from tests.contract.build_clients import lines_of
from tests.contract.client_runs import EXAMPLE
from tests.contract.test_azure_ml import FAULTS, Machine, operations, refusal, register, request

LOG = "/ImageLogs/"


@pytest.fixture(scope="module")
def machine(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    made = Machine(tmp_path_factory.mktemp("machine"), from_environ(sandbox.env))
    register(made, "faulty", EXAMPLE / "model.pkl")
    yield made
    bootstrap.close(made.ports)


@pytest.fixture
def faults(sandbox: Sandbox) -> Iterator[Callable[..., None]]:
    def fail(*some: dict[str, Any]) -> None:
        assert call(sandbox, "POST", FAULTS, json={"faults": some}).status_code == 200

    yield fail
    call(sandbox, "DELETE", FAULTS)


def build(machine: Machine, name: str, **more: Any) -> list[Event]:
    return list(machine.ports.builder.build(request(machine, "faulty:1", name, **more)))


def lines(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, LogLine)]


def operation_of(sandbox: Sandbox, name: str) -> dict[str, Any]:
    (one,) = [one for one in operations(sandbox) if f"/{name}:" in json.dumps(one)]
    return one


def log_of(sandbox: Sandbox, name: str) -> list[str]:
    return lines_of((sandbox.state / "blobs" / operation_of(sandbox, name)["log"]).read_bytes())


def test_a_late_log_and_refused_ranges_lose_nothing(
    machine: Machine, sandbox: Sandbox, faults: Callable[..., None]
) -> None:
    faults(
        {"method": "GET", "path": LOG, "status": 404, "times": 2},
        {"method": "GET", "path": LOG, "status": 416, "times": 1},
        {"method": "GET", "path": LOG, "status": 403, "times": 1},
        {"method": "GET", "path": LOG, "status": 503, "times": 4},
    )
    events = build(machine, "late-log")
    assert call(sandbox, "GET", FAULTS).json()["faults"] == []
    assert lines(events) == log_of(sandbox, "late-log")
    assert isinstance(events[-1], ImageBuilt)


def test_a_build_whose_log_cannot_be_read_ends_well_and_says_so(machine: Machine, faults: Callable[..., None]) -> None:
    faults({"method": "*", "path": LOG, "status": 403})
    events = build(machine, "no-log")
    assert lines(events) == []
    assert any("read the build's log" in event.text for event in events if isinstance(event, Progress))
    assert isinstance(events[-1], ImageBuilt)


@pytest.mark.parametrize("state", ["TimedOut", "Paused"])
def test_a_state_that_is_neither_success_nor_failure_is_named(machine: Machine, sandbox: Sandbox, state: str) -> None:
    name = state.lower()
    build(machine, name)
    run = operation_of(sandbox, name)
    with sqlite3.connect(sandbox.state / "world.sqlite") as world:
        (key,) = world.execute(
            "SELECT key FROM documents WHERE kind = 'operation' AND value LIKE ?", (f"%/{name}:%",)
        ).fetchone()
        value = json.dumps({**run, "state": state})
        world.execute("UPDATE documents SET value = ? WHERE kind = 'operation' AND key = ?", (value, key))
    error = refusal(lambda: build(machine, name, resume=BuildRun("azureml", key)))
    assert error.title == f"The build of image {name}:v1 ended on Azure as {state}"
    assert error.retryable
