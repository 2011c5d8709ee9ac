"""What a build's pane shows to somebody who comes later: each line once, at its place in the log's file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgetui.core.events import LogFile, LogLine
from edgetui.jobs.logs import LogPart
from edgetui.ui import worker
from edgetui.ui.build_watch import BEFORE, BuildWatch
from edgetui.ui.worker import Run
from tests.ui import fake_ports
from tests.ui.fake_ports import World

from .test_log_pane import LogApp


def said(first: int, count: int) -> list[LogLine]:
    return [LogLine("image", f"line {number}") for number in range(first, first + count)]


def run() -> Run:
    return Run("image", lambda: None)


def watched(app: LogApp, folder: Path) -> tuple[BuildWatch, list[str]]:
    loads: list[str] = []

    def load(what: str, ask: Callable[[], Any]) -> None:
        assert ask
        loads.append(what)

    ports = fake_ports.ports(World(), folder)
    return BuildWatch(lambda: app.pane, load, lambda: ports), loads


async def test_what_was_on_its_way_when_the_screen_opened_is_shown_once(tmp_path: Path) -> None:
    app = LogApp()
    async with app.run_test():
        watch, _ = watched(app, tmp_path)
        one, batches = run(), [said(0, 3), said(3, 2), said(5, 4)]
        for batch in batches[:2]:
            one.take(batch)
        watch.follow(one)
        for batch in batches:  # the messages of the first two come only now
            watch.take(batch)
        app.pane.flush()
        assert list(app.pane.buffer.lines) == [f"line {number}" for number in range(9)]


@pytest.mark.parametrize("before", [0, 4])
async def test_lines_have_the_numbers_of_the_file_also_where_the_first_are_gone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, before: int
) -> None:
    monkeypatch.setattr(worker, "KEPT", 10)
    app = LogApp()
    async with app.run_test():
        watch, loads = watched(app, tmp_path)
        one = run()
        one.take([LogFile("image", "/logs/build-1.log", 100 if before else 0), *said(before, 6)])
        one.take(said(before + 6, 9))
        watch.follow(one)
        assert app.pane.path == "/logs/build-1.log"
        assert loads == ([BEFORE] if before else [])
        if before:
            watch.loaded(BEFORE, LogPart(0, [f"line {number}" for number in range(before)]), one)
        app.pane.flush()
        buffer = app.pane.buffer
        assert (buffer.first, buffer.total) == (before + 5, before + 15)
        assert list(buffer.lines) == [f"line {number}" for number in range(before + 5, before + 15)]
