"""A build outlives the app: what the next start sees of it, on the real sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import cast

import msgspec
import pytest
from textual.pilot import Pilot

from edgetui import bootstrap
from edgetui.adapters.cloud import from_environ
from edgetui.core.models import BuildRun
from edgetui.core.ports import Ports
from edgetui.jobs import logs
from edgetui.settings import Settings
from edgetui.ui.app import EdgeApp
from edgetui.ui.screens.confirm import ConfirmScreen
from edgetui.ui.screens.image import ImageScreen
from tests.conftest import Sandbox
from tests.contract.build_clients import kill_at, slow_sandbox, start_client, write_plan

from .driving import LIMIT, folded, text_of, until

SLOW = 90.0  # seconds


@contextmanager
def ports_on(sandbox: Sandbox, settings: Settings) -> Iterator[Ports]:
    """The real ports, over the state that the client before left."""
    made = bootstrap.ports(
        settings, lambda: from_environ(sandbox.env), sandbox=sandbox.env["EDGETUI_SANDBOX_SCENARIO"], warm=False
    )
    try:
        yield made
    finally:
        bootstrap.close(made)


@asynccontextmanager
async def started(sandbox: Sandbox, plan: Path, state: Path) -> AsyncIterator[Pilot[int]]:
    """The app on a plan, with the list of steps in front."""
    settings = Settings(state, state, state)
    with ports_on(sandbox, settings) as ports:
        app = EdgeApp(ports, str(plan), settings)
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await until(pilot, lambda: app.has_session)
            yield pilot


def edge(pilot: Pilot[int]) -> EdgeApp:
    return cast("EdgeApp", pilot.app)


def served_log(sandbox: Sandbox, builder: str) -> list[str]:
    """The log as the service has it, of its only kind of run; blobs of acr have a run's id as their name."""
    folder = sandbox.state / "blobs"
    found = [file for file in folder.rglob("*") if file.is_file() and b"Step 1/" in file.read_bytes()[:400]]
    files = sorted(found, key=lambda file: file.stat().st_mtime)
    assert files, builder
    return [line.rstrip() for file in files for line in file.read_text().splitlines()]


@pytest.mark.parametrize("builder", ["acr", "azureml"])
async def test_the_next_start_watches_it_again_with_no_line_lost_or_doubled(
    new_sandbox: Callable[..., Sandbox], tmp_path: Path, builder: str
) -> None:
    sandbox = slow_sandbox(new_sandbox, tmp_path / "slow", 1.0)
    plan, state = write_plan(sandbox, tmp_path / "plan", builder), tmp_path / "client"
    assert kill_at(start_client(sandbox, plan, state), "Step 3/") > 2
    async with started(sandbox, plan, state) as pilot:
        shown = await until(pilot, lambda: "watched again" in edge(pilot).hub.status.text, limit=SLOW)
        assert "⠸ 4 Image" in shown
        edge(pilot).open_step("image")
        await until(pilot, lambda: isinstance(pilot.app.screen, ImageScreen))
        screen = cast("ImageScreen", pilot.app.screen)
        await until(pilot, lambda: not screen.job_runs, limit=SLOW)
        await until(pilot, "✓ Built; F3 goes on")
        screen.log_pane.flush()
        lines = list(screen.log_pane.buffer.lines)
        file = logs.lines(edge(pilot).ports, screen.results.image_log).lines
        assert lines == file
        assert lines == served_log(sandbox, builder)
        assert screen.results.image_run is None


async def test_quitting_leaves_it_to_go_on_and_stopping_ends_it_there(
    new_sandbox: Callable[..., Sandbox], tmp_path: Path
) -> None:
    sandbox = slow_sandbox(new_sandbox, tmp_path / "slow", 3.0)
    plan, state = write_plan(sandbox, tmp_path / "plan", "acr"), tmp_path / "client"
    async with started(sandbox, plan, state) as pilot:
        edge(pilot).run_job("image")
        await until(pilot, lambda: edge(pilot).session.goes_on("image"), limit=SLOW)
        await pilot.press("f10")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await until(pilot, lambda: "watches the build again" in folded(text_of(pilot.app)))
        assert "Leaving stops" not in folded(text_of(pilot.app))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: not pilot.app.is_running or pilot.app.return_code is not None)
    assert run_states(sandbox) == ["Running"]
    async with started(sandbox, plan, state) as pilot:
        await until(pilot, lambda: "watched again" in edge(pilot).hub.status.text, limit=SLOW)
        edge(pilot).open_step("image")
        await until(pilot, lambda: isinstance(pilot.app.screen, ImageScreen))
        await until(pilot, lambda: cast("ImageScreen", pilot.app.screen).log_pane.buffer.total > 0, limit=SLOW)
        await pilot.press("f9")
        await until(pilot, "The build was stopped.", limit=LIMIT)
        assert edge(pilot).session.results.image_run is None
        # The screen says so at once; the service is told in the background.
        await until(pilot, lambda: run_states(sandbox) == ["Canceled"])


async def test_one_on_this_machines_engine_ended_and_the_hub_says_why(
    new_sandbox: Callable[..., Sandbox], tmp_path: Path
) -> None:
    sandbox = new_sandbox()
    plan, state = write_plan(sandbox, tmp_path / "plan", "docker"), tmp_path / "client"
    with ports_on(sandbox, Settings(state, state, state)) as ports:
        run = BuildRun("docker", "", tag="3-abc")
        ports.plans.save_results(str(plan), msgspec.structs.replace(ports.plans.load_results(str(plan)), image_run=run))
    async with started(sandbox, plan, state) as pilot:
        shown = await until(pilot, "✗ The build of vibration-classifier:3-abc on this machine ended when")
        assert "✗ 4 Image" in shown
        edge(pilot).open_step("image")
        shown = await until(pilot, "✗ The build of vibration-classifier:3-abc on this machine ended")
        assert "→ Build again" in shown
    with ports_on(sandbox, Settings(state, state, state)) as ports:
        assert ports.plans.load_results(str(plan)).image_run is None


def run_states(sandbox: Sandbox) -> list[str]:
    """The states of the registry's runs, as the sandbox keeps them."""
    import json
    import sqlite3

    with sqlite3.connect(f"file:{sandbox.state / 'world.sqlite'}?mode=ro", uri=True) as world:
        rows = world.execute("SELECT value FROM documents WHERE kind = 'acr-run'").fetchall()
    return [json.loads(value)["status"] for (value,) in rows]
