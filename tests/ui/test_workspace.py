"""Step 1: who is signed in, the list, a config.json, and signing in with a code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgetui.core.errors import EdgeError
from edgetui.ui.app import EdgeApp
from edgetui.ui.screens.workspace import WorkspaceScreen
from tests.conftest import Sandbox
from tests.ui import on_sandbox
from tests.ui.conftest import SIZES
from tests.ui.driving import check_snapshot, check_snapshots, masked, text_of, until
from tests.ui.fake_ports import World

CHOSEN = '[workspace]\nsubscription = "sub-1"\nresource_group = "edge-rg"\nname = "edge-ws"\n'


@pytest.mark.parametrize("size", SIZES)
async def test_shows_account_and_workspaces(fake: Callable[..., EdgeApp], size: tuple[int, int]) -> None:
    app = fake("", sandbox="happy")
    async with app.run_test(size=size) as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("1")
        shown = await until(pilot, "Enter chooses a workspace")
        assert "ada@example.org (device-code" in shown
        assert "lab [ws]" in shown  # names of others are no markup
        await check_snapshot(pilot, f"workspace-{size[0]}x{size[1]}", masked)


async def test_enter_chooses_saves_and_goes_on(fake: Callable[..., EdgeApp], tmp_path: Path) -> None:
    app = fake("")
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("1")
        await until(pilot, "Enter chooses a workspace")
        await pilot.press("down", "enter")
        await until(pilot, " 2 Model")
        assert app.session.plan.workspace.name == "lab [ws]"
        assert 'name = "lab [ws]"' in (tmp_path / "plan.toml").read_text()


async def test_next_says_what_is_missing(fake: Callable[..., EdgeApp]) -> None:
    app = fake("")
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("1", "f3")
        await until(pilot, "First choose a workspace.")
        assert isinstance(app.screen, WorkspaceScreen)


async def test_a_config_file_is_checked_where_it_is_typed(fake: Callable[..., EdgeApp], tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"workspace_name": "<name>"}')
    (tmp_path / "good.json").write_text("{}")
    app = fake("")
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("1")
        await until(pilot, "Enter chooses a workspace")
        await pilot.press("shift+tab", *"none.json", "enter")
        await until(pilot, "there is no file")
        await pilot.press("ctrl+u", *"bad.json", "enter")
        await until(pilot, "placeholder <name>")
        assert "bad.json" in text_of(app)  # what was typed is kept
        assert app.session.plan.workspace.config == ""
        await pilot.press("ctrl+u", *"good.json", "enter")
        await until(pilot, " 2 Model")
        assert app.session.plan.workspace.config == "good.json"
        assert app.session.plan.workspace.name == "edge-ws"


async def test_what_was_wrong_with_a_config_file_goes_with_it(fake: Callable[..., EdgeApp], tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"workspace_name": "<name>"}')
    app = fake("")
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("1")
        await until(pilot, "Enter chooses a workspace")
        await pilot.press("shift+tab", *"bad.json", "enter")
        await until(pilot, "The config.json cannot be used.")
        await pilot.press("ctrl+u", "enter")
        shown = await until(pilot, "Enter chooses a workspace and goes on.")
        assert "placeholder" not in shown
        assert "cannot be used" not in shown


async def test_a_config_file_that_lies_about_unfinished_is_told_of(
    fake: Callable[..., EdgeApp], tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text('{"workspace_name": "<name>"}')
    app = fake("")
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("1")
        shown = await until(pilot, "✗ The config.json still has the placeholder <name>. Write the names.")
        assert "lab [ws]" in shown
        await pilot.press("down", "enter")  # the list can be used all the same
        await until(pilot, " 2 Model")


async def test_a_code_is_shown_copied_and_given_up(fake: Callable[..., EdgeApp], world: World) -> None:
    world.code = True
    app = fake("")
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("1")
        await until(pilot, "Enter chooses a workspace")
        await pilot.press("f8")
        await until(pilot, "ABCD-1234")
        shown = await until(pilot, "Waiting for you to sign in there")
        assert "https://login.example/device" in shown
        await check_snapshots(pilot, "sign-in", masked)
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard == "ABCD-1234")
        await pilot.press("u")
        await until(pilot, lambda: app.clipboard == "https://login.example/device")
        await pilot.press("escape")
        await until(pilot, lambda: not app.bridge.running)
        await until(pilot, lambda: isinstance(app.screen, WorkspaceScreen))
        assert "cancelled" in await until(pilot, "cancelled")


async def test_signing_in_ends_the_question(fake: Callable[..., EdgeApp], world: World) -> None:
    world.code = True
    app = fake(CHOSEN)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("1")
        await until(pilot, "Enter chooses a workspace")
        await pilot.press("f8")
        await until(pilot, "ABCD-1234")
        world.hold.set()
        await until(pilot, lambda: isinstance(app.screen, WorkspaceScreen))
        await until(pilot, lambda: world.asked.count("accessible") == 2)


async def test_without_access_says_how_to_sign_in(fake: Callable[..., EdgeApp], world: World) -> None:
    world.error = EdgeError("Nobody is signed in", "no token", "Sign in with F8.", kind="access")
    app = fake("")
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("1")
        await until(pilot, "not signed in: F8 signs in")
        await until(pilot, "✗ Nobody is signed in. Sign in with F8.")
        await pilot.press("f6")
        shown = await until(pilot, "no token")
        assert "→ Sign in with F8." in shown
        await pilot.press("y")
        await until(pilot, lambda: "Nobody is signed in" in app.clipboard)
        await pilot.press("escape")
        world.error = None
        await pilot.press("f5")
        await until(pilot, "Enter chooses a workspace")


async def test_on_the_sandbox(sandbox: Sandbox, tmp_path: Path) -> None:
    with on_sandbox.outside(sandbox.env, tmp_path) as outside:
        async with outside.opened("workspace") as pilot:
            shown = await until(pilot, "Enter chooses a workspace")
            assert "1 workspace" in shown
            await until(pilot, lambda: "asking…" not in text_of(pilot.app))
            await pilot.press("enter")
            await until(pilot, " 2 Model")
