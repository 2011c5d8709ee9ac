"""The list of steps: first frame, start screen, keys, details, sizes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import OptionList

from edgetui.adapters.files.plan_files import TomlPlanFiles
from edgetui.core.plan import Model, Plan
from edgetui.ui.app import EdgeApp
from tests.ui.conftest import SIZES
from tests.ui.driving import check_snapshot, masked, still, text_of, until
from tests.ui.fake_ports import World

WORKSPACE = '[workspace]\nsubscription = "sub-1"\nresource_group = "edge-rg"\nname = "edge-ws"\n'
MODEL = '[model]\nname = "pump"\nversion = 2\n'


@pytest.mark.parametrize("size", SIZES)
async def test_start_screen_over_the_steps(fake: Callable[..., EdgeApp], size: tuple[int, int]) -> None:
    app = fake(sandbox="happy")
    async with app.run_test(size=size) as pilot:
        shown = await until(pilot, "Start from the example")
        assert "SANDBOX" in shown.splitlines()[0]
        await check_snapshot(pilot, f"start-{size[0]}x{size[1]}", masked)


@pytest.mark.parametrize("size", SIZES)
async def test_a_plan_from_the_command_line_opens_at_its_next_step(
    fake: Callable[..., EdgeApp], size: tuple[int, int]
) -> None:
    app = fake(WORKSPACE + MODEL)
    async with app.run_test(size=size) as pilot:
        await until(pilot, "Enter opens a step")
        shown = await still(pilot)
        assert "Where do you want" not in shown
        assert app.hub.highlighted.step.id == "script"
        await check_snapshot(pilot, f"hub-{size[0]}x{size[1]}", masked)


async def test_the_example_becomes_a_copy_of_ones_own(fake: Callable[..., EdgeApp], tmp_path: Path) -> None:
    app = fake(sandbox="happy")
    async with app.run_test() as pilot:
        await until(pilot, "Start from the example")
        await pilot.press("enter")
        await until(pilot, "plan: pump-anomaly")
        assert Path(app.session.path).is_relative_to(tmp_path)
        assert (Path(app.session.path).parent / "score.py").is_file()
        assert app.session.plan.devices == ("line1-gateway",)


async def test_the_last_plan_is_offered_again(fake: Callable[..., EdgeApp], tmp_path: Path) -> None:
    TomlPlanFiles(tmp_path / "state").save(str(tmp_path / "mine.toml"), Plan(model=Model(name="mine", version=1)))
    app = fake()
    async with app.run_test() as pilot:
        shown = await until(pilot, "Continue with mine")
        assert "Continue where you left off?" in shown
        await pilot.press("enter")
        await until(pilot, "plan: mine")
        assert app.session.path == str(tmp_path / "mine.toml")


async def test_recent_plans_are_listed_and_opened_and_missing_ones_are_marked(
    fake: Callable[..., EdgeApp], tmp_path: Path
) -> None:
    plans = TomlPlanFiles(tmp_path / "state")
    for name in ("first", "gone", "second", "third"):
        plans.save(str(tmp_path / f"{name}.toml"), Plan(model=Model(name=name, version=1)))
    (tmp_path / "gone.toml").unlink()
    app = fake()
    async with app.run_test() as pilot:
        shown = await until(pilot, "Continue with third")
        lines = [line.strip(" │") for line in shown.splitlines()]
        second, gone, first = (next(line for line in lines if line.startswith(n)) for n in ("second", "gone", "first"))
        assert second.endswith("/second.toml")
        assert "is gone" in gone
        assert first.endswith("/first.toml")
        await pilot.press("down", "down", "enter")
        await until(pilot, "plan: first")
        assert app.session.path == str(tmp_path / "first.toml")


async def test_the_start_screen_opened_again_stays_with_the_open_plan_on_escape(fake: Callable[..., EdgeApp]) -> None:
    app = fake(WORKSPACE + MODEL)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        app.edit(app.session.plan)
        open_path = app.session.path
        await pilot.press("f7")
        shown = await until(pilot, "Go on with pump")
        assert "Esc Back" in shown.splitlines()[-1]
        assert "F3" not in shown.splitlines()[-1]
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        assert app.session.path == open_path


async def test_a_plan_that_is_damaged_says_so_where_it_is_offered(fake: Callable[..., EdgeApp], tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    TomlPlanFiles(tmp_path / "state").save(str(file), Plan(model=Model(name="mine", version=1)))
    file.write_text("[model]\nname = \n")
    app = fake()
    async with app.run_test() as pilot:
        shown = await until(pilot, "Continue with mine")
        assert "✗ 2: this is not TOML" in shown


async def test_a_plan_file_can_be_typed(fake: Callable[..., EdgeApp], tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(MODEL)
    app = fake()
    async with app.run_test() as pilot:
        await until(pilot, "Where do you want")
        await pilot.press("tab", *"/no/such", "enter")
        assert "there is no file /no/such" in await until(pilot, "there is no file")
        await pilot.press("ctrl+u", *str(tmp_path / "other.toml"), "enter")
        await until(pilot, "plan: pump")


async def test_escape_never_quits_and_begins_a_new_plan(fake: Callable[..., EdgeApp]) -> None:
    app = fake()
    async with app.run_test() as pilot:
        await until(pilot, "Where do you want")
        await pilot.press("escape")
        await until(pilot, "plan: new")
        await pilot.press("escape", "escape")
        await pilot.pause()
        assert app.is_running
        assert app.has_session


async def test_a_broken_plan_is_an_error_with_its_line(fake: Callable[..., EdgeApp]) -> None:
    app = fake("[model]\nname = \n")
    async with app.run_test() as pilot:
        shown = await until(pilot, "That did not work")
        assert "line 2: something is missing at the end of the line" in shown


async def test_steps_open_by_enter_number_and_next(fake: Callable[..., EdgeApp]) -> None:
    app = fake(WORKSPACE + MODEL)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("up", "enter")
        await until(pilot, " 2 Model · ✓ pump:2")
        await pilot.press("f2", "1")
        await until(pilot, " 1 Workspace · ✓ edge-ws")
        await pilot.press("escape")
        await until(pilot, "Deploy a model to your edge devices")
        await pilot.press("5")
        await until(pilot, " 5 Credentials")


async def test_the_terminal_cursor_follows_the_highlight(fake: Callable[..., EdgeApp]) -> None:
    app = fake(WORKSPACE)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("home")
        await pilot.pause()
        top = app.cursor_position
        lines = text_of(app).splitlines()
        assert "1 Workspace" in lines[top.y]
        await pilot.press("down", "down")
        await until(pilot, lambda: app.cursor_position.y == top.y + 2)
        assert "3 Script" in lines[app.cursor_position.y]


async def test_details_say_what_is_missing(fake: Callable[..., EdgeApp]) -> None:
    app = fake("")
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("end")
        shown = await until(pilot, "7 Deploy ─")
        assert "It needs 4 Image, 5 Credentials" in shown
        await pilot.press("home")
        assert "Still to do: choose a workspace" in await until(pilot, "1 Workspace ─")


async def test_a_failed_step_shows_its_remedy(fake: Callable[..., EdgeApp], world: World) -> None:
    app = fake(WORKSPACE + '[model]\nname = "pump"\nversion = 9\n')
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, "Enter opens a step")
        app.run_job("model")
        await until(pilot, lambda: "model" in app.session.failed)
        await pilot.press("home", "down")
        shown = await until(pilot, "✗ The workspace edge-ws has no model pump:9")
        assert "✗ 2 Model" in shown
        assert "Choose one of them" in shown


async def test_no_timer_runs_when_idle(fake: Callable[..., EdgeApp]) -> None:
    app = fake(WORKSPACE)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        pumps = [app.hub, *app.hub.query("*")]
        running = [timer.name for pump in pumps for timer in pump._timers if timer._active.is_set()]
        assert set(running) <= {"screen_update"}  # Textual's own, which waits
        assert app.hub.query_one("#steps", OptionList).has_focus
