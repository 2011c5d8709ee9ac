"""What belongs to the app and not to one screen: leaving, faults, help, the palette, keys, copying, read-only."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from textual.app import App
from textual.binding import Binding
from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.widgets import Button

from edgetui.core import cancel
from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, Failed, LogLine
from edgetui.settings import Settings
from edgetui.ui import clipboard, crash, themes
from edgetui.ui.app import SCREENS, EdgeApp
from edgetui.ui.messages import JobEnded, JobEvents, Loaded, LoadedSome, LoadFailed
from edgetui.ui.screens.confirm import ConfirmScreen
from edgetui.ui.screens.crashed import CrashedScreen
from edgetui.ui.screens.hub import HubScreen
from edgetui.ui.worker import INTERVAL, Bridge
from tests.ui import fake_ports
from tests.ui.driving import text_of, until
from tests.ui.fake_ports import World

PLAN = (
    '[workspace]\nsubscription = "sub-1"\nresource_group = "edge-rg"\nname = "edge-ws"\n'
    '[model]\nname = "pump"\npath = "model.pkl"\n'
)


@pytest.fixture(autouse=True)
def model(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"a model")


async def test_leaving_asks_while_a_job_runs(fake: Callable[..., EdgeApp], world: World) -> None:
    app = fake(PLAN)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        app.run_job("model")
        await until(pilot, lambda: bool(world.uploads))
        await pilot.press("f10")
        await until(pilot, "edgetui is still registering the model. Leaving stops that.")
        await pilot.press("enter")  # the safe answer
        await until(pilot, lambda: isinstance(app.screen, HubScreen))
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: app.return_code is not None or not app.is_running)
    assert app.return_value == 0
    assert world.hold.wait(20)  # the upload was told to stop


async def test_leaving_with_nothing_to_lose_does_not_ask(fake: Callable[..., EdgeApp]) -> None:
    app = fake(PLAN)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("f10")
        await until(pilot, lambda: not app.is_running)
    assert app.return_value == 0


async def test_leaving_saves_the_field_that_is_being_typed_in(fake: Callable[..., EdgeApp], tmp_path: Path) -> None:
    app = fake(PLAN)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("2")
        await until(pilot, "F8 (or Enter")
        app.screen.query_one("#description Input").focus()
        await pilot.press(*"for line 1")
        app.exit(return_code=143)  # what SIGTERM does
    assert 'description = "for line 1"' in (tmp_path / "plan.toml").read_text()


async def _meet_a_fault(app: EdgeApp, pilot: Pilot[int], then: str) -> str:
    """Let the open step fail, answer with the button `then`, and return what was said."""
    await until(pilot, "Enter opens a step")
    await pilot.press("1")
    await until(pilot, "Enter chooses a workspace")
    app.screen.call_later(lambda: 1 // 0)
    await until(pilot, lambda: isinstance(app.screen, CrashedScreen), after_fault=True)
    shown = await until(pilot, "fault of its own", after_fault=True)
    app.screen.query_one(f"#{then}", Button).press()
    return shown


async def test_a_fault_in_a_screen_is_said_and_survived(fake: Callable[..., EdgeApp]) -> None:
    app = fake(PLAN)
    after = ""

    async def drive() -> str:
        nonlocal after
        async with app.run_test() as pilot:
            said = await _meet_a_fault(app, pilot, "back")
            assert "Traceback" not in said
            assert "ZeroDivision" not in said
            after = await until(pilot, "Deploy a model to your edge devices", after_fault=True)
        return said

    with pytest.raises(ZeroDivisionError):  # Pilot raises at the end what the app met
        await drive()
    assert "1 Workspace" in after


async def test_after_a_fault_one_can_leave(fake: Callable[..., EdgeApp]) -> None:
    app = fake(PLAN)

    async def drive() -> None:
        async with app.run_test() as pilot:
            await _meet_a_fault(app, pilot, "quit")
            await until(pilot, lambda: app.return_code == 1, after_fault=True)

    with pytest.raises(ZeroDivisionError):
        await drive()
    assert app.return_code == 1


def test_the_crash_file_masks_secrets(tmp_path: Path) -> None:
    error = ValueError("connect with SharedAccessKey=abcdefgh12345678= failed")
    text = Path(crash.write(error, tmp_path / "logs")).read_text()
    assert "ValueError" in text
    assert "abcdefgh12345678" not in text


async def test_help_is_about_what_has_the_focus(fake: Callable[..., EdgeApp]) -> None:
    app = fake(PLAN)
    async with app.run_test(size=(80, 40)) as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("2")
        await until(pilot, "F8 (or Enter")
        app.screen.query_one("#tags Input").focus()
        await pilot.press("f1")
        shown = await until(pilot, "Help (Esc closes)")
        assert "A value with a comma" in shown
        assert "Upload and register the file" in await until(pilot, "Upload and register")
        await pilot.press("escape")
        await until(pilot, " 2 Model")


async def test_the_palette_has_every_command_with_its_key(fake: Callable[..., EdgeApp]) -> None:
    app = fake(PLAN)
    async with app.run_test(size=(100, 60)) as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("2")
        await until(pilot, "F8 (or Enter")
        await pilot.press("ctrl+p")
        shown = await until(pilot, "Open 7 Deploy")
        for entry in (
            "Back (F2)",
            "Next (F3)",
            "Refresh (F5)",
            "Switch (F7)",
            "Register (F8)",
            "Help (F1)",
            "Quit (F10)",
        ):
            assert entry in shown, entry
        await pilot.press(*"open 5")
        await until(pilot, lambda: "Open 1 Workspace" not in text_of(app))
        await pilot.press("enter")
        await until(pilot, " 5 Credentials")


async def test_no_key_that_terminals_and_multiplexers_take(fake: Callable[..., EdgeApp]) -> None:
    taken = {f"ctrl+{letter}" for letter in "abjos"}
    app = fake(PLAN)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        for step in [None, *SCREENS]:
            if step:
                app.open_step(step)
                await until(pilot, lambda step=step: app.screen.id == step)
            ours = [active.binding for active in app.screen.active_bindings.values() if active.binding.id]
            assert not taken & {binding.key for binding in ours}
            assert all(binding.tooltip for binding in ours if binding.show), step
            assert {"f1", "f10", "f5"} <= {binding.key for binding in ours}


async def test_every_step_opens_in_80x24_with_its_keys_in_the_footer(fake: Callable[..., EdgeApp]) -> None:
    app = fake(PLAN)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        for step in SCREENS:
            app.open_step(step)
            await until(pilot, lambda step=step: app.screen.id == step)
            shown = await until(pilot, "F2 Back F3 Next")
            assert len(shown.splitlines()) == 24
            assert len(app.screen_stack) == 2  # one step at a time over the list


async def test_read_only_changes_nothing(world: World, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN)
    settings = Settings(tmp_path / "state", tmp_path / "cache", tmp_path / "config", read_only=True)
    app = EdgeApp(fake_ports.ports(world, tmp_path / "state"), str(tmp_path / "plan.toml"), settings)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("2")
        await until(pilot, "F8 (or Enter")
        await pilot.press("f8")
        shown = await until(pilot, "--read-only")
        assert "READ ONLY" in shown
        assert "Step Model would change something" in shown
        await pilot.press("escape")
        await until(pilot, "Nothing was changed.")
        assert "register" not in world.asked


async def test_a_plan_that_cannot_be_saved_says_so_and_keeps_the_answers(
    fake: Callable[..., EdgeApp], tmp_path: Path
) -> None:
    app = fake(PLAN)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        (tmp_path / "plan.toml").write_text("this is [ no TOML")
        await pilot.press("2")
        await until(pilot, "F8 (or Enter")
        app.screen.query_one("#description Input").focus()
        await pilot.press(*"mine", "tab")
        await until(pilot, "is not TOML any more")
        assert app.session.plan.model.description == "mine"
        assert (tmp_path / "plan.toml").read_text() == "this is [ no TOML"


def test_copying_too_much_goes_to_a_file(tmp_path: Path) -> None:
    copied: list[str] = []
    assert "clipboard" in clipboard.copy("short", copied.append, tmp_path)
    said = clipboard.copy("x" * (clipboard.LIMIT + 1), copied.append, tmp_path / "new")
    assert copied == ["short"]
    (file,) = (tmp_path / "new").iterdir()
    assert str(file) in said
    assert file.read_text() == "x" * (clipboard.LIMIT + 1)


@pytest.mark.parametrize(
    ("wanted", "environ", "theme"),
    [
        ("nord", {}, "nord"),
        ("", {"COLORFGBG": "0;15"}, themes.LIGHT),
        ("auto", {"COLORFGBG": "15;0"}, themes.DARK),
        ("no such theme", {}, themes.DARK),
        ("ansi-light", {"COLORFGBG": "15;0"}, "ansi-light"),
    ],
)
def test_theme(wanted: str, environ: dict[str, str], theme: str) -> None:
    assert themes.choose(wanted, environ, App().available_themes) == theme


class Listener(MessagePump):
    """Keeps what it is told."""

    BINDINGS: ClassVar[list[Binding]] = []

    def __init__(self) -> None:
        super().__init__()
        self.got: list[Any] = []
        self.came = asyncio.Event()

    def post_message(self, message: Any) -> bool:
        self.got.append(message)
        self.came.set()
        return True

    async def until(self, kind: type[Any]) -> Any:
        while not any(isinstance(message, kind) for message in self.got):
            self.came.clear()
            await asyncio.wait_for(self.came.wait(), 20)
        return next(message for message in self.got if isinstance(message, kind))


def broken(error: Exception) -> None:
    raise error


async def test_the_bridge_gives_the_first_event_at_once_and_the_rest_in_batches() -> None:
    listener, seen = Listener(), threading.Event()
    bridge = Bridge(lambda: [listener], broken)

    def job() -> Iterator[Event]:
        yield LogLine("image", "first")
        assert seen.wait(20)
        for number in range(5000):
            yield LogLine("image", str(number))

    assert bridge.run("image", job, lambda: None)
    assert not bridge.run("image", job, lambda: None)  # one at a time
    first = await listener.until(JobEvents)
    assert [event.text for event in first.events] == ["first"]
    seen.set()
    assert (await listener.until(JobEnded)).error is None
    batches = [message for message in listener.got if isinstance(message, JobEvents)]
    texts = [event.text for batch in batches for event in batch.events]
    assert texts == ["first", *map(str, range(5000))]
    assert len(batches) <= 2 + bridge.runs["image"].seconds / INTERVAL


async def test_the_bridge_turns_failures_into_data() -> None:
    listener = Listener()
    bridge = Bridge(lambda: [listener], broken)
    bridge.run("a", lambda: iter([Failed("a", "it broke", remedy="mend it", kind="access")]), lambda: None)
    ended = await listener.until(JobEnded)
    assert (ended.error.title, ended.error.remedy, ended.error.kind) == ("it broke", "mend it", "access")

    def refuse() -> None:
        raise EdgeError("no")

    bridge.load("thing", refuse, listener)
    assert (await listener.until(LoadFailed)).error.title == "no"


async def test_the_bridge_cancels_a_load_that_is_replaced_or_whose_owner_left() -> None:
    listener = Listener()
    bridge = Bridge(lambda: [listener], broken)
    cancelled, begun = threading.Event(), threading.Event()

    def hang() -> str:
        with cancel.current().on_cancel(cancelled.set):
            begun.set()
            assert cancelled.wait(20)
        return "old"

    bridge.load("list", hang, listener)
    assert await asyncio.to_thread(begun.wait, 20)
    bridge.load("list", lambda: "new", listener)
    assert (await listener.until(Loaded)).value == "new"
    assert await asyncio.to_thread(cancelled.wait, 20)
    cancelled.clear()
    begun.clear()
    bridge.load("other", hang, listener)
    assert await asyncio.to_thread(begun.wait, 20)
    bridge.forget(listener)
    assert await asyncio.to_thread(cancelled.wait, 20)
    bridge.load_parts("pages", lambda: iter([1, 2]), listener)
    while listener.got[-1] != Loaded("pages", [1, 2]):
        listener.came.clear()
        await asyncio.wait_for(listener.came.wait(), 20)
    assert [m.value for m in listener.got if isinstance(m, LoadedSome)] == [1, 2]
    assert [m.value for m in listener.got if isinstance(m, Loaded)] == ["new", [1, 2]]
