"""The log pane: what it keeps, what it shows, and how a person moves, finds, filters and copies in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.geometry import Offset
from textual.pilot import Pilot

from edgetui.ui.widgets.log_buffer import LogBuffer, plain
from edgetui.ui.widgets.log_cleaning import clean
from edgetui.ui.widgets.log_pane import LogPane
from edgetui.ui.widgets.log_words import shortened


class LogApp(App[None]):
    def __init__(self, max_lines: int = 20_000) -> None:
        super().__init__()
        self.pane = LogPane("Build log", path="/state/logs/image-1.log", max_lines=max_lines)

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_mount(self) -> None:
        self.pane.view.focus()


def rows(app: LogApp) -> list[str]:
    view = app.pane.view
    return [view.render_line(y).text.rstrip() for y in range(view.scrollable_content_region.height)]


async def fill(pilot: Pilot[None], count: int, start: int = 0) -> None:
    app = pilot.app
    assert isinstance(app, LogApp)
    app.pane.write_lines([f"line {number}" for number in range(start, start + count)])
    app.pane.flush()
    await pilot.pause()


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;https://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;aGFjaw==", ""),
        ("10%\r50%\r100%", "100%"),
        ("done\r\n", "done"),
        ("a\tb", "a       b"),
        ("\x9b31mred", "red"),
        ("bell\x07 \u202eevil", "bell� �evil"),
        ("[bold]kept[/bold]", "[bold]kept[/bold]"),
    ],
)
def test_what_a_terminal_would_obey_is_taken_out(raw: str, shown: str) -> None:
    assert clean(raw) == shown


@given(st.text())
def test_no_control_character_survives(raw: str) -> None:
    assert not [c for c in clean(raw) if ord(c) < 32 or 127 <= ord(c) < 160]


def test_a_very_long_line_is_cut() -> None:
    assert len(clean("x" * 100_000)) == 4_001


@settings(max_examples=200)
@given(
    st.lists(st.lists(st.text(alphabet="abc 日本", max_size=12), max_size=8), max_size=6),
    st.sampled_from(["", "a", "日"]),
    st.sampled_from([0, 3, 7]),
)
def test_rows_and_lines_agree_whatever_comes_and_goes(batches: list[list[str]], wanted: str, width: int) -> None:
    buffer = LogBuffer(max_lines=10)
    buffer.set_filter(wanted)
    buffer.wrap(width)
    kept: list[str] = []
    for batch in batches:
        before = buffer.rows
        gone = buffer.append(batch)
        kept.extend(batch)
        assert buffer.rows >= before - gone
    # What the filter lets through is held for longer than the rest.
    expected = [line for line in kept if wanted in line][-10:]
    assert [buffer.text(index) for index in range(buffer.count)] == expected
    assert buffer.total == len(kept)
    places = [buffer.line_at(row) for row in range(buffer.rows)]
    assert places == [(i, piece) for i in range(buffer.count) for piece in range(len(buffer.pieces(i)))]
    assert ["".join(buffer.pieces(i)) for i in range(buffer.count)] == expected
    for index in range(buffer.count):
        assert buffer.index(buffer.number(index)) == index


def test_find_goes_round_and_takes_any_case() -> None:
    buffer = LogBuffer()
    buffer.append(["Error one", "fine", "ERROR two"])
    assert buffer.found.nearest(plain("error"), 1, 1) == 2
    assert buffer.found.nearest(plain("error"), 3, 1) == 0
    assert buffer.found.nearest(plain("error"), 1, -1) == 0
    assert buffer.found.nearest(plain("(nothing"), 0, 1) is None


async def test_it_follows_until_a_person_looks_back_and_says_so() -> None:
    app = LogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        assert "nothing yet" in str(app.pane.border_title)
        await fill(pilot, 100)
        assert rows(app)[-1] == "line 99"
        assert "following" in str(app.pane.border_title)
        await pilot.press("up", "up")
        before = rows(app)
        await fill(pilot, 50, 100)
        assert rows(app) == before
        assert "paused, 50 new, End follows" in str(app.pane.border_title)
        await pilot.press("end")
        assert rows(app)[-1] == "line 149"
        assert "following" in str(app.pane.border_title)


async def test_the_wheel_pauses_too() -> None:
    app = LogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await fill(pilot, 100)
        app.pane.view._on_mouse_scroll_up(_wheel(app))
        await pilot.pause()
        assert "paused" in str(app.pane.border_title)


async def test_what_is_read_stays_in_place_while_old_lines_leave() -> None:
    app = LogApp(max_lines=100)
    async with app.run_test(size=(80, 24)) as pilot:
        await fill(pilot, 100)
        await pilot.press("up", *["pageup"] * 2)
        before = rows(app)
        await fill(pilot, 30, 100)
        assert rows(app) == before
        assert app.pane.buffer.first == 30


async def test_what_follows_a_line_stays_in_view_when_the_window_becomes_smaller() -> None:
    app = LogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await fill(pilot, 22)
        app.pane.view.go_to(12, lead=2)
        await pilot.pause()
        await pilot.resize_terminal(80, 12)
        await pilot.pause()
        assert rows(app)[:4] == ["line 10", "line 11", "line 12", "line 13"]
        await pilot.press("down")
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert app.pane.view.current == 13


async def test_find_marks_and_jumps() -> None:
    app = LogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await fill(pilot, 100)
        await pilot.press("/", *"line 1", "enter")
        assert app.pane.buffer.text(app.pane.view.current) == "line 19"
        assert "'line 1' 11 of 11" in str(app.pane.border_title)
        await pilot.press("N")
        assert app.pane.buffer.text(app.pane.view.current) == "line 18"
        await pilot.press("n", "n")
        assert app.pane.buffer.text(app.pane.view.current) == "line 1"
        assert app.focused is app.pane.view


async def test_the_filter_shows_only_lines_with_a_text_and_goes_with_escape() -> None:
    app = LogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await fill(pilot, 100)
        await pilot.press("&", *"9", "enter")
        assert app.pane.buffer.count == 19
        assert "19 with '9'" in str(app.pane.border_title)
        assert rows(app)[18] == "line 99"
        await pilot.press("&", "escape")
        assert app.pane.buffer.count == 100


async def test_escape_lets_go_first_of_what_is_found_filtered_and_marked() -> None:
    app = LogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await fill(pilot, 30)
        await pilot.press("/", *"1", "enter", "&", *"line 1", "enter", "m", "up")
        title = str(app.pane.border_title)
        assert "11 with 'line 1'" in title
        assert "2 marked" in title
        assert app.screen.active_bindings["escape"].node is app.pane
        await pilot.press("escape")
        title = str(app.pane.border_title)
        assert "with" not in title
        assert "found" not in title
        assert "marked" not in title
        assert app.pane.buffer.count == 30
        # The next one is the screen's.
        active = app.screen.active_bindings.get("escape")
        assert active is None or active.node is not app.pane or not active.enabled


async def test_wrap_shows_the_whole_of_a_long_line() -> None:
    app = LogApp()
    async with app.run_test(size=(40, 10)) as pilot:
        app.pane.write_lines(["x" * 50 + "END"])
        app.pane.flush()
        await pilot.pause()
        assert "END" not in "".join(rows(app))
        await pilot.press("w")
        assert "".join(rows(app)).endswith("END")
        assert "wrapped" in str(app.pane.border_title)


async def test_copy_takes_the_current_line_and_the_file_is_said() -> None:
    app = LogApp()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await fill(pilot, 10)
        await pilot.press("up", "y")
        assert app.clipboard == "line 8"
        await pilot.press("Y")
        assert app.clipboard == "\n".join(f"line {n}" for n in range(10))
        await pilot.press("S")
        assert app.clipboard == "/state/logs/image-1.log"
        assert "/state/logs/image-1.log" in [n.message for n in app._notifications][-1]
        assert app.pane.border_subtitle == "/state/logs/image-1.log"


async def test_the_cursor_of_the_terminal_follows_the_current_line() -> None:
    app = LogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await fill(pilot, 10)
        await pilot.press("home", "down", "down")
        assert app.cursor_position == app.pane.view.content_region.offset + Offset(0, 2)


async def test_lines_that_pour_in_are_shown_in_few_repaints() -> None:
    app = LogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await fill(pilot, 1)
        for number in range(200):
            app.pane.write_lines([f"fast {number}"])
        assert app.pane.buffer.total <= 2
        app.pane.flush()
        await pilot.pause()
        assert rows(app)[-1] == "fast 199"


async def test_neither_lines_nor_letters_lay_out_the_screen_and_letters_repaint_no_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = LogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await fill(pilot, 100)
        await pilot.press("slash")
        await pilot.pause()
        laid_out: list[object] = []
        drawn: list[int] = []
        app.screen.screen_layout_refresh_signal.subscribe(app.pane, laid_out.append)
        render = app.pane.view.render_line
        monkeypatch.setattr(app.pane.view, "render_line", lambda y: drawn.append(y) or render(y))
        await pilot.press(*"qzx")
        await pilot.pause()
        assert "no 'qzx'" in framed(app)[0]
        assert (laid_out, drawn) == ([], [])
        await fill(pilot, 100, 100)
        assert "200 lines" in framed(app)[0]
        assert framed(app)[-1].endswith("/state/logs/image-1.log ─╯")
        assert laid_out == []
        assert drawn
        assert app.pane.view.vertical_scrollbar.window_virtual_size == 200


def test_what_a_longer_text_finds_is_what_it_finds_alone() -> None:
    lines = [f"step {number} of it" for number in range(30)]
    buffer = LogBuffer(max_lines=25)
    buffer.append(lines[:20])
    typed = [plain("Step 1"[:length]) for length in range(1, 7)]
    found = [list(buffer.found.of(pattern)) for pattern in typed]
    assert found[-1] == [1, *range(10, 20)]
    buffer.append(lines[20:])
    for pattern in (plain("step 1"), plain("step 1 "), plain("tep 2")):
        fresh = LogBuffer(max_lines=25)
        fresh.append(lines)
        assert list(buffer.found.of(pattern)) == list(fresh.found.of(pattern))


def framed(app: LogApp) -> list[str]:
    """The screen as lines of text, with the frame."""
    strips = app.screen._compositor.render_strips(app.size)
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def test_a_long_path_keeps_its_end() -> None:
    assert shortened("/a/very/long/path/to/image.log", 12) == "…o/image.log"


def _wheel(app: LogApp):  # type: ignore[no-untyped-def]
    from textual.events import MouseScrollUp

    return MouseScrollUp(app.pane.view, x=1, y=1, delta_x=0, delta_y=-1, button=0, shift=False, meta=False, ctrl=False)
