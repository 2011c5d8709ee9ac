"""A script against its model's file name and its environment's packages."""

from __future__ import annotations

import pytest

from edgetui.core.scoring import surroundings

ENVIRONMENT = """dependencies:
  - python=3.11
  - pip
  - pip:
      - azureml-inference-server-http==1.5.1
      - scikit-learn==1.7.2
"""
SCRIPT = """import os
import joblib
import numpy as np

model = None


def init():
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "pump.pkl"))


def run(raw_data):
    return np.ones(3).tolist()
"""


def found(text: str, model: str = "pump.pkl", environment: str = ENVIRONMENT) -> list[tuple[str, int]]:
    return [(one.rule, one.line) for one in surroundings.check("score.py", text, model, "myenv.yml", environment)]


def test_a_script_that_fits_has_no_problem() -> None:
    assert found(SCRIPT) == []


def test_another_models_name_is_told_with_its_fix() -> None:
    (problem,) = surroundings.check("score.py", SCRIPT, "model.pkl", "myenv.yml", ENVIRONMENT)
    assert (problem.rule, problem.line, problem.severity) == ("model-name", 10, "warning")
    assert problem.fix is not None
    assert problem.fix.text == SCRIPT.splitlines()[9].replace("pump.pkl", "model.pkl")


@pytest.mark.parametrize(
    "text",
    [
        SCRIPT.replace('"pump.pkl"', '"*.pkl"'),
        SCRIPT.replace('"pump.pkl"', '"outputs/model.pkl"'),
        SCRIPT + '\nSCALER, MODEL = "scaler.pkl", "model.pkl"\n',
        SCRIPT.replace('"pump.pkl"', 'os.environ["MODEL_FILE"]'),
    ],
)
def test_names_that_may_well_be_right_are_no_alarm(text: str) -> None:
    assert found(text, "model.pkl") == []


def test_a_package_that_is_not_named_is_told_with_its_fix() -> None:
    (problem,) = surroundings.check("score.py", "import cv2\n" + SCRIPT, "pump.pkl", "myenv.yml", ENVIRONMENT)
    assert (problem.rule, problem.line, problem.severity) == ("import-package", 1, "warning")
    assert problem.fix is not None
    assert problem.fix.text == "      - scikit-learn==1.7.2\n      - opencv-python-headless"


@pytest.mark.parametrize(
    "line",
    [
        "import requests",  # the inference server brings it
        "import scipy.stats",  # scikit-learn brings it
        "try:\n    import pandas\nexcept ImportError:\n    pandas = None",
        "if __name__ == '__main__':\n    import pandas",
        "import json, flask, jwt",
    ],
)
def test_packages_that_come_along_are_no_alarm(line: str) -> None:
    assert found(f"{line}\n{SCRIPT}") == []


@pytest.mark.parametrize("text", ["def (", "x = '\x00'", "(" * 5000])
def test_what_cannot_be_read_gives_nothing(text: str) -> None:
    assert found(text) == []
