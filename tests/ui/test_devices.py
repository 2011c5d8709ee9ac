"""Step 6 on the real sandbox: the hub is found, devices are filtered, marked, warned about."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from textual.pilot import Pilot

from edgetui.core.models import Device
from edgetui.ui.screens.devices import DevicesScreen
from edgetui.ui.words import devices as device_words
from tests.conftest import Sandbox

from .driving import check_snapshot, masked, text_of, until
from .on_sandbox import Outside, outside, outside_of_own


@pytest.fixture(scope="module")
def shared(sandbox_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside_of_own(tmp_path_factory.mktemp("own"), sandbox_cache) as made:
        yield made


@pytest.fixture
def fresh(shared: Outside) -> Iterator[Outside]:
    """The plan as it was before the test."""
    with shared.rewritten("", ""):
        yield shared


def screen(pilot: Pilot[int]) -> DevicesScreen:
    return cast("DevicesScreen", pilot.app.screen)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_the_devices_are_listed_and_the_chosen_one_is_marked(fresh: Outside, size: tuple[int, int]) -> None:
    async with fresh.opened("devices", size) as pilot:
        shown = await until(pilot, "1 device marked; Enter or F3 goes on.")
        assert "edge-hub (the only one)" in shown
        assert "[x]  line1-gateway" in shown
        await check_snapshot(
            pilot, f"devices-{size[0]}x{size[1]}", lambda text: re.sub(r"127\.[\d.]+", "127.<n>", masked(text))
        )


async def test_one_filters_marks_and_goes_on(fresh: Outside) -> None:
    async with fresh.opened("devices") as pilot:
        await until(pilot, "marked; Enter")
        await pilot.press("/", *"pump amd64", "enter", "*")
        shown = await until(pilot, "! pump-station-a1 only reports")
        assert "more; the review in 7 Deploy shows all" in shown
        assert set(screen(pilot).plan.devices) == {"line1-gateway", *screen(pilot).table.shown}
        await pilot.press("escape", "*", "*")
        await until(pilot, "Space marks devices. Enter takes the one under the cursor")
        await pilot.press("f3")
        assert "First choose one or more devices" in await until(pilot, "First choose")
        screen(pilot).table.move_to("lab-jetson")
        await pilot.pause()
        table = screen(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is not table)
        assert 'devices = ["lab-jetson"]' in fresh.text()


async def test_a_device_of_another_platform_is_warned_about(fresh: Outside) -> None:
    async with fresh.opened("devices") as pilot:
        await until(pilot, "marked; Enter")
        screen(pilot).table.move_to("lab-jetson")
        await pilot.press("space")
        await until(pilot, "! lab-jetson is linux/arm64, the image is linux/amd64: it will not start there")


async def test_a_device_that_is_not_in_the_hub_can_be_dropped(fresh: Outside) -> None:
    with fresh.rewritten('"line1-gateway"', '"line1-gateway", "sold-last-year"'):
        async with fresh.opened("devices") as pilot:
            await until(pilot, "! sold-last-year is not in edge-hub. F9 drops it.")
            await pilot.press("f9")
            await until(pilot, lambda: "sold-last-year" not in text_of(pilot.app))
            assert screen(pilot).plan.devices == ("line1-gateway",)


async def test_the_details_follow_the_cursor_where_there_is_room(fresh: Outside) -> None:
    async with fresh.opened("devices", (120, 40)) as pilot:
        await until(pilot, "marked; Enter")
        screen(pilot).table.move_to("lab-jetson")
        shown = await until(pilot, "Platform     linux/arm64")
        assert "! only reports" in shown.replace("│", "")


async def test_a_thousand_devices_arrive_while_one_filters(new_sandbox: Callable[..., Sandbox], tmp_path: Path) -> None:
    many = new_sandbox("--scenario", "many-devices")
    with outside(many.env, tmp_path / "home") as made:
        async with made.opened("devices") as pilot:
            await until(pilot, lambda: bool(screen(pilot).table.rows))
            await pilot.press("/", *"line1-gateway")
            await until(pilot, "1 device marked; Enter or F3 goes on.")
            assert len(screen(pilot).table.rows) >= 1000
            assert screen(pilot).table.shown == ("line1-gateway",)


async def test_without_a_workspace_it_says_where_to_go(fresh: Outside) -> None:
    with fresh.rewritten('name = "edge-ws"', ""):
        async with fresh.opened("devices") as pilot:
            assert "choose one in 1 Workspace" in await until(pilot, "No workspace is chosen")


def test_a_device_in_words() -> None:
    device = Device("d", connected=False, platform="linux/arm64", agent_code=412, tags={"simulated": True, "site": "x"})
    assert device_words.connected(device) == "offline"
    assert device_words.last_status(device) == "refused: schema"
    assert device_words.tags(device) == "reports only site=x"
    assert len(device_words.warnings(device, "linux/amd64")) == 3
    assert device_words.last_status(Device("d")) == "never reported"
    assert "Platform     not reported" in device_words.described(Device("d"), "linux/amd64")
