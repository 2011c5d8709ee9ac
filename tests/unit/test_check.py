"""The check of a plan's files: script, environment, sample and model file, each against the others."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from msgspec.structs import replace
from sklearn.linear_model import LinearRegression

from edgetui.core import cancel
from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.events import Checked
from edgetui.jobs import check, model_files
from tests.unit import memory_ports


def checked(world: memory_ports.World) -> Checked:
    *_, last = check.check(memory_ports.plan(), world.ports())
    assert isinstance(last, Checked)
    return last


def test_the_model_is_judged_with_the_environment() -> None:
    world = memory_ports.World()
    model = LinearRegression().fit(np.ones((3, 1)), np.ones(3))
    world.files["/plan/model.pkl"] = pickle.dumps(model).decode("latin-1")
    world.files["/plan/myenv.yml"] += "      - scikit-learn==1.5.2\n"
    (problem,) = checked(world).problems
    assert (problem.file, problem.line, problem.rule) == ("myenv.yml", 6, "model-version")
    assert problem.fix is not None
    assert problem.fix.text == "      - scikit-learn==1.7.2"


def test_a_model_that_is_not_there_is_another_steps_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    world = memory_ports.World()
    ports = world.ports()

    def gone(path: str, field: str) -> None:
        raise bad_input(field, f"There is no file {path}")

    monkeypatch.setattr(ports.files, "open", gone)
    *_, last = check.check(memory_ports.plan(), ports)
    assert isinstance(last, Checked)
    assert last.problems == ()


def test_a_model_folder_is_looked_through_and_its_file_is_named() -> None:
    world = memory_ports.World()
    del world.files["/plan/model.pkl"]
    world.files["/plan/model/config.json"] = "{}"
    world.files["/plan/model/deep/evil.pkl"] = "cos\nsystem\n(tR."
    world.files["/plan/model/empty.txt"] = ""
    plan = memory_ports.plan()
    plan = replace(plan, model=replace(plan.model, path="model/"))
    *_, last = check.check(plan, world.ports())
    assert isinstance(last, Checked)
    assert [(one.file, one.rule) for one in last.problems] == [("model/deep/evil.pkl", "pickle-runs-code")]


def test_a_model_folder_is_looked_through_with_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    world = memory_ports.World()
    del world.files["/plan/model.pkl"]
    model = pickle.dumps(LinearRegression().fit(np.ones((3, 1)), np.ones(3))).decode("latin-1")
    world.files |= {f"/plan/model/{number}.pkl": model for number in range(4)}
    world.files["/plan/myenv.yml"] += "      - scikit-learn==1.5.2\n"
    monkeypatch.setattr(model_files, "MOST", 3)
    plan = memory_ports.plan()
    plan = replace(plan, model=replace(plan.model, path="model"))
    *_, last = check.check(plan, world.ports())
    assert isinstance(last, Checked)
    assert [(one.file, one.rule) for one in last.problems] == [
        ("myenv.yml", "model-version"),
        ("model", "model-partly-read"),
    ]
    assert "3 of its files" in last.problems[1].message


def test_a_check_can_be_stopped_between_the_files_of_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    world, stop = memory_ports.World(), cancel.Cancellation()
    stop.cancel()
    with cancel.using(stop), pytest.raises(EdgeError) as caught:
        list(check.check(memory_ports.plan(), world.ports()))
    assert caught.value.kind == "cancelled"


def test_problems_of_all_files_are_told() -> None:
    world = memory_ports.World()
    world.files["/plan/score.py"] = "def init():\n    pass\n"
    world.files["/plan/myenv.yml"] += "prefix: /home/me\n"
    world.files["/plan/sample.json"] = "{"
    assert [(one.file, one.rule) for one in checked(world).problems] == [
        ("score.py", "no-run"),
        ("myenv.yml", "prefix"),
        ("sample.json", "sample"),
    ]


def test_another_sample_that_is_not_there_is_told() -> None:
    world = memory_ports.World()
    world.files["/plan/empty.json"] = "{}"
    plan = memory_ports.plan()
    plan = replace(plan, scoring=replace(plan.scoring, samples=("empty.json", "gone.json")))
    *_, last = check.check(plan, world.ports())
    assert isinstance(last, Checked)
    assert [(one.file, one.severity, one.message) for one in last.problems] == [
        ("gone.json", "warning", "there is no such sample")
    ]
