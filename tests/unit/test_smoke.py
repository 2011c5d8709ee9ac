"""What a trial is asked to do: the environment without conda, every sample, and hints at what may be behind a failure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import msgspec
import pytest

from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, LogLine, Smoked
from edgetui.core.models import Problem, SampleAnswer, TrialRequest
from edgetui.core.plan import Image, Plan
from edgetui.core.results import Results
from edgetui.jobs import smoke
from tests.unit import memory_ports

ENVIRONMENT = """dependencies:
  - python=3.11
  - pip
  - conda-forge::numpy=1.26
  - pytorch >=2.4,<3
  - libgomp=14.2
  - r-base
  - pip:
      - azureml-inference-server-http==1.5.1  # serves
"""
NO_MODULE = Problem("score.py", 1, "error", "ModuleNotFoundError: No module named 'rpy2'", "correct the script")


@dataclasses.dataclass
class Trial:
    """Says what a test wants, and keeps what it was asked for."""

    smoked: Smoked = dataclasses.field(default_factory=lambda: Smoked(ok=True, status=200, answer=[1]))
    asked: list[TrialRequest] = dataclasses.field(default_factory=list)

    def run(self, request: TrialRequest) -> Iterator[Event]:
        self.asked.append(request)
        yield self.smoked


def tried(trial: Trial, plan: Plan, world: memory_ports.World) -> tuple[list[str], Smoked]:
    ports = dataclasses.replace(world.ports(), trial=trial)
    *before, last = smoke.smoke(plan, ports)
    assert isinstance(last, Smoked)
    return [event.text for event in before if isinstance(event, LogLine)], last


@pytest.fixture
def world() -> memory_ports.World:
    made = memory_ports.World()
    made.files["/plan/myenv.yml"] = ENVIRONMENT
    made.files["/plan/empty.json"] = "{}"
    return made


@pytest.fixture
def plan() -> Plan:
    made = memory_ports.plan()
    scoring = msgspec.structs.replace(made.scoring, environment="myenv.yml", samples=("empty.json", "gone.json"))
    return msgspec.structs.replace(made, scoring=scoring)


def test_what_pip_can_bring_of_conda_is_in_the_trial_and_the_rest_is_said(
    world: memory_ports.World, plan: Plan
) -> None:
    trial = Trial()
    said, last = tried(trial, plan, world)
    (request,) = trial.asked
    assert request.requirements == ("azureml-inference-server-http==1.5.1", "numpy==1.26.*", "torch>=2.4,<3")
    assert request.python == "3.11"
    assert last.left_out == ("libgomp", "r-base")
    assert said[0] == "not in the trial, which has no conda: libgomp, r-base"
    assert last.at > 0


def test_every_sample_that_is_there_goes_along(world: memory_ports.World, plan: Plan) -> None:
    trial = Trial()
    said, last = tried(trial, plan, world)
    assert trial.asked[0].others == (("empty.json", "{}"),)
    assert said[1].startswith("gone.json is not asked with: ")
    world.files["/plan/empty.json"] = "[]"
    assert tried(trial, plan, world)[1].inputs != last.inputs
    world.files["/plan/gone.json"] = "[]"
    assert tried(trial, plan, world)[1].inputs != last.inputs


def test_a_missing_module_may_be_one_of_conda(world: memory_ports.World, plan: Plan) -> None:
    last = tried(Trial(Smoked(ok=False, problems=(NO_MODULE,))), plan, world)[1]
    assert "the trial has no conda: libgomp, r-base is missing here" in last.problems[0].remedy


def test_a_missing_module_that_lies_beside_the_script_is_no_package(world: memory_ports.World, plan: Plan) -> None:
    world.files["/plan/rpy2.py"] = ""
    missing = Smoked(ok=False, problems=(NO_MODULE,))
    last = tried(Trial(missing), plan, world)[1]
    assert last.problems[0].remedy.startswith("rpy2.py lies beside the script and does not go in: put its code into")
    world.files["/plan/app/a.py"] = ""
    trial = Trial(missing)
    last = tried(trial, msgspec.structs.replace(plan, image=Image("acr", context="app")), world)[1]
    assert (trial.asked[0].context, trial.asked[0].without) == ("/plan/app", ("/plan/model.pkl",))
    assert "look at image.context and its .dockerignore" in last.problems[0].remedy


def test_what_lies_beside_the_script_makes_a_trial_stale(world: memory_ports.World, plan: Plan) -> None:
    world.files["/plan/app/a.py"] = ""
    context = msgspec.structs.replace(plan, image=Image("acr", context="app"))
    before, without = tried(Trial(), context, world)[1].inputs, tried(Trial(), plan, world)[1].inputs
    world.files["/plan/app/a.py"] = "changed"
    assert tried(Trial(), context, world)[1].inputs != before
    assert tried(Trial(), plan, world)[1].inputs == without


@pytest.mark.parametrize("section", ["script", "environment"])
def test_without_script_or_environment_nothing_is_tried(world: memory_ports.World, plan: Plan, section: str) -> None:
    trial = Trial()
    scoring = msgspec.structs.replace(plan.scoring, **{section: ""})
    with pytest.raises(EdgeError) as refused:
        tried(trial, msgspec.structs.replace(plan, scoring=scoring), world)
    assert refused.value.field == f"scoring.{section}"
    assert not trial.asked


def test_of_a_long_answer_the_beginning_is_kept() -> None:
    long = SampleAnswer("big.json", 200, "x" * 10_000)
    results = Results().after(Smoked(ok=True, status=200, answer=list(range(10_000)), others=(long,), at=1.0))
    assert results.tried is not None
    assert results.tried.answer.startswith("[0,1,2,3,")
    assert results.tried.answer.endswith("…")
    assert len(results.tried.others[0].answer) < 5_000
    assert msgspec.json.decode(msgspec.json.encode(results), type=Results) == results
