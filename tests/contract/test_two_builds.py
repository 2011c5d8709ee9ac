"""Two builds at once, of two plans, by two processes over the same state folder: neither sees anything of the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Sandbox
from tests.contract.build_clients import finish, kept_log, slow_sandbox, start_client, write_plan


@pytest.mark.parametrize("builders", [("acr", "acr"), ("azureml", "acr")], ids="-".join)
def test_two_builds_at_once_do_not_mix(
    new_sandbox: Callable[..., Sandbox], tmp_path: Path, builders: tuple[str, str]
) -> None:
    sandbox, state = slow_sandbox(new_sandbox, tmp_path / "slow", 0.3), tmp_path / "client"
    plans = [write_plan(sandbox, tmp_path / name, builder) for name, builder in zip("ab", builders, strict=True)]
    for name, plan in zip("ab", plans, strict=True):
        script = plan.parent / "score.py"
        script.write_text(f"{script.read_text()}\n# {name}\n")
    clients = [start_client(sandbox, plan, state) for plan in plans]
    ended = [finish(client) for client in clients]
    images = []
    for code, events in ended:
        assert code == 0, events[-1]
        said = [event["text"] for event in events if event["event"] == "log"]
        assert kept_log(events) == said
        built = events[-1]
        # Its own image is all that its log speaks of.
        assert any(built["reference"].rpartition(":")[2] in line for line in said)
        images.append(built["reference"])
        assert log_path(events) == built["log"]
    assert len(set(images)) == 2
    for (_, events), other in zip(ended, reversed(images), strict=True):
        assert not [line for line in kept_log(events) if other.rpartition(":")[2] in line]
    assert log_path(ended[0][1]) != log_path(ended[1][1])


def log_path(events: list[dict[str, Any]]) -> str:
    """The log file that the events name."""
    (path,) = {event["path"] for event in events if event["event"] == "log-file"}
    return str(path)
