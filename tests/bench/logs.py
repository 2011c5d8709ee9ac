"""200,000 lines of a build's log, 10,000 a second: what the app does to keys, memory and the terminal meanwhile.

`keys.idle` are the same keys in the same app before the build: where they are slow, others use the machine. `keys.own` is
without the time in which the app waited for a processor.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from tests.bench.measure import EDGETUI, Bench, Measured
from tests.bench.wire import Wire, wire

ROUNDS = 3  # builds at each size; what is told are medians
COUNT, LEAST = 150, 50  # keys: on a machine that is busy with other things the log ends before all are typed
TAIL = 20  # of the letters typed: a narrow terminal shows the last ones
QUIET = 3.0  # seconds without a key: until what the app loads is there, and in which bytes are counted
SLASH, F7, F8, ESCAPE = "/", "\x1b[18~", "\x1b[19~", "\x1b"
UNITS = {"terminal": "kB/s", "seconds": "s", "memory": "MB", "lost": "bytes"}


def resident(pid: int) -> float:
    """Megabytes of memory that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def waited(pid: int) -> float:
    """Milliseconds in which the main thread of a process could have run, while others had all processors."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e6


def typed(one: Wire, ended: Callable[[], bool]) -> tuple[list[float], list[float]]:
    """Milliseconds from each letter that is typed into the log's search until the terminal gets it, sorted.

    And the same without the time in which the app had to wait for a processor: what a machine of its own would take.
    """
    letters, times, own, text = Random(1), [], [], ""
    while len(times) < COUNT and not ended():
        text += letters.choice("bcdfghjklmnpqrstvwxz")
        before, begun = waited(one.pid), time.perf_counter()
        start = one.keys(text[-1])
        times.append((one.wait_for(text[-TAIL:], start) - begun) * 1000)
        own.append(max(times[-1] - (waited(one.pid) - before), 0.0))
        time.sleep(letters.uniform(0, 0.03))  # not in step with the app
    if len(times) < LEAST:
        raise SystemExit(f"the log had ended after {len(times)} keys")
    return sorted(times), sorted(own)


def p99(times: list[float]) -> float:
    return times[int(len(times) * 0.99)]


def flood(place: Bench, plan: Path, env: dict[str, str], size: tuple[int, int]) -> dict[str, float]:
    """Build once with the log on the screen."""
    found: dict[str, float] = {}
    with wire([*EDGETUI, "--plan", str(plan)], env, size) as one:
        one.wait_for("edge-ws")
        start = one.keys("4")
        one.wait_for("Build (F8)", start)
        time.sleep(QUIET)
        # The yardstick: the same keys, in the same app, while it does nothing else.
        start = one.keys(F7)
        one.wait_for("w wrap", start)
        start = one.keys(SLASH)
        one.wait_for("Enter jumps", start)
        idle, _ = typed(one, lambda: False)
        found |= {"keys.idle.median": statistics.median(idle), "keys.idle.p99": p99(idle)}
        one.keys(ESCAPE)
        start = one.keys(F7)
        one.wait_for("Build (F8)", start)
        before = resident(one.pid)
        start = one.keys(F8)
        one.wait_for("nothing yet", start)
        first = one.written  # before it, the last build's log may stand on the screen
        one.wait_for(" of 200000", first)
        begun, written = time.perf_counter(), one.written
        time.sleep(QUIET)
        found["terminal"] = (one.written - written) / (time.perf_counter() - begun) / 1000
        start = one.keys(SLASH)
        one.wait_for("Enter jumps", start)
        times, own = typed(one, lambda: one.has(" 0200000 of", first))
        start = one.keys(ESCAPE)
        most = resident(one.pid)
        one.wait_for("Built in", start)
        found |= {"keys.median": statistics.median(times), "keys.p99": p99(times), "keys.own.p99": p99(own)}
        found["seconds"] = time.perf_counter() - begun
        found["memory"] = max(most, resident(one.pid)) - before
    found["lost"] = lost(place)
    return found


def lost(place: Bench) -> int:
    """How many bytes of the newest log differ from the service's own."""
    source = max((place.folder / "sandbox" / "blobs" / "azureml" / "ImageLogs").rglob("build.log"), key=_age)
    kept = max((place.folder / "edgetui" / "state" / "logs").glob("build-*.log"), key=_age)
    ours, theirs = kept.read_bytes(), source.read_bytes()
    return sum(a != b for a, b in zip(ours, theirs, strict=False)) + abs(len(ours) - len(theirs))


def _age(file: Path) -> int:
    return file.stat().st_mtime_ns


def run(place: Bench) -> Iterator[Measured]:
    plan = place.example() / "plan.toml"
    with place.sandbox("loud-build") as variables:
        env = place.env(variables)
        # Model and script are done: the wizard is at the image.
        checked = [*EDGETUI, "deploy", str(plan), "--yes", "--json"]
        with subprocess.Popen(checked, env=env, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout or ():
                if '"event":"log"' in line:
                    process.terminate()
                    break
        name = "pump-anomaly"
        for size, limit in (((120, 40), 50.0), ((80, 24), 25.0)):
            rounds = []
            for number in range(ROUNDS):
                rounds.append(flood(place, plan, env, size))
                before, name = name, f"pump-{size[0]}-{number}"  # what is there already would not be built again
                plan.write_text(plan.read_text().replace(f'name = "{before}"\ntag', f'name = "{name}"\ntag'))
            targets = {"terminal": limit, "keys.p99": 50, "memory": 40, "lost": 0}
            for key in rounds[0]:
                value = statistics.median(one[key] for one in rounds)
                yield Measured(f"logs.{size[0]}x{size[1]}.{key}", value, UNITS.get(key, "ms"), targets.get(key))
