"""How the tests drive the app: wait for what the screen says, and keep pictures of it as text."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path

from textual.app import App
from textual.pilot import Pilot

LIMIT = 30.0  # seconds that a condition may take; a wait ends as soon as it holds
PICTURE = 15.0  # the same for the last changes of a screen that has what it shows
SNAPSHOTS = Path(__file__).parent / "snapshots"
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


def text_of(app: App[int]) -> str:
    """The screen as lines of text, without blanks at their ends."""
    width, height = app.size
    lines = app.screen._compositor.render_strips(app.size) if (width and height) else []
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in lines)


def folded(text: str) -> str:
    """The words of a screen in one line: without frames, and with what was wrapped joined again."""
    return re.sub(r"[\s│─╭╮╰╯]+", " ", text)


async def until(
    pilot: Pilot[int], holds: Callable[[], bool] | str, *, after_fault: bool = False, limit: float = LIMIT
) -> str:
    """Wait until a condition holds, or a text is on the screen; returns the screen's text, and fails with it after a while.

    A fault of the app fails at once, unless the test is about what comes `after_fault`.
    """
    loop = asyncio.get_running_loop()
    end, pause = loop.time() + limit, 0.01
    while True:
        if not after_fault:
            await pilot.pause()
            if pilot.app._exception:
                raise pilot.app._exception
        if isinstance(holds, str):
            shown = text_of(pilot.app)
            if holds in shown:
                return shown
        elif holds():
            return text_of(pilot.app)
        assert loop.time() < end, f"not within {limit} s: {holds}\n{text_of(pilot.app)}"
        await asyncio.sleep(pause)
        pause = min(0.1, pause * 1.2)  # what takes long needs the processor more than we do


async def still(pilot: Pilot[int]) -> str:
    """The screen's text once all of it is drawn: keys at the bottom, and nothing that moves from one look to the next."""
    before = ""

    def settled() -> bool:
        nonlocal before
        shown, before = before, text_of(pilot.app)
        return shown == before and shown.splitlines()[-1:] not in ([], [""])

    return await until(pilot, settled)


def masked(text: str, **names: str) -> str:
    """The text without what differs from run to run: ports, times, spinners; `names` are texts to mask, by their mask."""
    for mask, real in names.items():
        text = text.replace(real, f"<{mask}>")
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:<port>", text)
    text = re.sub(r"\d{4}-\d\d-\d\d( \d\d:\d\d)?", lambda m: "9999-99-99" + (" 99:99" if m[1] else ""), text)
    text = re.sub(rf"[{SPINNER}](?= \D)", "⠸", text)
    # A clock comes after a second; where a frame follows, what fills the line up to it stays as long as it was.
    text = re.sub(r" · \d+:\d\d(:\d\d)?(?= +│)", lambda m: " " * len(m[0]), text)
    return re.sub(r" · \d+:\d\d(:\d\d)?", "", text)


async def check_snapshots(pilot: Pilot[int], name: str, clean: Callable[[str], str] = str) -> None:
    """`check_snapshot` at both sizes that are designed for, in a terminal that changes its size; it stays at 80x24."""
    for width, height in ((120, 40), (80, 24)):
        await pilot.resize_terminal(width, height)
        await check_snapshot(pilot, f"{name}-{width}x{height}", clean)


async def check_snapshot(pilot: Pilot[int], name: str, clean: Callable[[str], str] = str) -> None:
    """Wait until the screen, made `clean` of what differs from run to run, is the picture kept under `name`.

    EDGETUI_UPDATE_SNAPSHOTS=1 keeps the screen as it is once nothing moves.
    """
    file = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("EDGETUI_UPDATE_SNAPSHOTS"):
        SNAPSHOTS.mkdir(exist_ok=True)
        file.write_text(clean(await still(pilot)) + "\n", encoding="utf-8")
    assert file.exists(), f"no picture {file.name} yet: EDGETUI_UPDATE_SNAPSHOTS=1 makes it\n{text_of(pilot.app)}"
    kept = file.read_text(encoding="utf-8")
    with contextlib.suppress(AssertionError):  # what is said is how it looks, not that it was waited for
        await until(pilot, lambda: clean(text_of(pilot.app)) + "\n" == kept, limit=PICTURE)
    text = clean(text_of(pilot.app))
    assert text + "\n" == kept, f"{file.name} looks different now:\n{text}"
