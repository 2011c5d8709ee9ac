"""The steps as data: what one waits for, and where Next goes."""

from __future__ import annotations

import msgspec
import pytest

from edgetui.core import answers, steps
from edgetui.core.plan import Hub, Image, Model, Plan, Scoring, Target, Workspace
from edgetui.core.results import Results
from edgetui.core.steps import Situation

READY = Situation(
    Plan(
        workspace=Workspace("sub", "rg", "ws"),
        model=Model("pump", version=2),
        scoring=Scoring("score.py", "myenv.yml"),
        hub=Hub("hub"),
        target=(Target(devices=("line1",)),),
    ),
    Results(checked_inputs="f", credential="vault:acr/x"),
)


def test_what_a_step_waits_for_is_said_by_number_and_by_name() -> None:
    views = {view.step.id: view for view in steps.view(Situation(Plan()))}
    assert views["image"].blocked == "needs 1, 2 and 3"
    assert views["image"].waits == "needs 1 Workspace, 2 Model and 3 Script"
    assert views["workspace"].blocked == views["workspace"].waits == ""


@pytest.mark.parametrize(
    ("after", "running", "goes_to"),
    [
        ("", {}, "image"),
        ("devices", {}, "image"),  # deploying waits for it
        ("image", {}, "deploy"),  # nothing else is left that could be done now
        ("devices", {"image": "step 2"}, "deploy"),
        ("deploy", {"image": "step 2"}, "image"),
    ],
)
def test_next_goes_to_what_can_be_done_now(after: str, running: dict[str, str], goes_to: str) -> None:
    now = Situation(READY.plan, READY.results, running=running)
    step = steps.next_open(now, after)
    assert step is not None
    assert step.id == goes_to


@pytest.mark.parametrize(
    ("image", "missing"),
    [(Image(name="Pump_Ü"), "correct the image's name"), (Image(tag="-x"), "correct the image's tag"), (Image(), "")],
)
def test_an_image_that_cannot_be_named_so_is_still_to_do_and_told_once(image: Image, missing: str) -> None:
    plan = msgspec.structs.replace(READY.plan, image=image)
    assert steps.BY_ID["image"].missing(plan) == missing
    fields = [problem.field for problem in answers.problems(plan)]
    assert len([field for field in fields if field.startswith("image")]) == bool(missing)


def test_a_name_that_cannot_be_is_still_to_do_and_told_once() -> None:
    plan = msgspec.structs.replace(READY.plan, model=Model("no spaces", version=2))
    views = {view.step.id: view for view in steps.view(msgspec.structs.replace(READY, plan=plan))}
    assert views["model"].status is steps.Status.OPEN
    assert views["model"].step.missing(plan) == "correct the model's name"
    assert "model" in views["image"].waits.lower()
    fields = [problem.field for problem in answers.problems(plan)]
    assert [field for field in fields if field.startswith("model")] == ["model.name"]
    plan = msgspec.structs.replace(plan, model=Model("no spaces"))
    fields = [problem.field for problem in answers.problems(plan)]
    assert [field for field in fields if field.startswith("model")] == ["model", "model.name"]


def test_next_stays_where_no_other_step_is_left() -> None:
    now = Situation(
        READY.plan, Results(checked_inputs="f", credential="c", image="r/pump:1", digest="d", deployed_image="d")
    )
    step = steps.next_open(now, "deploy")
    assert step is not None
    assert step.id == "deploy"
