"""Try the scoring script on the real inference server on this machine, before anything is built."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from pathlib import PurePath

import msgspec

from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.events import Event, LogLine, Smoked
from edgetui.core.models import Problem, TrialRequest
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.jobs import fingerprints, resources

SECONDS = 120.0
MEMORY = 4 << 30  # bytes
# Packages of conda-forge that the index has too, by their names there; the trial has no conda.
_ON_THE_INDEX = {
    name: name
    for name in (
        *("numpy", "scipy", "pandas", "scikit-learn", "scikit-image", "joblib", "xgboost", "lightgbm", "catboost"),
        *("onnx", "onnxruntime", "pillow", "statsmodels", "requests", "pyyaml", "tensorflow", "keras", "polars"),
        *("pyarrow", "fastapi", "protobuf", "python-dateutil", "azureml-inference-server-http"),
    )
} | {
    "py-xgboost": "xgboost",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "opencv": "opencv-python-headless",
    "py-opencv": "opencv-python-headless",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
}


def smoke(plan: Plan, ports: Ports, seconds: float = SECONDS, memory: int = MEMORY) -> Iterator[Event]:
    """Run init() and run(sample) on the real server; ends in `Smoked`.

    Raises:
        EdgeError: a file cannot be read, the environment cannot be installed, or the job was cancelled.
    """
    if ports.trial is None:
        raise EdgeError("There is no inference server to try here", remedy="Go on without the trial")
    requirements, python, left = _environment(plan, ports)
    if left:
        yield LogLine("script", f"not in the trial, which has no conda: {', '.join(left)}")
    sample, others, gone = _samples(plan, ports)
    for other, error in gone:
        yield LogLine("script", f"{other} is not asked with: {error.title}")
    script, model = _script(plan, ports), _model(plan, ports)
    request = TrialRequest(
        plan.scoring.script,
        script,
        model,
        plan.model.name,
        requirements,
        python,
        sample,
        seconds,
        memory,
        others,
        resources.package_index(plan, ports),
        resources.context(plan),
        resources.not_in_context(plan),
    )
    inputs = fingerprints.trial_inputs(plan, ports)
    for event in ports.trial.run(request):
        if isinstance(event, Smoked):
            hinted = _with_hints(event, plan, left, model, ports)
            yield msgspec.structs.replace(hinted, inputs=inputs, left_out=left, at=time.time())
        else:
            yield event


def _script(plan: Plan, ports: Ports) -> str:
    """The path of the script, which can be read."""
    if not plan.scoring.script:
        raise bad_input("scoring.script", "The plan names no script", "Choose one in step 3 Script")
    script = resources.path(plan, plan.scoring.script)
    ports.files.open(script, "scoring.script").close()  # whatever its encoding: Python reads it
    return script


def _model(plan: Plan, ports: Ports) -> str:
    """The path of the model file or folder; "" where the plan names none."""
    model = resources.path(plan, plan.model.path) if plan.model.path else ""
    if model and not ports.files.exists(model):
        remedy = "Check the path; a relative one starts at the plan's folder."
        raise bad_input("model.path", f"There is no file {model}", remedy)
    return model


def _environment(plan: Plan, ports: Ports) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """What pip is to install, the version of Python, and the conda packages that pip cannot bring."""
    from edgetui.core.conda import document

    if not plan.scoring.environment:
        raise bad_input("scoring.environment", "The plan names no environment", "Choose one in step 3 Script")
    text = ports.files.read_text(resources.path(plan, plan.scoring.environment), "scoring.environment")
    read = document.read(plan.scoring.environment, text)
    if not read.readable:
        wrong = next(iter(read.problems))
        raise bad_input("scoring.environment", f"{wrong.file}:{wrong.line}: {wrong.message}", wrong.remedy)
    requirements = [entry.text.partition(" #")[0].strip() for entry in read.pip]
    left: list[str] = []
    for entry in read.conda:
        if entry.name in _ON_THE_INDEX:
            requirements.append(as_requirement(entry.text, _ON_THE_INDEX[entry.name]))
        elif entry.name not in {"python", "pip"}:
            left.append(entry.name or entry.text)
    return tuple(requirements), document.needed_python(text), tuple(left)


def _samples(plan: Plan, ports: Ports) -> tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, EdgeError], ...]]:
    """The sample that is sent, the others that are kept with their names, and those of them that cannot be read."""
    files = plan.scoring
    sent = ports.files.read_text(resources.path(plan, files.sample), "scoring.sample") if files.sample else ""
    others: list[tuple[str, str]] = []
    gone: list[tuple[str, EdgeError]] = []
    for other in files.samples:
        try:
            others.append((other, ports.files.read_text(resources.path(plan, other), "scoring.samples")))
        except EdgeError as error:  # noqa: PERF203 -- a few files
            gone.append((other, error))
    return sent, tuple(others), tuple(gone)


def as_requirement(text: str, name: str) -> str:
    """A conda package as pip asks for it by its `name` there: `numpy=1.26` as `numpy==1.26.*`."""
    wanted = re.sub(r"^[\w.-]+", "", text.strip().rpartition("::")[2]).replace(" ", "")
    found = re.fullmatch(r"=(\d[\w.]*?)(?:\.?\*)?(?:=[^=]*)?", wanted)
    return f"{name}=={found[1]}.*" if found else name + wanted


def _with_hints(event: Smoked, plan: Plan, left: Sequence[str], model: str, ports: Ports) -> Smoked:
    """Say what may be behind a failure that the script itself has no hand in."""
    if event.ok:
        return event
    problems: list[Problem] = []
    for problem in event.problems:
        remedy = problem.remedy
        if beside := _beside(problem.message, plan, ports):
            remedy = f"{beside} lies beside the script and does not go in: "
            if plan.image.context:
                remedy += (
                    "look at image.context and its .dockerignore; modules are imported from the top of that folder"
                )
            else:
                remedy += "put its code into the script, or build by acr or docker with image.context naming its folder"
        elif "ModuleNotFoundError" in problem.message:
            remedy = "name the package in the environment file"
            if left:
                remedy += f"; the trial has no conda: {', '.join(left)} is missing here"
        elif not model and re.search(r"FileNotFoundError|No such file|StopIteration|IndexError", problem.message):
            remedy = f"the trial has no model file: name one in the plan (model.path), or trust {plan.model.name}"
        problems.append(msgspec.structs.replace(problem, remedy=remedy))
    return msgspec.structs.replace(event, problems=tuple(problems))


def _beside(message: str, plan: Plan, ports: Ports) -> str:
    """The file or folder beside the script that a missing module would be, "" where there is none."""
    found = re.search(r"ModuleNotFoundError: No module named '(\w+)", message)
    if not found:
        return ""
    folder = PurePath(resources.path(plan, plan.scoring.script)).parent
    names = (f"{found[1]}.py", found[1])
    return next((name for name in names if ports.files.exists(str(folder / name))), "")
