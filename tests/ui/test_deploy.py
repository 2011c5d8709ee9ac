"""Step 7 on the real sandbox: review, question, the device at work, its answer, and what goes wrong."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot

from edgetui.core.events import Preview
from edgetui.core.results import DeviceOutcome
from edgetui.jobs import browse, resources
from edgetui.ui.app import EdgeApp
from edgetui.ui.screens.deploy import DeployScreen
from edgetui.ui.words import review as review_words
from tests.conftest import Sandbox

from .driving import check_snapshot, check_snapshots, masked, still, text_of, until
from .on_sandbox import Outside, outside, outside_of_own


@pytest.fixture(scope="module")
def shared(sandbox_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """Everything done but the deployment."""
    with outside_of_own(tmp_path_factory.mktemp("own"), sandbox_cache) as made:
        made.do("model", "script", "image", "credentials")
        yield made


def screen(pilot: Pilot[int]) -> DeployScreen:
    return cast("DeployScreen", pilot.app.screen)


def steady(pilot: Pilot[int], shown: str) -> str:
    """The screen without what differs from run to run."""
    plan = cast("EdgeApp", pilot.app).session.plan
    port = str(plan.module.create_options["HostConfig"]["PortBindings"]["5001/tcp"][0]["HostPort"])
    shown = re.sub(r"\b[0-9a-f]{12,}\b", "<hex>", masked(shown, port=port))
    shown = re.sub(r"(?<=│)[0-9a-f]{7}\b", "<hex>", shown)  # the end of a digest, beside a dialog
    shown = re.sub(r"\d[\d.]* [kM]?B\b", "<size>", shown)
    return re.sub(r"in \d+ ms: *", "in <n> ms: ", shown)  # and what fills the line behind it


async def reviewed(pilot: Pilot[int]) -> str:
    await until(pilot, "Nothing is changed yet.")
    return await still(pilot)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_a_review_comes_first_and_cancel_is_the_safe_answer(shared: Outside, size: tuple[int, int]) -> None:
    async with shared.opened("deploy", size) as pilot:
        shown = await reviewed(pilot)
        assert "+ registry credential edgeacr" in shown
        assert "•••" in shown
        await check_snapshot(pilot, f"deploy-review-{size[0]}x{size[1]}", lambda text: steady(pilot, text))
        await pilot.press("f8")
        question = await until(pilot, "Deploy to line1-gateway?")
        assert "Cancel" in question
        assert "pump-anomaly goes to line1-gateway." in question
        await check_snapshot(pilot, f"deploy-question-{size[0]}x{size[1]}", lambda text: steady(pilot, text))
        await pilot.press("enter")
        await until(pilot, "Nothing was deployed. F8 asks again.")
        assert isinstance(pilot.app.screen, DeployScreen)
        assert not cast("EdgeApp", pilot.app).bridge.running


async def test_a_change_of_the_plan_asks_for_another_review(shared: Outside) -> None:
    async with shared.opened("deploy") as pilot:
        await reviewed(pilot)
        before = screen(pilot).plan.module
        screen(pilot).edit(module={"env": {"LEVEL": "debug"}})
        await until(pilot, "The plan changed since this review: F8 reviews again.")
        await pilot.press("f8")
        await reviewed(pilot)
        assert "LEVEL" in str(screen(pilot)._review())
        screen(pilot).edit(module=before)
        await pilot.pause()


async def test_somebody_else_changing_the_device_stops_the_deployment(shared: Outside) -> None:
    async with shared.opened("deploy") as pilot:
        await reviewed(pilot)
        _touch(shared)
        await pilot.press("f8")
        await until(pilot, "Deploy to line1-gateway?")
        await pilot.press("tab", "enter")
        shown = await until(pilot, "was changed by somebody else since the review")
        assert "Review again" in shown
        await pilot.press("r")
        await reviewed(pilot)


async def test_the_device_answers_what_the_model_says(shared: Outside) -> None:
    async with shared.opened("deploy") as pilot:
        await reviewed(pilot)
        await pilot.press("f8")
        await until(pilot, "Deploy to line1-gateway?")
        await pilot.press("tab", "enter")
        await until(pilot, "● Devices")
        shown = await until(pilot, "✓ Every device has answered.")
        assert "✓ line1-gateway answered the sample in" in shown
        outcome = screen(pilot).results.devices["line1-gateway"]
        assert outcome.milliseconds > 0
        assert outcome.prediction == _direct(Path(shared.plan).parent)
        await pilot.press("Y")
        assert json.loads(pilot.app.clipboard) == outcome.prediction
        await pilot.press("f4")
        await until(pilot, "POST /score 200")
        assert "Log of pump-anomaly on line1-gateway" in text_of(pilot.app)
        await pilot.press("escape")
        await until(pilot, "7 Deploy")
        await check_snapshots(pilot, "deploy-answered", lambda text: steady(pilot, text))
    # Another start shows it again.
    async with shared.opened("deploy", (120, 40)) as pilot:
        await until(pilot, "✓ line1-gateway answered the sample in")


async def test_a_device_that_only_reports_says_so(shared: Outside) -> None:
    with shared.rewritten('"line1-gateway"', '"pump-station-a1"'):
        async with shared.opened("deploy") as pilot:
            shown = await until(pilot, "Nothing is changed yet. 1 warning to read.")
            assert "! this device only reports" in shown
            await pilot.press("f8")
            await until(pilot, "! pump-station-a1 this device only reports")
            await pilot.press("tab", "enter")
            await until(pilot, lambda: not cast("EdgeApp", pilot.app).bridge.running)
            shown = await until(pilot, "→ Choose a device that runs modules")
            assert "✗ pump-station-a1 only reports" in shown


async def test_what_is_missing_is_named(sandbox: Sandbox, tmp_path: Path) -> None:
    with outside(sandbox.env, tmp_path / "home") as made:
        async with made.opened("deploy") as pilot:
            shown = await until(pilot, "The deployment needs 4 Image and 5 Credentials first")
            assert "not built yet (4 Image)" in shown
            await pilot.press("f8")
            assert not cast("EdgeApp", pilot.app).bridge.running


def _touch(made: Outside) -> None:
    """Somebody else deploys to the device: what is there, once more."""
    session = made.do()
    hub = resources.hub(session.plan, made.ports)
    live = made.ports.hub.deployed(hub, "line1-gateway")
    content = {"$edgeAgent": {"properties.desired": live.agent}, "$edgeHub": {"properties.desired": live.hub}}
    made.ports.hub.apply(hub, "line1-gateway", content)
    assert any(device.id == "line1-gateway" for page in browse.devices(session.plan, made.ports) for device in page)


def _direct(folder: Path) -> dict[str, Any]:
    """What the model gives when it is loaded here."""
    readings = json.loads((folder / "sample.json").read_text())["readings"]
    with (folder / "model.pkl").open("rb") as file:
        model = pickle.load(file)  # noqa: S301 - the example's own
    scores = model.decision_function([[reading["temperature"], reading["pressure"]] for reading in readings])
    return {"anomaly": [bool(score < 0) for score in scores], "score": [float(score) for score in scores]}


def test_changes_are_said_removals_first_and_in_words() -> None:
    changes = (
        "= 2 modules stay",
        "~ $edgeHub.routes.up: a → b",
        "+ $edgeAgent.modules.pump.type: docker",
        "- $edgeAgent.modules.old",
    )
    assert [review_words.in_words(line) for line in review_words.ordered(changes)] == [
        "- module old ",
        "+ module pump type: docker",
        "~ route up: a → b",
        "= 2 modules stay",
    ]


def test_the_question_fits_a_small_screen_whatever_changes() -> None:
    changes = tuple(f"- $edgeAgent.modules.m{n}.{'x' * 90}" for n in range(50))
    previews = [Preview(f"device-{n}", changes, ("w" * 200,)) for n in range(50)]
    question = review_words.question("pump", "registry/pump@sha256:" + "0" * 64, previews)
    lines = question.splitlines()
    assert len(lines) <= 4 + review_words.CONFIRM_LINES
    assert all(len(line) <= review_words.CONFIRM_WIDTH for line in lines)
    assert "device-0, device-1, device-2, device-3 and 46 more" in question
    assert "2500 go" in question


def test_predictions_are_printed_as_people_read_them() -> None:
    assert review_words.pretty([1, 2]) == "[1, 2]"
    long = {"anomaly": [False] * 5, "score": [1.25] * 10, "deep": [{"key": "x" * 40}, {"key": "y" * 40}]}
    assert review_words.pretty(long).splitlines()[:3] == [
        "{",
        '  "anomaly": [false, false, false, false, false],',
        '  "score": [1.25, 1.25, 1.25, 1.25, 1.25, 1.25, 1.25, 1.25, 1.25, 1.25],',
    ]
    assert json.loads(review_words.pretty(long)) == long
    assert review_words.state_words(DeviceOutcome("running", "running")) == "running, waiting for its answer"
    assert review_words.state_words(DeviceOutcome("pulling", "layer 2 of 3")) == "pulling, layer 2 of 3"
    left = review_words.answer("d", DeviceOutcome("running", "running"), watched=False)
    assert str(left) == "d: running when last seen. Deploy again (F8) to ask it."
    answer = str(review_words.answer("d", DeviceOutcome("failed", "it failed", why="why", remedy="do that")))
    assert answer == "✗ it failed\nwhy\n→ do that"
