"""Step 4 on the real sandbox: a build that is watched, left, come back to, stopped, and one that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from textual.pilot import Pilot

from edgetui.core.events import ImageRun, LogLine, Progress
from edgetui.core.models import BuildRun, EngineState
from edgetui.jobs.build_times import Expected
from edgetui.ui.app import EdgeApp
from edgetui.ui.screens.image import ImageScreen
from edgetui.ui.widgets.field import Field
from edgetui.ui.words.build import BuildProgress, first_error
from tests.conftest import Sandbox

from .driving import check_snapshot, masked, text_of, until
from .on_sandbox import Outside, outside, outside_of_own

NO_ENGINE = EngineState(
    reachable=False,
    why="There is no container engine here (unix:///var/run/docker.sock)",
    remedy="Install Docker or Podman, or start it: `sudo systemctl start docker`.",
)


@pytest.fixture(scope="module")
def shared(sandbox_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """Model registered, script checked."""
    with outside_of_own(tmp_path_factory.mktemp("own"), sandbox_cache) as made:
        made.do("model", "script")
        yield made


def screen(pilot: Pilot[int]) -> ImageScreen:
    return cast("ImageScreen", pilot.app.screen)


def runs(pilot: Pilot[int]) -> bool:
    return "image" in cast("EdgeApp", pilot.app).bridge.running


def kept(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def replaced(file: Path, old: str, new: str) -> str:
    """Change a file; returns what it was."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return text


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_what_will_be_built_is_said_first(shared: Outside, size: tuple[int, int]) -> None:
    async with shared.opened("image", size) as pilot:
        await until(pilot, "Becomes         pump-anomaly:1-")
        await until(pilot, lambda: screen(pilot)._engine is not None)
        screen(pilot)._engine = NO_ENGINE  # whatever this machine has
        screen(pilot).show()
        shown = await until(pilot, "There is no container engine")
        assert "Goes in         pump-anomaly:1, score.py, myenv.yml" in shown
        assert "F8 (or Enter on Build) builds the image. The first build takes some minutes." in shown
        await check_snapshot(pilot, f"image-{size[0]}x{size[1]}", lambda text: masked(text, tag=screen(pilot)._tag))


async def test_a_build_is_watched_left_and_come_back_to(shared: Outside) -> None:
    async with shared.opened("image") as pilot:
        app = cast("EdgeApp", pilot.app)
        await until(pilot, "Becomes         pump-anomaly:1-")
        await pilot.press("f8")
        await until(pilot, lambda: screen(pilot)._watch.progress.steps == 6)
        await until(pilot, "logs/build-pump-anomaly")
        await pilot.press("f2")
        await until(pilot, "Deploy a model")
        app.open_step("image")
        await until(pilot, "✓ Built")
        log = screen(pilot).log_pane
        await until(pilot, lambda: log.buffer.total > 10)
        assert log.buffer.lines[0].startswith("Step 1/6")
        assert kept(log.path) == list(log.buffer.lines)
        shown = text_of(app)
        assert "following" in shown
        assert "✓ pump-anomaly:1-" in shown
        assert "Image           127.0.0.1:" in shown
        # Again: the same content has an image.
        await pilot.press("f8")
        await until(pilot, "The same image was there already")
    async with shared.opened("image") as pilot:
        await until(pilot, "Successfully built")  # the log of before, from its file


async def test_the_log_takes_the_whole_screen_and_is_searched(shared: Outside) -> None:
    shared.do("image")
    async with shared.opened("image") as pilot:
        await until(pilot, "Successfully built")
        await pilot.press("f7")
        await until(pilot, lambda: "Platform" not in text_of(pilot.app))
        await pilot.press("/", *"push", "enter")
        await until(pilot, "'push'")
        await pilot.press("f7")
        await until(pilot, "Platform")


