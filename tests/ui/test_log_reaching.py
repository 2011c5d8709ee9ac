"""A log longer than its pane holds: what is found, filtered and gone to is of the whole file."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual import on
from textual.app import App, ComposeResult

from edgetui.core.ports import Ports
from edgetui.jobs import logs
from edgetui.ui.messages import FileWanted
from edgetui.ui.widgets.log_buffer import LogBuffer, plain
from edgetui.ui.widgets.log_pane import LogPane
from edgetui.ui.worker import Bridge
from tests.ui import fake_ports
from tests.ui.driving import until
from tests.ui.fake_ports import World

HELD = 100  # lines that the pane holds here


class FileApp(App[int]):
    """A pane on a file of this machine."""

    def __init__(self, ports: Ports, file: Path) -> None:
        super().__init__()
        self.ports = ports
        self.pane = LogPane("Log", path=str(file), max_lines=HELD)
        self.bridge = Bridge(lambda: (), self._handle_exception)
        self.asked: list[str] = []
        self.answering = True

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_mount(self) -> None:
        self.pane.view.focus()

    @on(FileWanted)
    def _read(self, message: FileWanted) -> None:
        self.asked.append(message.what)
        if self.answering:
            self.bridge.load(message.what, lambda: message.ask(self.ports), message.widget)

    @property
    def title_line(self) -> str:
        return str(self.pane.border_title)

    @property
    def current(self) -> str:
        view = self.pane.view
        return view.buffer.text(view.current)

    def lose(self) -> None:
        """Somebody removes the file."""
        Path(self.pane.path).unlink()

    def come(self, lines: list[str]) -> None:
        """Lines of a build: in the file first."""
        with Path(self.pane.path).open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        self.pane.write_lines(lines)
        self.pane.flush()


def line(number: int) -> str:
    return f"{number} \x1b[31mer\x1b[0mror" if number % 100 == 7 else f"{number} fine"


@pytest.fixture
def app(tmp_path: Path) -> FileApp:
    return FileApp(fake_ports.ports(World(), tmp_path / "state"), tmp_path / "build.log")


def says(app: FileApp, words: str) -> Callable[[], bool]:
    return lambda: words in app.title_line


def stands_at(app: FileApp, words: str) -> Callable[[], bool]:
    return lambda: app.current == words


async def test_what_is_found_is_counted_in_the_whole_file_and_gone_to(app: FileApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        app.come([line(number) for number in range(5_000)])
        await pilot.press("/", *"error")
        await until(pilot, says(app, "'error' 50 found"))
        await pilot.press("enter")
        await until(pilot, says(app, "'error' 50 of 50"))
        assert app.current == "4907 error"
        await pilot.press("N")
        await until(pilot, stands_at(app, "4807 error"))
        assert "'error' 49 of 50" in app.title_line
        assert app.pane.view.buffer.text(app.pane.view.current + 1) == "4808 fine"
        # What comes meanwhile is counted, and where the person reads stays.
        app.come([line(number) for number in range(5_000, 5_200)])
        await until(pilot, says(app, "'error' 49 of 52"))
        assert "5,200 lines" in app.title_line
        assert "paused, 200 new" in app.title_line
        assert app.current == "4807 error"
        await pilot.press("n", "n", "n", "n")
        await until(pilot, stands_at(app, "7 error"))
        await pilot.press("N")
        await until(pilot, stands_at(app, "5107 error"))
        await pilot.press("end")
        assert app.current == "5199 fine"
        assert "following" in app.title_line


async def test_enter_waits_for_the_search_where_the_place_may_be_in_the_file_only(app: FileApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        app.come([line(number) for number in range(1_000)])
        app.answering = False
        await pilot.press("/", *"842 fine")
        assert "no '842 fine', searching…" in app.title_line
        await pilot.press("escape")
        app.answering = True
        await pilot.press("/", *"842 fine", "enter")
        await until(pilot, stands_at(app, "842 fine"))
        assert "'842 fine' 1 of 1" in app.title_line
        assert set(app.asked) == {"log search", "log part"}


async def test_the_filter_lets_through_what_is_in_the_file(app: FileApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        app.come([line(number) for number in range(1_000)])
        await pilot.press("&", *"error", "enter")
        await until(pilot, says(app, "10 with 'error'"))
        assert [app.pane.buffer.text(index) for index in range(3)] == ["7 error", "107 error", "207 error"]
        app.come([line(number) for number in range(1_000, 1_300)])
        assert "13 with 'error'" in app.title_line
        await pilot.press("+")
        await until(pilot, says(app, "39 around 'error' ±1"))
        assert app.pane.buffer.text(0) == "6 fine"
        # More than can be held: the last ones, and how many there are.
        await pilot.press("&", "ctrl+u", *"fine", "enter", "-")
        await until(pilot, says(app, "last 100 of 1,287 with 'fine'"))
        await pilot.press("&", "ctrl+u", *"error", "enter")
        await until(pilot, says(app, "13 with 'error'"))
        await pilot.press("up", "home", "down", "escape")
        await until(pilot, stands_at(app, "107 error"))
        assert app.pane.view.buffer.text(app.pane.view.current + 1) == "108 fine"


async def test_find_and_filter_stay_for_a_log_that_is_read_again(app: FileApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        app.come([line(number) for number in range(1_000)])
        await pilot.press("&", *"error", "enter", "/", *"7", "enter")
        await until(pilot, says(app, "10 with 'error' · '7' 10 of 10"))
        first, lines = logs.lines(app.ports, app.pane.path)
        app.pane.clear(first)
        app.pane.write_lines(lines, 0.0)
        app.pane.flush()
        await until(pilot, says(app, "1,000 lines · 10 with 'error' · '7' 10 found"))
        await pilot.press("&", "escape")
        await until(pilot, says(app, "'7' 271 "))


async def test_moving_goes_on_in_the_file(app: FileApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        app.come([line(number) for number in range(3_000)])
        view = app.pane.view
        view.go_to(0)
        await pilot.press("up")
        await until(pilot, stands_at(app, "2899 fine"))
        await pilot.press("down", "down")
        await until(pilot, stands_at(app, "2901 fine"))
        view.go_to(0)
        await pilot.press("pageup")
        await until(pilot, lambda: int(app.current.split()[0]) < 2_895)
        await pilot.press("home")
        await until(pilot, stands_at(app, "0 fine"))
        view.go_to(view.buffer.count - 1)
        await pilot.press("down")
        await until(pilot, stands_at(app, "2000 fine"))
        await pilot.press("y")
        assert app.clipboard == "2000 fine"


async def test_without_the_file_the_count_says_of_what_it_is(app: FileApp) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        app.come([line(number) for number in range(1_000)])
        app.lose()
        await pilot.press("/", *"fine", "enter")
        assert app.current == "999 fine"
        await until(pilot, says(app, "'fine' 99 of 99 in the last 100 lines"))
        await pilot.press("&", *"error", "enter")
        assert "1 with 'error' in the last 100 lines" in app.title_line
        await pilot.press("escape", "home")
        assert app.current == "900 fine"
        assert "build.log" in [said.message for said in app._notifications][-1]


@settings(max_examples=200)
@given(st.lists(st.lists(st.sampled_from(["x", "xy", ".", "y"]), max_size=9), max_size=8), st.data())
def test_found_and_filtered_are_those_of_the_whole_log_whenever_the_answer_comes(
    batches: list[list[str]], data: st.DataObject
) -> None:
    asks = data.draw(st.integers(0, len(batches)), "asks")
    answers = data.draw(st.integers(asks, len(batches)), "answers")
    context = data.draw(st.sampled_from([None, 0, 1, 2]), "context")
    buffer, file, pattern = LogBuffer(max_lines=12), list[str](), plain("x")
    answer: Callable[[], None] | None = None
    for number, batch in enumerate([*batches, []]):
        if number == asks:
            if context is None:
                buffer.found.of(pattern)
            else:
                buffer.set_filter("x", context)
            answer = partial(give, buffer, pattern, list(file), buffer.first, context)
        if number == answers:
            cast("Callable[[], None]", answer)()
        file.extend(batch)
        buffer.append(batch)
    wanted = [number for number, text in enumerate(file) if "x" in text]
    if context is None:
        assert list(buffer.found.of(pattern)) == wanted
    else:
        near = [n for n in range(len(file)) if any(abs(n - other) <= context for other in wanted)]
        shown = [buffer.number(index) for index in range(buffer.count)]
        assert shown == near[-12:]
        assert [buffer.text(index) for index in range(buffer.count)] == [file[number] for number in shown]
        assert buffer.left_out == len(near) - len(shown)
    assert buffer.searched_from == 0


def give(buffer: LogBuffer, pattern: object, file: list[str], until: int, context: int | None) -> None:
    """The answer that the search of the file gives."""
    found = [number for number, text in enumerate(file[:until]) if "x" in text]
    if context is None:
        buffer.found.put(cast("re.Pattern[str]", pattern), array("L", found), until)
        return
    reach = [number for number, text in enumerate(file[: until + context]) if "x" in text]
    near = [n for n in range(min(len(file), until + context)) if any(abs(n - other) <= context for other in reach)]
    buffer.put_older({number: file[number] for number in near[-12:]}, max(len(near) - 12, 0))
