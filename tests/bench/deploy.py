"""The whole job, from the model file to the answer, against a plain script of the same SDK calls, on one sandbox."""

from __future__ import annotations

import itertools
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import EDGETUI, Bench, Measured, in_turns, seconds

ROUNDS = 3
SCRIPT = Path(__file__).with_name("plain_deploy.py")


def run(place: Bench) -> Iterator[Measured]:
    folder = place.example()
    plan, script = folder / "plan.toml", folder / "score.py"
    theirs = place.folder / "theirs"
    shutil.copytree(folder, theirs)
    edits = itertools.count()

    with place.sandbox() as variables:
        env = place.env(variables)

        def again() -> float:
            return seconds([*EDGETUI, "deploy", str(plan), "--yes", "--json"], env)

        def edited() -> float:
            with script.open("a", encoding="utf-8") as text:
                text.write(f"# edit {next(edits)}\n")
            return again()

        def plain() -> float:
            return seconds([sys.executable, str(SCRIPT), str(theirs)], env)

        in_turns(1, again, plain)  # the environment is installed, the module runs
        second, changed, yardstick = in_turns(ROUNDS, again, edited, plain)
    alone = place.env()
    started = [*EDGETUI, "deploy", str(plan), "--sandbox", "--yes", "--json"]
    seconds(started, alone)
    (whole,) = in_turns(ROUNDS, lambda: seconds(started, alone))
    yield Measured("deploy.again", second, "s")
    yield Measured("deploy.script_edited", changed, "s")
    yield Measured("deploy.plain_script", yardstick, "s")
    yield Measured("deploy.again_ratio", second / yardstick, "x", 1.0)
    yield Measured("deploy.script_edited_ratio", changed / yardstick, "x", 1.0)
    yield Measured("deploy.again_with_sandbox_start", whole, "s", 15)
