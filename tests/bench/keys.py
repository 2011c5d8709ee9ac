"""How long a key takes to show on the screen while an image is being built and its log comes in."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

from tests.bench.measure import EDGETUI, Bench, Measured
from tests.terminal import Terminal, terminal

COUNT = 300
UP, DOWN, F2, F8, F10 = "\x1b[A", "\x1b[B", "\x1bOQ", "\x1b[19~", "\x1b[21~"


def pressed(one: Terminal, key: str, shows: str) -> float:
    """Milliseconds from a key to its effect on the screen."""
    begun = time.perf_counter()
    one.keys(key)
    one.wait_for(lambda text: shows in text.splitlines()[2])
    return (time.perf_counter() - begun) * 1000


def run(place: Bench) -> Iterator[Measured]:
    plan = place.example() / "plan.toml"
    with place.sandbox("slow-build") as variables:
        env = place.env(variables)
        # Model and script are done: the wizard is at the image.
        checked = [*EDGETUI, "deploy", str(plan), "--yes", "--json"]
        with subprocess.Popen(checked, env=env, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout or ():
                if '"event":"log"' in line:
                    process.terminate()
                    break
        with terminal([*EDGETUI, "--plan", str(plan)], env) as one:
            one.wait_for("edge-ws")
            one.keys("4")
            one.wait_for("Build (F8)")
            one.keys(F8)
            one.wait_for("Step 1/")
            one.keys(F2)
            one.wait_for("7 Deploy")
            pressed(one, UP, "3 Script")
            times = []
            for number in range(COUNT):
                down = number % 2 == 0
                times.append(pressed(one, DOWN if down else UP, "4 Image" if down else "3 Script"))
            one.keys(F10)
            one.wait_for("Leave now?")
    times.sort()
    yield Measured("keys.median", times[len(times) // 2], "ms")
    yield Measured("keys.p99", times[int(len(times) * 0.99)], "ms", 50)
