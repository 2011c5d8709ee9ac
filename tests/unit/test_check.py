"""The check of a plan's files: script, environment, sample and model file, each against the others."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from edgetui.core.errors import bad_input
from edgetui.core.events import Checked
from edgetui.jobs import check
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
