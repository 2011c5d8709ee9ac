"""What a person takes out of a log pane, and how it shows times, colours, long lines and what stands around."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from textual import on
from textual.app import App

from edgetui.ui.widgets import outside_pager
from edgetui.ui.widgets.log_taking import LogTaking

from .test_log_pane import LogApp, fill, rows


async def test_around_what_the_filter_lets_through_as_many_lines_as_wanted() -> None:
    app = LogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await fill(pilot, 50)
        await pilot.press("&", *"line 7", "enter")
        assert rows(app)[0] == "line 7"
        await pilot.press("+", "+")
        assert [row for row in rows(app) if row] == ["line 5", "line 6", "line 7", "line 8", "line 9"]
        assert "5 around 'line 7' ±2" in str(app.pane.border_title)
        await pilot.press("-")
        assert app.pane.buffer.count == 3
        await fill(pilot, 2, 70)
        assert [app.pane.buffer.text(index) for index in range(3, 5)] == ["line 49", "line 70"]
        await pilot.press("&", "escape")
        assert app.pane.buffer.count == 52


async def test_a_range_is_marked_said_and_copied() -> None:
    app = LogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await fill(pilot, 50)
        await pilot.press("m", "up", "up")
        assert "3 marked, y copies" in str(app.pane.border_title)
        await fill(pilot, 5, 50)  # what comes meanwhile is not marked
        assert "3 marked, y copies" in str(app.pane.border_title)
        await pilot.press("y")
        assert app.clipboard == "line 47\nline 48\nline 49"
        assert "marked" not in str(app.pane.border_title)
        await pilot.press("m", "m")
        assert app.pane.view.marked is None


async def test_times_are_shown_where_they_are_known() -> None:
    app = LogApp()
    at = time.mktime((2026, 5, 5, 12, 3, 4, 0, 0, -1))
    async with app.run_test(size=(60, 10)) as pilot:
        app.pane.write_lines(["from a file"], 0.0)
        app.pane.write_lines(["just " + "now " * 20], at)
        app.pane.flush()
        await pilot.pause()
        await pilot.press("t")
        assert rows(app)[:2] == [
            "         from a file",
            ("12:03:04 just " + "now " * 20)[: app.pane.view.size.width - 1].rstrip(),
        ]
        await pilot.press("w")
        assert rows(app)[1].startswith("12:03:04 just now")
        assert rows(app)[2].startswith("         ")
        assert all(len(row) < 60 for row in rows(app))
        await pilot.press("t")
        assert rows(app)[0] == "from a file"


async def test_a_log_without_times_says_so_in_place_of_an_empty_column() -> None:
    app = LogApp()
    async with app.run_test(size=(60, 10), notifications=True) as pilot:
        app.pane.write_lines(["from a file"], 0.0)
        app.pane.flush()
        await pilot.pause()
        await pilot.press("t")
        assert rows(app)[0] == "from a file"
        assert [note.message for note in app._notifications] == ["When the lines of this log came is not kept."]


async def test_long_lines_are_seen_to_their_end() -> None:
    app = LogApp()
    async with app.run_test(size=(40, 10)) as pilot:
        app.pane.write_lines(["x" * 60 + "END"])
        app.pane.flush()
        await pilot.pause()
        await pilot.press(*["right"] * 4)
        assert "END" in rows(app)[0]
        assert "from column" in str(app.pane.border_title)
        await pilot.press(*["left"] * 4)
        assert rows(app)[0].startswith("xxx")
        assert "from column" not in str(app.pane.border_title)


async def test_colours_of_the_log_are_the_themes() -> None:
    app = LogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.pane.write_lines(["\x1b[31mred\x1b[0m plain", "\x1b[41mhidden?"])
        app.pane.flush()
        await pilot.pause()
        view = app.pane.view
        red, plain, *_ = view.render_line(0)
        assert red.text == "red"
        wanted = view.get_component_rich_style("log--red", partial=True).color
        assert red.style is not None
        assert plain.style is not None
        assert red.style.color == wanted != plain.style.color
        assert "\x1b" not in view.render_line(1).text
        # A line without colours has the theme's, not the terminal's own.
        shown = next(iter(view.render_line(1))).style
        assert shown is not None
        assert shown.bgcolor == view.rich_style.bgcolor is not None
        await pilot.press("/", *"red", "enter", "y")
        assert app.clipboard == "red plain"


class Saved(LogApp):
    """Keeps what is asked for."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.pane.path = path
        self.wanted: list[LogTaking.SaveWanted] = []

    @on(LogTaking.SaveWanted)
    def _keep(self, message: LogTaking.SaveWanted) -> None:
        self.wanted.append(message)


@pytest.mark.parametrize("path", ["/state/logs/build-1.log", ""])
async def test_a_copy_is_asked_for_at_the_path_that_was_typed(path: str) -> None:
    app = Saved(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await fill(pilot, 3)
        await pilot.press("s")
        assert "build-1.log" in shown_field(app) if path else "edgetui.log" in shown_field(app)
        await pilot.press("escape")
        assert app.wanted == []
        await pilot.press("s", "ctrl+u", *"/tmp/mine", "enter")
        await pilot.pause()
        (wanted,) = app.wanted
        assert (wanted.target, wanted.path) == ("/tmp/mine", path)
        assert wanted.lines == ([] if path else ["line 0", "line 1", "line 2"])
        assert app.focused is app.pane.view


def shown_field(app: LogApp) -> str:
    from textual.widgets import Input

    return app.pane.query_one(Input).value


def test_the_pager_is_the_persons_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert outside_pager.pager({"PAGER": "most -w"}) == ["most", "-w"]
    assert outside_pager.pager({"PAGER": "/usr/bin/less"}) == ["/usr/bin/less", "-R"]
    monkeypatch.setattr(outside_pager.shutil, "which", lambda name: name == "more" and "/bin/more")
    assert outside_pager.pager({}) == ["more"]
    assert outside_pager.pager({"PAGER": "'open"}) == ["more"]
    monkeypatch.setattr(outside_pager.shutil, "which", lambda _: None)
    assert outside_pager.pager({}) == []


async def test_the_pager_gets_the_file_and_failures_are_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    own = tmp_path / "pager"
    own.write_text(f'#!/bin/sh\necho "$1 ${{EDGETUI_SANDBOX_TOKEN-none}}" > {seen}\n')
    own.chmod(0o755)
    monkeypatch.setenv("EDGETUI_SANDBOX_TOKEN", "secret-of-the-sandbox")
    monkeypatch.setattr(App, "suspend", lambda _: _Nothing())
    app = LogApp()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await fill(pilot, 3)
        monkeypatch.setenv("PAGER", str(own))
        await pilot.press("o")
        assert seen.read_text() == "/state/logs/image-1.log none\n"
        monkeypatch.setenv("PAGER", str(tmp_path / "nothing"))
        await pilot.press("o")
        assert "could not be started" in [n.message for n in app._notifications][-1]
        app.pane.set_path("")
        await pilot.press("o")
        assert "not kept in a file" in [n.message for n in app._notifications][-1]


class _Nothing:
    def __enter__(self) -> None:
        """Step aside."""

    def __exit__(self, *_: object) -> None:
        """Come back."""
