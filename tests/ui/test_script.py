"""Step 3 as a person uses it: files in tabs, saved without asking, checked after every save."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from edgetui.core.models import EngineState
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.jobs import edit_files, examples
from edgetui.ui.app import EdgeApp
from edgetui.ui.screens.script import ScriptScreen
from edgetui.ui.widgets.problem_list import ProblemList

from . import fake_ports
from .driving import check_snapshot, folded, text_of, until

Opening = Callable[..., AbstractAsyncContextManager[Pilot[int]]]


class NoEngine:
    def state(self) -> EngineState:
        return EngineState(reachable=False, why="none here")


@pytest.fixture
def ports(tmp_path: Path) -> Ports:
    made = fake_ports.ports(fake_ports.World(), tmp_path / "state", sandbox="happy")
    return replace(made, engine=NoEngine())


@pytest.fixture
def plan(ports: Ports) -> Path:
    """The path of a plan that is a copy of the example."""
    return Path(examples.start(ports))


@asynccontextmanager
async def opened(ports: Ports, plan: Path, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[int]]:
    """The app on a plan, with step 3 open and its files read."""
    app = EdgeApp(ports, str(plan))
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.has_session)
        app.open_step("script")
        await until(pilot, lambda: isinstance(app.screen, ScriptScreen) and len(screen(pilot)._files.opened) == 3)
        yield pilot


def screen(pilot: Pilot[int]) -> ScriptScreen:
    return cast("ScriptScreen", pilot.app.screen)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_the_example_is_shown_and_checked(ports: Ports, plan: Path, size: tuple[int, int]) -> None:
    async with opened(ports, plan, size) as pilot:
        await until(pilot, "✓ checked; F8 tries it, F3 goes on")
        await check_snapshot(pilot, f"script-{size[0]}x{size[1]}")


async def test_a_pause_saves_and_what_is_wrong_is_one_key_away(ports: Ports, plan: Path) -> None:
    async with opened(ports, plan) as pilot:
        await until(pilot, "✓ checked")
        before = (plan.parent / "score.py").read_text()
        screen(pilot).editor("script").focus()
        await pilot.press(*"def run(", "enter")
        await until(pilot, "Script · unsaved")
        # Where keys come slowly, what is there after the first of them is saved and checked, too.
        await until(pilot, lambda: (plan.parent / "score.py").read_text() == "def run(\n" + before)
        await until(pilot, "Script · 1 error")
        await until(pilot, "1 error to fix")
        await pilot.press("down", "down", "f7")
        await until(pilot, lambda: screen(pilot).editor("environment").has_focus)
        screen(pilot).query_one(ProblemList).focus()
        await pilot.press("home", "enter")
        await until(pilot, lambda: screen(pilot).editor("script").has_focus)
        assert screen(pilot).editor("script").cursor_location == (0, 0)
        await pilot.press("f3")
        assert "First fix the error below." in await until(pilot, "First fix")
        assert isinstance(pilot.app.screen, ScriptScreen)


@pytest.mark.parametrize("key", ["escape f2", "f3", "f10"])
async def test_no_way_out_loses_what_was_typed(ports: Ports, plan: Path, key: str) -> None:
    async with opened(ports, plan) as pilot:
        await until(pilot, "✓ checked")
        before = (plan.parent / "score.py").read_text()
        screen(pilot).editor("script").focus()
        await pilot.press("#", "enter", *key.split())
        if key != "f10":
            await until(pilot, lambda: not isinstance(pilot.app.screen, ScriptScreen))
    assert (plan.parent / "score.py").read_text() == "#\n" + before


async def test_going_to_another_step_by_the_palette_saves_too(ports: Ports, plan: Path) -> None:
    async with opened(ports, plan) as pilot:
        await until(pilot, "✓ checked")
        before = (plan.parent / "myenv.yml").read_text()
        await pilot.press("f7", "f7", "f7", "f7")
        await until(pilot, lambda: screen(pilot).editor("environment").has_focus)
        await pilot.press("#")
        cast("EdgeApp", pilot.app).open_step("credentials")
        await until(pilot, "5 Credentials")
        assert (plan.parent / "myenv.yml").read_text() == "#" + before


async def test_what_another_program_wrote_meanwhile_is_kept(ports: Ports, plan: Path) -> None:
    async with opened(ports, plan) as pilot:
        await until(pilot, "✓ checked")
        file = plan.parent / "sample.json"
        screen(pilot).editor("sample").focus()
        screen(pilot).tabs.active = "tab-sample"
        await pilot.pause()
        screen(pilot).editor("sample").focus()
        file.write_text("theirs")
        await pilot.press("1", "escape")
        await until(pilot, "Changed meanwhile")
        assert file.read_text() == "theirs"
        await pilot.press("enter")
        await until(pilot, lambda: file.read_text().startswith("1"))
        assert (plan.parent / "sample.json.other").read_text() == "theirs"
        assert "kept in" in await until(pilot, "kept in")


async def test_the_example_is_there_to_start_from(ports: Ports, tmp_path: Path) -> None:
    async with opened(ports, _empty_plan(tmp_path)) as pilot:
        assert "F9" in await until(pilot, "press F9 to start from a template")
        await pilot.press("f9")
        await until(pilot, "The example: anomalies of a pump")
        await pilot.press("end")
        await until(pilot, "It wants the")
        await pilot.press("enter")
        await until(pilot, "✓ checked; F8 tries it, F3 goes on")
        assert all((tmp_path / name).is_file() for name in edit_files.EXAMPLES.values())
        assert 'script = "score.py"' in (tmp_path / "plan.toml").read_text()


async def test_a_file_that_is_not_there_is_made_by_typing(ports: Ports, tmp_path: Path) -> None:
    async with opened(ports, _empty_plan(tmp_path)) as pilot:
        screen(pilot).field("script").focus_input()
        await pilot.press(*"new/score.py", "enter")
        await until(pilot, lambda: not screen(pilot).editor("script").read_only)
        await pilot.press(*"x = 1", "escape")
        await until(pilot, (tmp_path / "new" / "score.py").exists)
        assert (tmp_path / "new" / "score.py").read_text() == "x = 1"


async def test_a_file_that_cannot_be_read_is_said_under_its_path(ports: Ports, plan: Path) -> None:
    (plan.parent / "score.py").write_bytes(b"\xff\xfe\x00")
    async with opened(ports, plan) as pilot:
        await until(pilot, "is UTF-16, not UTF-8")
        assert screen(pilot).editor("script").read_only


async def test_a_file_that_cannot_be_written_loses_nothing(ports: Ports, plan: Path) -> None:
    async with opened(ports, plan) as pilot:
        await until(pilot, "✓ checked")
        (plan.parent / "score.py").unlink()
        (plan.parent / "score.py").mkdir()
        screen(pilot).editor("script").focus()
        await pilot.press("#", "escape")
        await until(pilot, "That did not work")
        await pilot.press("escape")
        assert screen(pilot).editor("script").dirty
        (plan.parent / "score.py").rmdir()
        await pilot.press("f5")
        await until(pilot, (plan.parent / "score.py").is_file)
        assert (plan.parent / "score.py").read_text().startswith("#")


async def test_what_cannot_be_saved_on_the_way_out_is_kept_elsewhere(ports: Ports, plan: Path, tmp_path: Path) -> None:
    async with opened(ports, plan) as pilot:
        await until(pilot, "✓ checked")
        (plan.parent / "score.py").unlink()
        (plan.parent / "score.py").mkdir()
        # At once: keys that come slowly are saved in between, and the question about that would take the rest of them.
        screen(pilot).editor("script").insert("# mine\n", (0, 0))
        await until(pilot, "Script · unsaved")
        cast("EdgeApp", pilot.app).open_step("credentials")
        await until(pilot, lambda: "unsaved-score.py" in folded(text_of(pilot.app)).replace(" ", ""))
        assert rescued(tmp_path).startswith("# mine\n")


async def test_the_newest_text_wins_over_a_slower_save(ports: Ports, plan: Path) -> None:
    async with opened(ports, plan) as pilot:
        await until(pilot, "✓ checked")
        files, editor = screen(pilot)._files, screen(pilot).editor("script")
        before = editor.text
        editor.focus()
        await pilot.press("1")
        slow = files.saving("script")
        assert slow is not None
        await pilot.press("2")
        assert files.saving("script") is None
        files.save_now("script")
        files.saved(slow())
        assert (plan.parent / "score.py").read_text() == "12" + before
        assert not editor.dirty
        assert not (plan.parent / "score.py.other").exists()


async def test_ones_own_editor_gets_the_saved_file(ports: Ports, plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "/bin/true")
    async with opened(ports, plan) as pilot:
        await until(pilot, "✓ checked")
        screen(pilot).editor("script").focus()
        await pilot.press("#", "enter", "f4")
        # There is no terminal to lend here; that is said, after the file was saved.
        await until(pilot, "cannot lend itself")
        assert (plan.parent / "score.py").read_text().startswith("#\n")


def rescued(folder: Path) -> str:
    return next(folder.rglob("unsaved-score.py*")).read_text()


def _empty_plan(folder: Path) -> Path:
    plan = folder / "plan.toml"
    plan.write_text('[model]\nname = "pump"\n')
    return plan


def test_names_and_titles_belong_together() -> None:
    assert set(edit_files.EXAMPLES) == set(edit_files.NAMES)


async def test_typing_starts_in_the_path_where_no_file_is_named_and_finds_one_of_the_current_folder(
    ports: Ports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "score.py").write_text("def init():\n    pass\n")
    monkeypatch.chdir(here)
    plan = ports.plans.new()
    ports.plans.save(plan, Plan())
    async with opened(ports, Path(plan)) as pilot:
        await until(pilot, lambda: screen(pilot).field("script").query_one(Input).has_focus)
        await pilot.press(*"score.py", "enter")
        await until(pilot, lambda: "def init" in screen(pilot).editor("script").text)
        assert screen(pilot).plan.scoring.script == str(here / "score.py")
        await pilot.press("f7")
        await until(pilot, lambda: screen(pilot).field("environment").query_one(Input).has_focus)
