"""A path that is longer than its field: the end shows, the text stays whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgetui.ui.app import EdgeApp
from edgetui.ui.widgets.field import Field
from tests.ui.driving import text_of, until

NAMES = '[workspace]\nsubscription = "sub-1"\nresource_group = "edge-rg"\nname = "edge-ws"\n'


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    folder = tmp_path / "the-department-for-pumps-and-valves" / "models-of-the-second-quarter" / "of-the-third-line"
    folder.mkdir(parents=True)
    for name in ("pump-anomaly.pkl", "config.json"):
        (folder / name).write_text("{}")
    return folder


def row(app: EdgeApp, label: str) -> str:
    return next(line for line in text_of(app).splitlines() if line.strip().startswith(label))


async def test_the_model_screen_shows_the_end_and_keeps_the_whole(fake: Callable[..., EdgeApp], deep: Path) -> None:
    path = str(deep / "pump-anomaly.pkl")
    app = fake(f'{NAMES}[model]\nname = "pump"\npath = "{path}"\n')
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("2")
        await until(pilot, "/of-the-third-line/pump-anomaly.pkl")
        assert row(app, "File or folder").split()[3].startswith("…")
        field = app.screen.query_one("#path", Field)
        field.focus_input()
        await pilot.press("home")
        await until(pilot, lambda: row(app, "File or folder").endswith("…"))  # the beginning, and that there is more
        await pilot.press("end", "x", "backspace", "tab")
        await until(pilot, lambda: row(app, "File or folder").endswith("/of-the-third-line/pump-anomaly.pkl"))
        await pilot.resize_terminal(60, 24)
        await until(pilot, lambda: len(row(app, "File or folder")) <= 60)
        await until(pilot, lambda: row(app, "File or folder").endswith("/pump-anomaly.pkl"))
        assert field.value == app.session.plan.model.path == path


async def test_the_workspace_screen_shows_the_end_of_a_long_config_path(
    fake: Callable[..., EdgeApp], deep: Path
) -> None:
    app = fake("")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("1")
        await until(pilot, "Enter chooses a workspace")
        await pilot.press("shift+tab", *str(deep / "config.json"), "enter")
        await until(pilot, " 2 Model")
        assert app.session.plan.workspace.config == str(deep / "config.json")
        await pilot.press("f2", "1")
        await until(pilot, "/of-the-third-line/config.json")
        assert row(app, "config.json").split()[1].startswith("…")
