"""200,000 lines of a build's log, 10,000 a second: what the app does to keys, memory and the terminal meanwhile."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.bench.measure import EDGETUI, Bench, Measured
from tests.bench.wire import Wire, wire

COUNT = 150  # keys
TAIL = 20  # of the letters typed: a narrow terminal shows the last ones
QUIET = 5.0  # seconds without a key, in which bytes are counted
SLASH, F8, ESCAPE = "/", "\x1b[19~", "\x1b"


def resident(pid: int) -> float:
    """Megabytes of memory that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def typed(one: Wire, count: int) -> list[float]:
    """Milliseconds from each letter that is typed into the log's search until the terminal gets it, sorted."""
    letters, times, text = Random(1), [], ""
    for _ in range(count):
        text += letters.choice("bcdfghjklmnpqrstvwxz")
        begun = time.perf_counter()
        start = one.keys(text[-1])
        times.append((one.wait_for(text[-TAIL:], start) - begun) * 1000)
        time.sleep(letters.uniform(0, 0.03))  # not in step with the app
    return sorted(times)


def flood(place: Bench, plan: Path, env: dict[str, str], size: tuple[int, int], limit: float) -> Iterator[Measured]:
    """Build once with the log on the screen."""
    name = f"logs.{size[0]}x{size[1]}"
    with wire([*EDGETUI, "--plan", str(plan)], env, size) as one:
        one.wait_for("edge-ws")
        start = one.keys("4")
        one.wait_for("Build (F8)", start)
        before = resident(one.pid)
        start = one.keys(F8)
        one.wait_for(" of 200000", start)
        begun, written = time.perf_counter(), one.written
        time.sleep(QUIET)
        yield Measured(
            f"{name}.terminal", (one.written - written) / (time.perf_counter() - begun) / 1000, "kB/s", limit
        )
        start = one.keys(SLASH)
        one.wait_for("Enter jumps", start)
        times = typed(one, COUNT)
        if one.has(" 0200000 of"):
            raise SystemExit(f"the log had ended before the keys: {times}")
        start = one.keys(ESCAPE)
        most = resident(one.pid)
        one.wait_for("Built in", start)
        most = max(most, resident(one.pid))
        yield Measured(f"{name}.seconds", time.perf_counter() - begun, "s")
        yield Measured(f"{name}.keys.median", times[len(times) // 2], "ms")
        yield Measured(f"{name}.keys.p99", times[int(len(times) * 0.99)], "ms", 50)
        yield Measured(f"{name}.memory", most - before, "MB", 40)


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
        for size, limit in (((120, 40), 50.0), ((80, 24), 25.0)):
            yield from flood(place, plan, env, size, limit)
            yield Measured(f"logs.{size[0]}x{size[1]}.lost", lost(place), "bytes", 0)
            file = plan.read_text()
            plan.write_text(file.replace('name = "pump-anomaly"\ntag', 'name = "pump-again"\ntag'))
