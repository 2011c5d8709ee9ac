"""How long a person waits for the first full frame, against a bare Textual app; and for --help, against the interpreter."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.bench.measure import EDGETUI, Bench, Measured, in_turns, seconds
from tests.terminal import terminal

ROUNDS = 11
BARE = Path(__file__).with_name("bare_app.py")


def frame(command: Sequence[str], env: Mapping[str, str], last: tuple[str, ...], leave: str) -> float:
    """Seconds from the start of a program until all of `last` is on the screen."""
    with terminal(command, env) as one:
        took = one.wait_for(lambda text: all(part in text for part in last))
        one.keys(leave)
        one.wait()
        return took


def run(place: Bench) -> Iterator[Measured]:
    plan = place.example() / "plan.toml"
    with place.sandbox() as variables:
        env = place.env({**variables, "TERM": "xterm-256color"})
        wizard = [*EDGETUI, "--plan", str(plan)]

        def ours() -> float:
            return frame(wizard, env, ("7 Deploy", "Workspace", "F10"), "\x1b[21~")

        def bare() -> float:
            return frame([sys.executable, str(BARE)], env, ("everything is drawn", "q Quit"), "q")

        in_turns(1, ours, bare)  # files into memory, bytecode onto disk
        hub, yardstick = in_turns(ROUNDS, ours, bare)
    yield Measured("startup.hub", hub, "s")
    yield Measured("startup.bare_textual", yardstick, "s")
    yield Measured("startup.hub_ratio", hub / yardstick, "x", 1.5)
    env = {**place.env(), "PATH": os.environ["PATH"]}
    helped, started = in_turns(
        ROUNDS,
        lambda: seconds([*EDGETUI, "--help"], env),
        lambda: seconds([sys.executable, "-c", "pass"], env),
    )
    yield Measured("startup.help", helped, "s")
    yield Measured("startup.interpreter", started, "s")
    yield Measured("startup.help_ratio", helped / started, "x", 5)
