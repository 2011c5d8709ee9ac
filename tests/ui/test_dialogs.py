"""How the dialogs and the pages of logs look, at both sizes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.screen import Screen

from edgetui.adapters.files.plan_files import TomlPlanFiles
from edgetui.core.errors import EdgeError
from edgetui.core.plan import Model, Plan
from edgetui.ui.app import EdgeApp
from edgetui.ui.screens.choose import ChooseScreen
from edgetui.ui.screens.confirm import ConfirmScreen
from edgetui.ui.screens.crashed import CrashedScreen
from edgetui.ui.screens.error import ErrorScreen
from edgetui.ui.screens.past_logs import PastLogsScreen
from tests.ui.conftest import SIZES
from tests.ui.driving import check_snapshot, masked, until

PLAN = '[workspace]\nsubscription = "sub-1"\nresource_group = "edge-rg"\nname = "edge-ws"\n'
REFUSED = EdgeError(
    "Azure refused to read the registry edgeregistry",
    "403 Forbidden: the client 'jane@example.com' does not have authorization to perform action "
    "'Microsoft.ContainerRegistry/registries/listCredentials/action'.",
    "Ask an owner of the resource group edge-rg for the role AcrPull, then try again.",
    retryable=True,
    kind="access",
)
DIALOGS: dict[str, tuple[str, Callable[[], Screen[Any]]]] = {
    "error": ("Forbidden", lambda: ErrorScreen(REFUSED, lambda: None)),
    "confirm": (
        "Leave now?",
        lambda: ConfirmScreen("Leave now?", "The deployment is under way, and ends with edgetui.", "Leave"),
    ),
    "choose": (
        "Let it be gone",
        lambda: ChooseScreen(
            "The file is gone",
            "Another program removed score.py. Its text is still here.",
            {"write": "Write it again", "gone": "Let it be gone"},
        ),
    ),
    "crashed": (
        "fault of its own",
        lambda: CrashedScreen("edgetui met a fault of its own: ZeroDivisionError.\nThe report: /state/logs/crash.txt"),
    ),
}


def planned(app: EdgeApp, folder: Path) -> EdgeApp:
    """The app on a plan that is called "pump" wherever the test runs."""
    plan = folder / "pump" / "plan.toml"
    plan.parent.mkdir()
    plan.write_text(PLAN)
    app.session_path = str(plan)
    return app


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", DIALOGS)
async def test_a_dialog_over_the_steps(
    fake: Callable[..., EdgeApp], tmp_path: Path, size: tuple[int, int], name: str
) -> None:
    app = planned(fake(), tmp_path)
    words, dialog = DIALOGS[name]
    async with app.run_test(size=size) as pilot:
        await until(pilot, "Enter opens a step")
        app.push_screen(dialog())
        await until(pilot, words)
        await check_snapshot(pilot, f"dialog-{name}-{size[0]}x{size[1]}", masked)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "key", "words"), [("help", "f1", "Close"), ("commands", "ctrl+p", "Search for")])
async def test_what_explains_the_keys(
    fake: Callable[..., EdgeApp], tmp_path: Path, size: tuple[int, int], name: str, key: str, words: str
) -> None:
    app = planned(fake(), tmp_path)
    async with app.run_test(size=size) as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press(key)
        await until(pilot, words)
        await check_snapshot(pilot, f"{name}-{size[0]}x{size[1]}", masked)


@pytest.mark.parametrize("size", SIZES)
async def test_plans_that_were_worked_on(fake: Callable[..., EdgeApp], tmp_path: Path, size: tuple[int, int]) -> None:
    kept = TomlPlanFiles(tmp_path / "state")
    for name in ("valve", "pump"):
        kept.save(str(tmp_path / f"{name}.toml"), Plan(model=Model(name=name, version=1)))
    app = fake()
    async with app.run_test(size=size) as pilot:
        await until(pilot, "Continue with pump")
        await check_snapshot(pilot, f"start-recent-{size[0]}x{size[1]}", without_folder)


@pytest.mark.parametrize("size", SIZES)
async def test_logs_of_past_builds_and_one_of_them(
    fake: Callable[..., EdgeApp], tmp_path: Path, size: tuple[int, int]
) -> None:
    folder = tmp_path / "state" / "logs"
    folder.mkdir(parents=True)
    for day, name in enumerate(("pump-1-aaaa", "pump-2-bbbb", "valve-1-cccc"), 1):
        file = folder / f"build-{name}.log"
        file.write_text("".join(f"Step {n}/40 : RUN part {n} of {name}\n" for n in range(1, 41)) * 10)
        os.utime(file, (day * 86_400, day * 86_400))
    app = planned(fake(), tmp_path)
    async with app.run_test(size=size) as pilot:
        await until(pilot, "Enter opens a step")
        app.push_screen(PastLogsScreen())
        await until(pilot, "Enter opens a log")
        await check_snapshot(pilot, f"past-logs-{size[0]}x{size[1]}", masked)
        await pilot.press("enter")
        await until(pilot, "The log ends here")
        await pilot.press("/", *"part 7", "enter")
        await until(pilot, "'part 7' 10 of 10")
        await check_snapshot(pilot, f"log-{size[0]}x{size[1]}", without_folder)


def without_folder(text: str) -> str:
    """The picture without the folder of this test, however long its name is."""
    text = re.sub(r"\S*/(\w+\.toml) *│", lambda found: f"…/{found[1]}".ljust(len(found[0]) - 1) + "│", masked(text))
    return re.sub(r"─+ \S*/(\S+\.log) ─", r"─ …/\1 ─", text)
