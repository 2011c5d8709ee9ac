"""Each template that says `tested` runs on a small model of its kind, on the real inference server, and tells errors to the caller."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from edgetui.adapters.files.local_files import LocalFiles
from edgetui.adapters.trial.environments import TrialEnvironment, TrialEnvironments
from edgetui.adapters.trial.server import TrialServer
from edgetui.core import conda, scoring
from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, Smoked
from edgetui.core.plan import Model, Plan, Scoring
from edgetui.core.ports import Ports
from edgetui.core.templates import BY_ID, TEMPLATES, suggested
from edgetui.jobs import check, smoke, templates
from tests.unit import memory_ports
from tests.unit.test_model_file import block, tensor

ROWS = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [1.0, 0.0, 2.0], [3.0, 1.0, 1.0]])
WEIGHTS = np.array([2.0, 0.5, 1.0])


def sklearn_model(path: Path, _: TrialEnvironment) -> None:
    joblib.dump(LinearRegression().fit(ROWS, ROWS @ WEIGHTS + 1), path)


def plain_model(path: Path, _: TrialEnvironment) -> None:
    path.write_text(json.dumps({"weights": WEIGHTS.tolist(), "start": 1.0}))


def onnx_model(path: Path, _: TrialEnvironment) -> None:
    """Y = X @ W, as bytes of an ONNX file: opset 17, IR 8."""
    weights = b"\x08\x03\x08\x01\x10\x01" + block(8, b"W") + block(9, WEIGHTS.astype("<f4").tobytes())
    node = block(1, b"X") + block(1, b"W") + block(2, b"Y") + block(4, b"MatMul")
    graph = block(1, node) + block(2, b"g") + block(5, weights)
    graph += block(11, tensor(b"X", [0, 3])) + block(12, tensor(b"Y", [0, 1]))
    path.write_bytes(b"\x08\x08" + block(7, graph) + block(8, b"\x10\x11"))


def lightgbm_model(path: Path, environment: TrialEnvironment) -> None:
    """Trained where LightGBM is: in the template's own environment."""
    code = (
        "import sys, lightgbm, numpy as np\n"
        "x = np.arange(300.0).reshape(100, 3)\n"
        "lightgbm.train({'verbose': -1}, lightgbm.Dataset(x, x[:, 0]), 3).save_model(sys.argv[1])\n"
    )
    subprocess.run([environment.python, "-c", code, str(path)], check=True, timeout=120)


def xgboost_model(path: Path, environment: TrialEnvironment) -> None:
    """Trained where XGBoost is: in the template's own environment."""
    code = (
        "import sys, xgboost, numpy as np\n"
        "x = np.arange(300.0).reshape(100, 3)\n"
        "xgboost.train({}, xgboost.DMatrix(x, x[:, 0]), 3).save_model(sys.argv[1])\n"
    )
    subprocess.run([environment.python, "-c", code, str(path)], check=True, timeout=120)


MAKERS = {
    "xgboost": xgboost_model,
    "scikit-learn": sklearn_model,
    "plain": plain_model,
    "onnx": onnx_model,
    "lightgbm": lightgbm_model,
}


def ports_with(cache: Path, state: Path) -> Ports:
    ports = memory_ports.World().ports()
    return type(ports)(**{**vars(ports), "files": LocalFiles(state), "trial": TrialServer(cache)})


def installed(cache: Path, environment: str) -> TrialEnvironment:
    found: list[TrialEnvironment] = []

    def steps() -> object:
        found.append(
            (yield from TrialEnvironments(cache).ensure(requirements(environment), conda.python_version(environment)))
        )

    list(steps())  # type: ignore[call-overload]
    return found[0]


def requirements(environment: str) -> tuple[str, ...]:
    return tuple(entry.text for entry in conda.pip_requirements(environment))


def smoked(plan: Plan, ports: Ports) -> Smoked:
    events: list[Event] = list(smoke.smoke(plan, ports))
    assert isinstance(events[-1], Smoked)
    return events[-1]