async def test_a_build_is_stopped(new_sandbox: Callable[..., Sandbox], tmp_path: Path) -> None:
    slow = new_sandbox("--scenario", "slow-build")
    with outside(slow.env, tmp_path / "home") as made:
        made.do("model", "script")
        async with made.opened("image") as pilot:
            await until(pilot, "Becomes         pump-anomaly:")
            await pilot.press("f8")
            await until(pilot, "step 1 of 6")
            await pilot.press("f9")
            await until(pilot, "The build was stopped. F8 builds again.")
            assert not runs(pilot)
            assert screen(pilot).log_pane.buffer.total


async def test_a_failure_puts_its_cause_on_top_and_keeps_the_log(shared: Outside) -> None:
    environment = Path(shared.plan).parent / "myenv.yml"
    before = replaced(environment, "      - numpy", "      - no-such-package-of-ours==1.0\n      - numpy")
    shared.do("script")
    try:
        async with shared.opened("image") as pilot:
            await until(pilot, "Becomes         pump-anomaly:1-")
            await pilot.press("f8")
            await until(pilot, lambda: not runs(pilot) and bool(screen(pilot).session.failed))
            shown = await until(pilot, "no-such-package-of-ours")
            assert "✗ " in shown.splitlines()[2]
            assert "→ " in shown
            assert screen(pilot).log_pane.buffer.total > 3
            assert "paused" in str(screen(pilot).log_pane.border_title)
            await pilot.press("f2")
            await until(pilot, "Deploy a model")
            cast("EdgeApp", pilot.app).open_step("image")
            again = await until(pilot, "→ ")
            assert "✗ " in again.splitlines()[2]
    finally:
        environment.write_text(before)
        shared.do("script")


async def test_wrong_answers_are_said_under_their_field(shared: Outside) -> None:
    async with shared.opened("image") as pilot:
        await until(pilot, lambda: bool(screen(pilot)._tag))
        screen(pilot).query_one("#name", Field).focus_input()
        await pilot.press("end", *"/UPPER", "f8")
        await until(pilot, "Correct what is marked")
        assert not runs(pilot)
        await pilot.press(*["backspace"] * 6, "enter")
        await until(pilot, lambda: not screen(pilot).query_one("#name", Field).problem)


def test_steps_are_read_from_each_builders_words() -> None:
    log = ["Step 1/6 : Check", "Collecting x", "Step 2/6 : RUN pip install -r r.txt"]
    progress = BuildProgress().after([LogLine("image", line) for line in log])
    assert progress.words() == "step 2 of 6 ■■□□□□ RUN pip install -r r.txt"
    assert progress.words(Expected(72)) == "step 2 of 6 ■■□□□□ RUN pip install -r r.txt · about 1:12 in all"
    assert progress.words(Expected(300, most=True)).endswith(" · at most 5:00 in all")
    assert progress.words(Expected(72), 46) == "step 2 of 6 ■■□□□□ RUN pi… · about 1:12 in all"
    assert all(len(progress.words(Expected(72), width)) <= max(width, 40) for width in range(1, 90))
    assert BuildProgress().after([LogLine("image", "Fetched 3/4 of it")]).steps == 0
    first = BuildProgress().after(
        [ImageRun(BuildRun("acr", "ca1", "environment")), LogLine("image", "Step 1/2 : FROM x")]
    )
    assert first.words() == "environment: step 1 of 2 ■□ FROM x"
    assert first.after([ImageRun(BuildRun("acr", "ca1", "environment", 9))]) == first
    assert first.after([ImageRun(BuildRun("acr", "ca2", "image"))]).words() == "building"
    assert BuildProgress().after([Progress("image", "queued")]).words() == "queued"


def test_the_first_real_error_is_found() -> None:
    log = ["ok", "warning: failed to cache", "ERROR: No matching distribution found for x", "build failed"]
    assert first_error(log) == 2
    assert first_error(["ok", "ModuleNotFoundError: No module named 'x'"]) == 1
    assert first_error(["all fine"]) is None
