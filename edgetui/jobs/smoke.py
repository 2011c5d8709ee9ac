"""Try the scoring script on the real inference server on this machine, before anything is built."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.events import Event, LogLine, Smoked
from edgetui.core.models import Problem, TrialRequest
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.jobs import check, resources

SECONDS = 120.0
MEMORY = 4 << 30  # bytes
# Packages of conda-forge that the index has under the same name; the trial has no conda.
_SAME_NAME = frozenset(
    (
        *(
            "numpy",
            "scipy",
            "pandas",
            "scikit-learn",
            "joblib",
            "xgboost",
            "lightgbm",
            "catboost",
            "onnxruntime",
            "pillow",
        ),
        *(
            "statsmodels",
            "requests",
            "pyyaml",
            "tensorflow",
            "keras",
            "polars",
            "pyarrow",
            "azureml-inference-server-http",
        ),
    )
)


def smoke(plan: Plan, ports: Ports, seconds: float = SECONDS, memory: int = MEMORY) -> Iterator[Event]:
    """Run init() and run(sample) on the real server; ends in `Smoked`.

    Raises:
        EdgeError: a file cannot be read, the environment cannot be installed, or the job was cancelled.
    """
    from edgetui.core.conda import document

    if ports.trial is None:
        raise EdgeError("There is no inference server to try here", remedy="Go on without the trial")
    for key in ("script", "environment"):
        if not getattr(plan.scoring, key):
            raise bad_input(f"scoring.{key}", f"The plan names no {key}", "Choose one in step 3")
    script = resources.path(plan, plan.scoring.script)
    ports.files.read_text(script, "scoring.script")
    model = resources.path(plan, plan.model.path) if plan.model.path else ""
    if model and not ports.files.exists(model):
        raise bad_input(
            "model.path", f"There is no file {model}", "Check the path; a relative one starts at the plan's folder."
        )
    text = ports.files.read_text(resources.path(plan, plan.scoring.environment), "scoring.environment")
    sample = (
        ports.files.read_text(resources.path(plan, plan.scoring.sample), "scoring.sample")
        if plan.scoring.sample
        else ""
    )
    read = document.read(plan.scoring.environment, text)
    if not read.readable:
        wrong = next(iter(read.problems))
        raise bad_input("scoring.environment", f"{wrong.file}:{wrong.line}: {wrong.message}", wrong.remedy)
    requirements = [entry.text.partition(" #")[0].strip() for entry in read.pip]
    left: list[document.Entry] = []
    for entry in read.conda:
        if entry.name in _SAME_NAME:
            requirements.append(as_requirement(entry))
        elif entry.name not in {"python", "pip"}:
            left.append(entry)
    if left:
        yield LogLine("script", f"not in the trial, which has no conda: {', '.join(entry.name for entry in left)}")
    request = TrialRequest(
        plan.scoring.script,
        script,
        model,
        plan.model.name,
        tuple(requirements),
        document.python_version(text),
        sample,
        seconds,
        memory,
    )
    inputs = check.trial_inputs(plan, ports)
    for event in ports.trial.run(request):
        if isinstance(event, Smoked):
            yield msgspec.structs.replace(_with_hints(event, plan, left, model), inputs=inputs)
        else:
            yield event


def as_requirement(entry: object) -> str:
    """A conda package as pip asks for it: `numpy=1.26` as `numpy==1.26.*`."""
    text = getattr(entry, "text", str(entry)).strip().rpartition("::")[2]
    found = re.fullmatch(r"([\w.-]+?)\s*=\s*(\d[\w.]*?)(?:\.?\*)?(?:=[^=]*)?", text)
    if found:
        return f"{found[1]}=={found[2]}.*"
    return re.sub(r"\s+(?=[<>=!])", "", text)


def _with_hints(event: Smoked, plan: Plan, left: Sequence[object], model: str) -> Smoked:
    """Say what may be behind a failure that the script itself has no hand in."""
    if event.ok:
        return event
    problems: list[Problem] = []
    for problem in event.problems:
        remedy = problem.remedy
        if "ModuleNotFoundError" in problem.message:
            remedy = "name the package in the environment file"
            if left:
                remedy += "; the trial has no conda, so what comes from there is missing here"
        elif not model and re.search(r"FileNotFoundError|No such file|StopIteration|IndexError", problem.message):
            remedy = f"the trial has no model file: name one in the plan (model.path), or trust {plan.model.name}"
        problems.append(msgspec.structs.replace(problem, remedy=remedy))
    return msgspec.structs.replace(event, problems=tuple(problems))