@pytest.mark.parametrize("template", [one.id for one in TEMPLATES if one.tested])
def test_a_template_runs_on_a_model_of_its_kind(template: str, tmp_path: Path, sandbox_cache: Path) -> None:
    ports = ports_with(sandbox_cache, tmp_path / "state")
    model = "pump" + Path(BY_ID[template].file).suffix
    plan = Plan(
        model=Model("pump", model),
        scoring=Scoring("score.py", "myenv.yml", "sample.json"),
        folder=str(tmp_path),
    )
    environment = templates.texts(plan, ports, template)["environment"]
    MAKERS[template](tmp_path / model, installed(sandbox_cache, environment))
    for name, text in templates.texts(plan, ports, template).items():
        (tmp_path / getattr(plan.scoring, name)).write_text(text)
    (checked,) = check.check(plan, ports)
    assert checked.problems == ()  # type: ignore[attr-defined]
    assert suggested(templates.model(plan, ports)[1]).id == template

    answered = smoked(plan, ports)
    assert answered.problems == ()
    assert answered.status == 200
    assert np.array(answered.answer["prediction"]).size == 2
    if template not in {"lightgbm", "xgboost"}:
        shift = 0.0 if template == "onnx" else 1.0
        np.testing.assert_allclose(np.ravel(answered.answer["prediction"]), ROWS[:2] @ WEIGHTS + shift)

    (tmp_path / "sample.json").write_text('{"rows": []}')
    refused = smoked(plan, ports)
    assert refused.status == 400
    assert refused.answer["error"].startswith("KeyError")
    assert "data" in refused.answer["wanted"]


@pytest.mark.parametrize("template", [one.id for one in TEMPLATES])
def test_no_template_has_a_problem(template: str, tmp_path: Path, sandbox_cache: Path) -> None:
    texts = templates.texts(Plan(), ports_with(sandbox_cache, tmp_path), template)
    assert scoring.check("score.py", texts["script"]) == []
    assert conda.check("myenv.yml", texts["environment"]) == []
    assert "data" in json.loads(texts["sample"])


def test_a_template_takes_name_and_versions_of_the_model(tmp_path: Path, sandbox_cache: Path) -> None:
    data = joblib.dump(LinearRegression().fit(ROWS, ROWS @ WEIGHTS), tmp_path / "a")
    model = Path(data[0]).read_bytes().replace(b"1.7.2", b"1.6.1")
    (tmp_path / "my model.joblib").write_bytes(model)
    plan = Plan(model=Model("pump", "my model.joblib"), folder=str(tmp_path))
    texts = templates.texts(plan, ports_with(sandbox_cache, tmp_path), "scikit-learn")
    assert 'MODEL = "my model.joblib"' in texts["script"]
    assert "- scikit-learn==1.6.1\n" in texts["environment"]


def test_of_a_model_in_a_folder_the_file_that_says_something_counts(tmp_path: Path, sandbox_cache: Path) -> None:
    (tmp_path / "bundle" / "deep").mkdir(parents=True)
    (tmp_path / "bundle" / "labels.txt").write_text("ok, worn")
    joblib.dump(LinearRegression().fit(ROWS, ROWS @ WEIGHTS), tmp_path / "bundle" / "deep" / "model.joblib")
    ports = ports_with(sandbox_cache, tmp_path)
    plan = Plan(model=Model("pump", "bundle"), folder=str(tmp_path))
    path, facts = templates.model(plan, ports)
    assert (path, suggested(facts).id) == ("bundle/deep/model.joblib", "scikit-learn")
    assert 'MODEL = "model.joblib"' in templates.texts(plan, ports, "scikit-learn")["script"]


def test_a_template_that_is_not_there_is_refused(tmp_path: Path, sandbox_cache: Path) -> None:
    with pytest.raises(EdgeError) as refused:
        templates.texts(Plan(), ports_with(sandbox_cache, tmp_path), "cobol")
    assert "scikit-learn" in refused.value.remedy
