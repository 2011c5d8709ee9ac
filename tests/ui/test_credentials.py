"""Step 5: the admin user is only turned on when the person says so; the password is never shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import Button

from edgetui.core.errors import EdgeError
from edgetui.core.models import VaultState
from edgetui.ui.app import EdgeApp
from tests.ui.conftest import SIZES
from tests.ui.driving import check_snapshot, masked, text_of, until
from tests.ui.fake_ports import World

CHOSEN = '[workspace]\nsubscription = "sub-1"\nresource_group = "edge-rg"\nname = "edge-ws"\n'


@pytest.mark.parametrize("size", SIZES)
async def test_asks_before_it_enables_the_admin_user(
    fake: Callable[..., EdgeApp], world: World, size: tuple[int, int], tmp_path: Path
) -> None:
    app = fake(CHOSEN)
    async with app.run_test(size=size) as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("5")
        shown = await until(pilot, "The admin user is off")
        assert "for this run only, no OS keyring answers:\n                 no Secret" in shown
        await check_snapshot(pilot, f"credentials-{size[0]}x{size[1]}", masked)
        await pilot.press("enter")
        await until(pilot, "Turn on the admin user of registry edgeregistry?")
        await pilot.press("enter")  # the safe answer has the focus
        await until(pilot, "Nothing was changed.")
        assert "enable_admin" not in world.asked
        await pilot.press("f8")
        await until(pilot, "Turn on the admin user of registry edgeregistry?")
        await pilot.press("tab", "enter")
        shown = await until(pilot, "Admin user      on")
        shown = await until(pilot, "user edgeregistry, this run only")
        assert "p4ss-word" not in shown
        assert app.session.results.credential == "vault:acr/edgeregistry.example"
        for file in tmp_path.rglob("*"):  # noqa: ASYNC240 - a handful of small files
            assert file.is_dir() or b"p4ss-word" not in file.read_bytes(), file


async def test_an_admin_user_that_is_on_needs_no_question(fake: Callable[..., EdgeApp], world: World) -> None:
    world.admin = True
    world.vault = VaultState("keyring", "Secret Service")
    app = fake(CHOSEN)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("5")
        await until(pilot, "in the OS keyring (Secret Service)")
        await pilot.press("f8")
        await until(pilot, "user edgeregistry, the OS keyring")
        await pilot.press("f3")
        await until(pilot, " 6 Devices")


async def test_enter_twice_neither_asks_nor_fetches_twice(fake: Callable[..., EdgeApp], world: World) -> None:
    world.held = "enable_admin"
    app = fake(CHOSEN)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("5")
        await until(pilot, "The admin user is off")
        await pilot.press("enter")
        await until(pilot, "Turn on the admin user of registry edgeregistry?")
        await pilot.press("tab", "enter", "enter", "f8")
        await until(pilot, lambda: "enable_admin" in world.asked)
        await pilot.press("enter", "f8")
        button = app.screen.query_one("#fetch", Button)
        assert button.disabled
        assert "Turn on the admin user" not in text_of(app)
        world.hold.set()
        await until(pilot, "user edgeregistry, this run only")
        await until(pilot, "Admin user      on")
        assert "Turn on the admin user" not in text_of(app)
        assert (world.asked.count("enable_admin"), world.asked.count("credential")) == (1, 1)
        await until(pilot, lambda: button.has_focus)
        assert not button.disabled


async def test_next_says_once_that_the_step_could_be_done_now(fake: Callable[..., EdgeApp]) -> None:
    app = fake(CHOSEN)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("5")
        await until(pilot, "Login server")
        await pilot.press("f3")
        await until(pilot, "! 5 Credentials is ready but not fetched: F8 fetches it, F3 again goes on.")
        await pilot.press("f3")
        await until(pilot, " 6 Devices")


async def test_a_button_grows_with_its_words(fake: Callable[..., EdgeApp], world: World) -> None:
    world.held = "registry"
    app = fake(CHOSEN)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("5")
        await until(pilot, "Fetch and keep the credential (F8)")
        world.hold.set()
        await until(pilot, "Enable the admin user and keep its credential (F8)")


async def test_needs_a_workspace_first(fake: Callable[..., EdgeApp], world: World) -> None:
    app = fake("")
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("5")
        await until(pilot, "this needs 1 Workspace first")
        await pilot.press("f8")
        await until(pilot, "✗ The registry is the workspace's: this needs 1 Workspace first")
        assert "registry" not in world.asked


async def test_a_refusal_is_an_error_with_a_retry(fake: Callable[..., EdgeApp], world: World) -> None:
    world.admin = True
    app = fake(CHOSEN)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("5")
        await until(pilot, "Enter or F8 fetches")
        world.error = EdgeError("You may not read the registry", "403", "Ask for the role AcrPull.", kind="access")
        await pilot.press("f8")
        await until(pilot, "→ Ask for the role AcrPull.")
        world.error = None
        await pilot.press("r")
        await until(pilot, "user edgeregistry, this run only")
