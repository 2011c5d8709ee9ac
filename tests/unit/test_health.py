"""The verdict from what an agent reports, by the table in the runtime's own documentation."""

from __future__ import annotations

from typing import Any

import pytest

from edgetui.core import health
from edgetui.core.models import Deployed

IMAGE = "r.example/pump@sha256:1"


def live(
    code: int | None = 200, text: str = "", *, version: int = 5, seen: int = 5, connected: bool = True, **module: Any
) -> Deployed:
    reported: dict[str, Any] = {"lastDesiredVersion": seen}
    if code is not None:
        reported["lastDesiredStatus"] = {"code": code, "description": text}
    if module:
        image = module.pop("image", IMAGE)
        reported["modules"] = {"pump": {"settings": {"image": image}, **module}}
    return Deployed("d", {"modules": {}}, {}, version, 1, reported, connected)


@pytest.mark.parametrize(
    ("device", "state", "settled"),
    [
        (live(runtimeStatus="running"), "running", True),
        (live(runtimeStatus="running", restartCount=1), "running", True),
        (live(seen=4), "pulling", False),
        (live(seen=4, connected=False), "waiting", False),
        (live(None, seen=0), "pulling", False),
        (live(406, "offline"), "waiting", False),
        (live(400, "bad json"), "failed", True),
        (live(412, "1.2"), "failed", True),
        (live(417), "failed", True),
        (live(500, "The operation was canceled."), "pulling", False),
        (
            live(500, "Error calling prepare update for module pump: unauthorized: authentication required"),
            "failed",
            True,
        ),
        (live(500, 'module "pump": manifest unknown'), "failed", True),
        (live(500, "start module pump: Bind for 0.0.0.0:5001 failed: port is already allocated"), "failed", True),
        (live(500, "module pump: exec format error"), "failed", True),
        (live(500, "module other: unauthorized", runtimeStatus="running"), "running", True),
        (live(500, "module pump: something new"), "failed", False),
        (live(), "pulling", False),
        (live(runtimeStatus="running", image="r.example/pump@sha256:old"), "pulling", False),
        (live(runtimeStatus="backoff", restartCount=1, exitCode=3), "backoff", False),
        (live(runtimeStatus="backoff", restartCount=3, exitCode=3), "backoff", True),
        (live(runtimeStatus="failed", exitCode=1), "failed", True),
        (live(runtimeStatus="stopped", exitCode=0), "stopped", True),
        (live(runtimeStatus="unknown"), "unknown", False),
    ],
)
def test_verdicts(device: Deployed, state: str, settled: bool) -> None:
    report = health.judge(device, "pump", IMAGE)
    assert (report.state, report.settled) == (state, settled)
    assert report.remedy or report.state in {"running", "pulling", "waiting", "unknown"}


def test_a_crash_says_how_it_ended() -> None:
    report = health.judge(live(runtimeStatus="backoff", restartCount=4, exitCode=3), "pump", IMAGE)
    assert "exit code 3" in report.detail
    assert "4 times" in report.detail
    assert "init()" in report.remedy
