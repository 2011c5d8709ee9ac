"""What the wizard writes to the terminal while nobody does anything: over SSH every byte is traffic."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.measure import EDGETUI, Bench, Measured
from tests.terminal import Terminal, terminal

SETTLE, WATCHED = 5.0, 10.0  # seconds: without output before the count begins, and of counting


def settled(one: Terminal) -> None:
    """Wait until nothing was written for a while: what the wizard looks up at its start has come in."""
    last, since = one.written, time.monotonic()
    while time.monotonic() - since < SETTLE:
        time.sleep(0.1)
        if one.written != last:
            last, since = one.written, time.monotonic()


def run(place: Bench) -> Iterator[Measured]:
    plan = place.example() / "plan.toml"
    with place.sandbox() as variables, terminal([*EDGETUI, "--plan", str(plan)], place.env(variables)) as one:
        one.wait_for("7 Deploy")
        settled(one)
        before = one.written
        time.sleep(WATCHED)
        idle = one.written - before
        one.keys("\x1b[21~")
        one.wait()
    yield Measured("idle.hub", idle, "bytes in 10 s", 0)
