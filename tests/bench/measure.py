"""What benchmarks share: a measured value with its target, runs in turns, and a sandbox of their own."""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import read_env_file

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "assets" / "examples" / "pump-anomaly"
EDGETUI = (sys.executable, "-m", "edgetui")


@dataclass(frozen=True)
class Measured:
    """One value; `target` is the most that it may be, None where there is none to meet."""

    name: str
    value: float
    unit: str
    target: float | None = None

    @property
    def met(self) -> bool:
        return self.target is None or self.value <= self.target


def in_turns(rounds: int, *measures: Callable[[], float]) -> list[float]:
    """Run each measure once a round, so that all see the same machine; returns the median of each."""
    values: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for one, measure in zip(values, measures, strict=True):
            one.append(measure())
    return [statistics.median(one) for one in values]


@dataclass
class Bench:
    """Folders of a benchmark, and what it runs in: an own HOME and EDGETUI_HOME; environments are cached between runs."""

    folder: Path
    cache: Path = field(default_factory=lambda: Path(os.environ.get("EDGETUI_TEST_CACHE") or ROOT / ".bench-cache"))

    def env(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("EDGETUI_", "AZURE", "ARM_", "TEXTUAL"))}
        home = self.folder / "home"
        cache = self.folder / "edgetui" / "cache"
        if not home.exists():
            home.mkdir()
            cache.parent.mkdir()
            self.cache.mkdir(parents=True, exist_ok=True)
            cache.symlink_to(self.cache)
        ours = {"HOME": str(home), "EDGETUI_HOME": str(self.folder / "edgetui")}
        return {**kept, **ours, **(more or {})}

    def example(self) -> Path:
        """A copy of the example; returns its folder."""
        target = self.folder / "example"
        if not target.exists():
            shutil.copytree(EXAMPLE, target)
        return target

    @contextlib.contextmanager
    def sandbox(self, scenario: str = "happy") -> Iterator[dict[str, str]]:
        """A running sandbox; gives the variables of its env file."""
        env_file = self.folder / "sandbox.env"
        place = ["--state", str(self.folder / "sandbox"), "--scenario", scenario, "--env-file", str(env_file)]
        command = [*EDGETUI, "sandbox", "serve", *place]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdout=pipe, stderr=subprocess.DEVNULL, env=self.env(), text=True) as process:
            try:
                line = process.stdout.readline() if process.stdout else ""
                if not line.startswith("ready "):
                    raise SystemExit("the sandbox did not start")
                yield read_env_file(env_file)
            finally:
                process.terminate()


@contextlib.contextmanager
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="edgetui-bench-") as folder:
        yield Bench(Path(folder))


def seconds(command: Sequence[str | Path], env: Mapping[str, str], cwd: Path = ROOT) -> float:
    """How long a program takes that must succeed."""
    begun = time.perf_counter()
    done = subprocess.run(list(command), env=env, cwd=cwd, capture_output=True, text=True, check=False)
    took = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return took
