"""The wizard is killed at some step, as by a machine that runs out of memory: the next start has all but the focused field's keys."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgetui.adapters.files.plan_files import TomlPlanFiles
from tests.conftest import Sandbox
from tests.contract.build_clients import slow_sandbox, write_plan
from tests.contract.client_runs import EXAMPLE
from tests.terminal import LIMIT, Terminal, terminal

HUB = "Deploy a model to your edge devices"
END, BACK, DO_IT = "\x1b[F", "\x1bOQ", "\x1b[19~"  # DO_IT: F8
_TICK = threading.Event()  # never set: waiting for it is a pause


@contextmanager
def wizard(sandbox: Sandbox, home: Path, plan: Path) -> Iterator[Terminal]:
    """The wizard on a plan, with the list of steps in front."""
    more = {**sandbox.env, "EDGETUI_HOME": str(home)}
    with terminal([sys.executable, "-m", "edgetui", "--plan", str(plan)], more, plan.parent) as shown:
        shown.wait_for(lambda text: HUB in text and ("Enter opens a step" in text or "watched again" in text))
        yield shown


def tabs(shown: Terminal, *rows: int) -> None:
    """Go on by Tab, each time when the cursor has come to its row of the screen: a person looks where they type."""
    for row in rows:
        shown.keys("\t")
        shown.wait_for(lambda _, row=row: shown.screen.cursor.y == row)  # type: ignore[misc]


def kill(shown: Terminal) -> None:
    os.kill(shown.pid, signal.SIGKILL)
    assert shown.wait() == -signal.SIGKILL


def wait_until(holds: Callable[[], bool], what: str) -> None:
    for _ in range(int(LIMIT / 0.05)):
        if holds():
            return
        _TICK.wait(0.05)
    raise AssertionError(f"not within {LIMIT} s: {what}")


def in_a_form(sandbox: Sandbox, home: Path, plan: Path) -> None:
    with wizard(sandbox, home, plan) as shown:
        shown.keys("2")
        shown.wait_for("Description")
        shown.wait_for("F8 (or Enter on Register)")
        tabs(shown, 4, 6, 8)
        shown.keys(END + " and leaks")
        shown.wait_for("and leaks")
        tabs(shown, 10)
        shown.keys(END + ",half=ty")
        shown.wait_for("half=ty")
        kill(shown)
    with wizard(sandbox, home, plan) as shown:
        shown.keys("2")
        shown.wait_for("pump and leaks")
        assert "site=lab" in shown.text()


def in_an_editor(sandbox: Sandbox, home: Path, plan: Path) -> None:
    script = plan.with_name("score.py")
    before = script.read_text()
    with wizard(sandbox, home, plan) as shown:
        shown.keys("3")
        shown.wait_for("✓ checked")
        tabs(shown, 4, 5)
        shown.keys("# kept\r")
        wait_until(lambda: script.read_text() == f"# kept\n{before}", "what was typed is in the file")
        shown.keys("# hal")
        shown.wait_for("# hal")
        kill(shown)
    after = script.read_text()
    assert after in {f"# kept\n{before}", f"# kept\n# hal{before}"}, "whole, with or without the last keys"
    with wizard(sandbox, home, plan) as shown:
        shown.keys("3")
        shown.wait_for("1  # kept")


def while_it_builds(sandbox: Sandbox, home: Path, plan: Path) -> None:
    with wizard(sandbox, home, plan) as shown:
        shown.keys("3")
        shown.wait_for("✓ checked")
        shown.keys(BACK)
        shown.wait_for(HUB)
        shown.keys("4")
        shown.wait_for("F8 (or Enter on Build)")
        shown.keys(DO_IT)
        shown.wait_for("Step 2/")
        kill(shown)
    with wizard(sandbox, home, plan) as shown:
        shown.wait_for("watched again")
        shown.wait_for("✓ 4 Image")
    assert (
        TomlPlanFiles(home / "state", f"sandbox-{sandbox.env['EDGETUI_SANDBOX_SCENARIO']}")
        .load_results(str(plan))
        .image
    )


@pytest.mark.parametrize("story", [in_a_form, in_an_editor, while_it_builds])
def test_nothing_is_lost_but_the_keys_of_the_focused_field(
    story: Callable[[Sandbox, Path, Path], None],
    sandbox: Sandbox,
    new_sandbox: Callable[..., Sandbox],
    tmp_path: Path,
) -> None:
    if story is while_it_builds:
        sandbox = slow_sandbox(new_sandbox, tmp_path / "slow", 0.5)
        plan = write_plan(sandbox, tmp_path / "plan", "acr")
        shutil.copy(EXAMPLE / "myenv.yml", plan.parent)  # one that passes the check
    else:
        plan = Path(shutil.copytree(EXAMPLE, tmp_path / "plan")) / "plan.toml"
    story(sandbox, tmp_path / "home", plan)
