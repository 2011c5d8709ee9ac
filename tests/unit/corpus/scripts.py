"""What we say of the corpus's scripts, each in its surroundings."""

from __future__ import annotations

from edgetui.core import scoring
from edgetui.core.models import Problem
from edgetui.core.scoring import surroundings
from tests.unit.corpus import Case

# What the contract test installs too, so that its server can judge.
PACKAGES = ("azureml-inference-server-http==1.5.1", "scikit-learn==1.7.2", "numpy==2.2.6", "joblib")


def environment(*more: str, python: str = "3.11") -> str:
    """A conda file with the usual packages and these."""
    lines = "".join(f"      - {package}\n" for package in (*PACKAGES, *more))
    return f"dependencies:\n  - python={python}\n  - pip\n  - pip:\n{lines}"


def problems(case: Case) -> list[Problem]:
    """Everything that is found in a script of the corpus."""
    conda = environment(*case.packages, python=case.python or "3.11")
    return [
        *scoring.check("score.py", case.text, case.python),
        *surroundings.check("score.py", case.text, case.model, "myenv.yml", conda, case.beside.__contains__),
    ]
