"""A script against what stands beside it: the model's file name, the environment's packages."""

from __future__ import annotations

from collections.abc import Iterator

from edgetui.core.conda.document import read as read_environment
from edgetui.core.model_file.fitness import PACKAGES, added, missing
from edgetui.core.models import Fix, Problem
from edgetui.core.scoring.reading import AT_IMPORT, NEVER, Script, read

MODEL_FILES = (".pkl", ".pickle", ".joblib", ".sav", ".onnx", ".pt", ".pth", ".h5", ".keras", ".tflite", ".bst", ".ubj")
_IMPORTED = PACKAGES | {
    "onnxruntime": "onnxruntime",
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "requests": "requests",
    "tensorflow": "tensorflow",
    "psycopg2": "psycopg2",
}


def check(file: str, text: str, model: str = "", environment: str = "", packages: str = "") -> list[Problem]:
    """Say where a script does not go with its surroundings; a script that cannot be read gives nothing.

    Args:
        file: the script's name to show.
        text: the script.
        model: the model file's bare name; "" where the model is a folder, or not known.
        environment: the environment file's name to show; "" leaves it out.
        packages: the environment file.
    """
    try:
        script = read(file, text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found = list(_model_name(script, model)) if model else []
    return found + (list(_imports(script, environment, packages)) if environment else [])


def _model_name(script: Script, model: str) -> Iterator[Problem]:
    """A script that names one model file, and not this one, does not find it."""
    starting = script.reachable(AT_IMPORT, "init")
    named = [
        (str(node.value), node.lineno)
        for node, scope in script.strings
        if scope in starting and str(node.value).lower().endswith(MODEL_FILES) and "*" not in str(node.value)
    ]
    names = {text.replace("\\", "/").rpartition("/")[2] for text, _ in named}
    if len(names) != 1 or model in names:
        return
    text, line = named[0]
    (name,) = names
    source = script.text.splitlines()
    fix = None
    if len(named) == 1 and 0 < line <= len(source) and source[line - 1].count(name) == 1:
        fix = Fix(script.file, line, source[line - 1].replace(name, model), f"Write {model}")
    message = f"the script loads {text!r}, but the model's file is {model!r}"
    yield Problem(script.file, line, "warning", message, f"write {model}", "model-name", fix)


def _imports(script: Script, environment: str, packages: str) -> Iterator[Problem]:
    document = read_environment(environment, packages)
    if not document.readable:
        return
    lines = packages.splitlines()
    wanted: dict[str, tuple[str, int]] = {}
    for node, full, scope, in_try in script.imports:
        module = full.partition(".")[0]
        if module in _IMPORTED and not in_try and scope != NEVER:
            wanted.setdefault(_IMPORTED[module], (module, node.lineno))
    for package in missing(list(wanted), document):
        module, line = wanted[package]
        message = f"the script imports `{module}`, but {environment} does not name {package}"
        remedy = f"add `- {package}` below `- pip:`"
        yield Problem(script.file, line, "warning", message, remedy, "import-package", added(document, lines, package))
