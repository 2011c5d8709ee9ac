"""Step 4: who builds and for what, what became of it, and where a failure is mended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
from textual.pilot import Pilot
from textual.widgets import TabbedContent

from edgetui.core.errors import EdgeError
from edgetui.core.models import EngineState
from edgetui.jobs.build_times import Expected
from edgetui.ui.app import EdgeApp
from edgetui.ui.screens.image import ImageScreen
from edgetui.ui.screens.log import LogScreen
from edgetui.ui.screens.script import ScriptScreen
from edgetui.ui.widgets.one_of import OneOf

from .driving import check_snapshot, masked, until
from .on_sandbox import Outside, outside_of_own

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
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


def group(pilot: Pilot[int], name: str) -> OneOf:
    return screen(pilot).query_one(f"#{name}", OneOf)


def plain_picture(pilot: Pilot[int], shown: str) -> str:
    """The picture without what differs from build to build: ids, sizes, times, and the log with its path."""
    results = screen(pilot).results
    rows = [row for row in shown.splitlines() if "│" not in row and "─" not in row]
    text = re.sub(r"sha256:[0-9a-f]{64}", "sha256:<digest>", "\n".join(rows))
    text = re.sub(r"layers · [\d.]+ [kM]?B( · built in \d+:\d\d)?", "layers · <size>", text)
    # Whether another test built it before depends on which ran in this process.
    text = re.sub(r"(Built( in \d+:\d\d)?|The same image was there already, nothing to build);", "Built;", text)
    text = re.sub(r"pump-anomaly:1-[0-9a-f]{12}", "pump-anomaly:<tag>", text)
    return masked(text, image=results.image) if results.image else masked(text)


@contextmanager
def broken_environment(shared: Outside) -> Iterator[int]:
    """The environment with a package that nobody has; gives its line."""
    file = Path(shared.plan).parent / "myenv.yml"
    before = file.read_text()
    lines = before.replace("      - numpy", "      - no-such-package-of-ours==1.0\n      - numpy").splitlines()
    file.write_text("\n".join(lines) + "\n")
    shared.do("script")
    try:
        yield lines.index("      - no-such-package-of-ours==1.0") + 1
    finally:
        file.write_text(before)
        shared.do("script")


async def without_engine(pilot: Pilot[int]) -> None:
    """Whatever this machine has."""
    await until(pilot, lambda: screen(pilot)._engine is not None)
    screen(pilot)._engine = NO_ENGINE
    screen(pilot).show()


async def test_arrows_choose_and_the_plan_has_it(shared: Outside) -> None:
    with shared.kept():
        async with shared.opened("image") as pilot:
            await without_engine(pilot)
            group(pilot, "builder").focus()
            await pilot.press("down")
            assert screen(pilot).plan.image.builder == "acr"
            await pilot.press("tab", "right", "right")
            assert screen(pilot).plan.image.platform == "linux/arm/v7"
            assert 'builder = "acr"' in shared.text()
            assert 'platform = "linux/arm/v7"' in shared.text()
            shown = await until(pilot, "● linux/arm/v7")
            assert "● ACR Tasks" in shown


@SIZES
async def test_what_cannot_be_is_greyed_and_says_why_under_the_field(shared: Outside, size: tuple[int, int]) -> None:
    with shared.kept():
        async with shared.opened("image", size) as pilot:
            await without_engine(pilot)
            screen(pilot).edit(image={"platform": "linux/arm/v7"})
            shown = await until(pilot, "Azure ML cannot build for linux/arm/v7")
            assert "choose ACR Tasks" in shown
            await pilot.press("f8")
            await until(pilot, "Correct what is marked")
            assert not screen(pilot).job_runs
            # Docker can be gone to, so that it can be read, but not chosen.
            group(pilot, "builder").focus()
            await pilot.press("down", "down")
            shown = await until(pilot, lambda: "sudo systemctl start docker" in screen(pilot).status.text)
            assert screen(pilot).plan.image.builder == "acr"
            await check_snapshot(
                pilot, f"image-no-engine-{size[0]}x{size[1]}", lambda text: masked(text, tag=screen(pilot)._tag)
            )


@SIZES
async def test_a_quick_build_shows_its_steps_and_what_it_made(shared: Outside, size: tuple[int, int]) -> None:
    with shared.kept():
        async with shared.opened("image", size) as pilot:
            await without_engine(pilot)
            group(pilot, "builder").focus()
            await pilot.press("down", "f8")
            await until(pilot, lambda: screen(pilot)._watch.progress.steps > 0 or screen(pilot).results.image != "")
            shown = await until(pilot, "layers · ")
            assert "linux/amd64 · " in shown
            assert "sha256:" in shown
            assert "✓ " in shown.splitlines()[-2]
            results = screen(pilot).results
            assert results.digest.rpartition("@")[2] in shown
            assert results.image_layers >= 4
            assert results.image_size > 0
            await check_snapshot(pilot, f"image-built-{size[0]}x{size[1]}", lambda text: plain_picture(pilot, text))


async def test_the_step_bar_is_one_line_whatever_the_step_is_called(shared: Outside) -> None:
    async with shared.opened("image") as pilot:
        await until(pilot, lambda: bool(screen(pilot)._tag))
        from edgetui.ui.words.build import BuildProgress

        words = BuildProgress(3, 9, "RUN pip install " + "x" * 300).words(Expected(72), screen(pilot).size.width - 14)
        screen(pilot).status.busy(words)
        await until(pilot, "about 1:12 in all")
        assert screen(pilot).status.size.height == 1


@SIZES
async def test_a_failure_opens_the_line_that_made_it(shared: Outside, size: tuple[int, int]) -> None:
    with broken_environment(shared) as line:
        async with shared.opened("image", size) as pilot:
            await without_engine(pilot)
            await until(pilot, lambda: bool(screen(pilot)._tag))
            await pilot.press("f8")
            await until(pilot, f"F4: myenv.yml:{line}")
            shown = await until(pilot, "F4 Mend")
            assert shown.splitlines()[2] == " ✗ There is no no-such-package-of-ours for this Python and platform"
            assert len([row for row in shown.splitlines() if "F4: myenv.yml" in row]) == 1
            await check_snapshot(pilot, f"image-failed-{size[0]}x{size[1]}", lambda text: plain_picture(pilot, text))
            assert "F4 Mend" in shown.splitlines()[-1]
            assert "F10 Quit" in shown.splitlines()[-1]
            await pilot.press("f4")
            await until(pilot, lambda: isinstance(pilot.app.screen, ScriptScreen))
            script = cast("ScriptScreen", pilot.app.screen)
            await until(pilot, lambda: script.editor("environment").cursor_location == (line - 1, 0))
            await until(pilot, lambda: script.focused is script.editor("environment"))
            assert script.query_one(TabbedContent).active == "tab-environment"
            cast("EdgeApp", pilot.app).open_step("image")
            await until(pilot, f"F4: myenv.yml:{line}")


@pytest.mark.parametrize(
    ("field", "where"), [("registry.credential", "credentials"), ("model", "model"), ("image.platform", "image")]
)
async def test_a_failure_elsewhere_opens_its_step(shared: Outside, field: str, where: str) -> None:
    async with shared.opened("image") as pilot:
        app = cast("EdgeApp", pilot.app)
        await until(pilot, lambda: bool(screen(pilot)._tag))
        app.session.failed["image"] = EdgeError("It was refused", remedy="Change it.", field=field)
        screen(pilot).show()
        screen(pilot).refresh_bindings()
        await until(pilot, "Change it. F4: ")
        await pilot.press("f4")
        await until(pilot, lambda: app.screen.id == where)
        assert where != "image" or app.screen.focused is group(pilot, "platform")


async def test_past_logs_are_listed_opened_and_saved(shared: Outside, tmp_path: Path) -> None:
    with shared.kept():
        shared.do("image")
        async with shared.opened("image") as pilot:
            await until(pilot, "Successfully built")
            screen(pilot).log_pane.view.focus()
            await pilot.press("p")
            shown = await until(pilot, "pump-anomaly-1-")
            assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d +[\d.]+ k?B +pump-anomaly-1-", shown)
            await pilot.press("enter")
            await until(pilot, "Log of 2")
            await until(pilot, "Successfully built")
            target = tmp_path / "copy.log"
            await pilot.press("s", "ctrl+u", *str(target), "enter")
            await until(pilot, lambda: f"Saved as {target}" in [said.message for said in pilot.app._notifications])
            log = cast("LogScreen", pilot.app.screen).log_pane
            assert target.read_text().splitlines() == list(log.buffer.lines)
            await pilot.press("s", "ctrl+u", *str(target), "enter")
            await until(pilot, "exists already")
            await pilot.press("f2")
            await until(pilot, "Logs of past builds")
            await pilot.press("f2")
            await until(pilot, lambda: pilot.app.screen.id == "image")


async def test_times_of_lines_are_those_at_which_they_came_also_after_coming_back(shared: Outside) -> None:
    with shared.kept():
        async with shared.opened("image") as pilot:
            app = cast("EdgeApp", pilot.app)
            await until(pilot, lambda: bool(screen(pilot)._tag))
            screen(pilot).edit(image={"tag": "timed"})
            await pilot.press("f8")
            await until(pilot, lambda: screen(pilot).results.image.endswith(":timed") and not screen(pilot).job_runs)
            before = times(pilot)
            assert all(before)
            await pilot.press("f2")
            await until(pilot, "Deploy a model")
            app.open_step("image")
            await until(pilot, lambda: app.screen.id == "image" and len(times(pilot)) == len(before))
            assert times(pilot) == pytest.approx(before, abs=1.0)


def times(pilot: Pilot[int]) -> list[float]:
    screen(pilot).log_pane.flush()
    buffer = screen(pilot).log_pane.buffer
    return [buffer.time(index) for index in range(buffer.count)]


async def test_a_click_chooses_too(shared: Outside) -> None:
    with shared.kept():
        async with shared.opened("image") as pilot:
            await without_engine(pilot)
            await pilot.click("#builder", offset=(20, 1))
            assert screen(pilot).plan.image.builder == "acr"
            await until(pilot, "○ linux/arm/v7")
            await pilot.click("#platform", offset=(38, 0))
            assert screen(pilot).plan.image.platform == "linux/arm64"
            await pilot.click("#builder", offset=(20, 2))  # greyed
            await until(pilot, lambda: "There is no container engine" in screen(pilot).status.text)
            assert screen(pilot).plan.image.builder == "acr"
