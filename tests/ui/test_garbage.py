"""Garbage is looked for when no key waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from edgetui.core.events import Event, Progress
from edgetui.ui import garbage
from edgetui.ui.garbage import TidyApp
from tests.ui import fake_ports
from tests.ui.driving import until
from tests.ui.fake_ports import World

PLAN = '[workspace]\nsubscription = "sub-1"\nresource_group = "edge-rg"\nname = "edge-ws"\n'


async def test_all_is_looked_through_once_jobs_have_ended_and_nobody_types(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done: list[str] = []
    calls = {name: (lambda name=name: done.append(name)) for name in ("freeze", "unfreeze", "collect")}
    monkeypatch.setattr(garbage, "gc", SimpleNamespace(**calls))
    monkeypatch.setattr(garbage, "QUIET", 0.05)
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)
    app = TidyApp(fake_ports.ports(World(), tmp_path / "state"), str(plan))
    ends = threading.Event()

    def lasting(job: str) -> Iterator[Event]:
        yield Progress(job, "on it")
        ends.wait(30)

    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await until(pilot, lambda: done == ["unfreeze", "collect", "freeze"])
        done.clear()
        monkeypatch.setattr(app.session, "run", lasting)
        assert app.run_job("model")
        assert app.run_job("image")
        assert not app.run_job("image")
        assert done == ["freeze", "freeze"]
        app._tidy()
        assert done == ["freeze", "freeze"], "a job runs still"
        monkeypatch.setattr(garbage, "QUIET", 30.0)
        await pilot.press("down")
        ends.set()
        await until(pilot, lambda: not app.bridge.running)
        app._tidy()
        assert done == ["freeze", "freeze"], "a key came just now"
        monkeypatch.setattr(garbage, "QUIET", 0.01)
        app._typed = 0.0
        app._tidy()
        assert done == ["freeze", "freeze", "unfreeze", "collect", "freeze"]
        # The end of a job brings it by itself.
        assert app.run_job("model")
        await until(pilot, lambda: done[5:] == ["freeze", "unfreeze", "collect", "freeze"])
