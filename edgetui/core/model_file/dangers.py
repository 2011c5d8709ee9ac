"""What a pickle would do to whoever loads it: code that it runs, classes that nobody else has."""

from __future__ import annotations

from collections.abc import Iterator

from edgetui.core.model_file import known
from edgetui.core.model_file.reader import Facts
from edgetui.core.model_file.rules import problem
from edgetui.core.models import Problem

_CLOUD = ("cloudpickle.", "joblib.externals.cloudpickle.", "dill.")
_SHOWN = 3  # names in one message


def dangers(model: str, facts: Facts, there: frozenset[str] = frozenset()) -> Iterator[Problem]:
    """Say what is dangerous in what a model names and calls; `there` are the environment's packages, by their normal names."""
    cloud = any(one.startswith(_CLOUD) for one in facts.globals)
    foreign: dict[str, list[str]] = {}  # package -> what is named of it
    for full in facts.globals:
        name = known.modern(*_split(full))
        verdict = known.verdict(name)
        called = full in facts.calls
        if full.startswith(("__main__.", *_CLOUD)) or verdict == "harmless":
            continue
        if verdict == "harmful":
            message = f"loading the model runs `{name}`" if called else f"the model names `{name}`"
            remedy = "do not load it; train the model again, or ask whoever made it"
            yield problem(model, 0, "error", "pickle-runs-code", message, remedy)
        elif verdict == "foreign":
            foreign.setdefault(full.partition(".")[0], []).append(full)
        elif called and not (verdict == "ordinary" and cloud):
            message = f"loading the model calls `{name}`, which is not known to be harmless"
            yield problem(model, 0, "warning", "pickle-calls", message, "make sure that you know who made the file")
    for package, names in foreign.items():
        if not there & {package.lower().replace("_", "-"), package.lower().replace("_", "")}:
            shown = ", ".join(f"`{one}`" for one in names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
            message = f"the image needs the module `{package}`: the model holds {shown}"
            remedy = f"bring `{package}` into the image (a package of the environment, or the build's context)"
            yield problem(model, 0, "warning", "pickle-module", message, remedy)
    yield from _code(model, facts, cloud=cloud)


def _code(model: str, facts: Facts, *, cloud: bool) -> Iterator[Problem]:
    own = [one for one in facts.globals if one.startswith("__main__.")]
    if own and not cloud:
        name = own[0].removeprefix("__main__.")
        message = f"`{name}` was defined in the training script itself; the server cannot find it there"
        yield problem(model, 0, "error", "pickle-main", message, "move it to a package, or train without it")
    if cloud:
        message = "the model holds compiled code of one Python version"
        remedy = "use the Python that it was trained with, or save it without functions"
        yield problem(model, 0, "warning", "pickle-code", message, remedy)


def _split(full: str) -> tuple[str, str]:
    module, _, name = full.rpartition(".")
    return module, name
