"""Where a script looks for files: places that are there on one machine only, or not at all on the device."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from edgetui.core.models import Problem
from edgetui.core.scoring.reading import AT_IMPORT, Call, Script, walk
from edgetui.core.scoring.rules import problem

MODEL_FILES = (".pkl", ".pickle", ".joblib", ".sav", ".onnx", ".pt", ".pth", ".h5", ".keras", ".tflite", ".bst", ".ubj")
_MODEL_DIR = "AZUREML_MODEL_DIR"
_FILE = re.compile(
    r"\.(?:pkl|pickle|joblib|sav|onnx|pt|pth|h5|hdf5|keras|pb|tflite|bst|txt|json|model|npy|npz|bin)$", re.IGNORECASE
)
_MACHINE = re.compile(
    r"^(?:[A-Za-z]:[\\/]|/home/|/Users/|/root/|/mnt/|/dbfs/|/content/|\\\\)|^(?:~|dbfs:|abfss:|wasbs:|s3:|gs:)"
)
_BACKSLASH = re.compile(r"[\w .-]*(?:\\[\w.-][\w .-]*)+")
_LOADERS = {"load", "load_model", "open", "InferenceSession", "read_csv", "Booster", "loadtxt", "from_file"}


def check(script: Script) -> Iterator[Problem]:
    """Say which files will not be where the script looks for them."""
    starting = script.reachable(AT_IMPORT, *(["init"] if script.function("init") else []))
    seen = set()
    for call in script.calls_in(starting):
        for found in _relative(script, call):
            if found.line not in seen:
                seen.add(found.line)
                yield found
    yield from _strings(script)
    if "__file__" in script.text and not any(node.value == _MODEL_DIR for node, _ in script.strings):
        yield from _beside(script)


def _relative(script: Script, call: Call) -> Iterator[Problem]:
    if call.name.rpartition(".")[2] in _LOADERS and call.node.args:
        path = call.node.args[0]
        if isinstance(path, ast.Constant) and isinstance(path.value, str) and not _MACHINE.match(path.value):
            text = path.value
            if _FILE.search(text) and not text.startswith(("/", "http")) and not _BACKSLASH.fullmatch(text):
                message = f"{text!r} is looked for in the server's folder, not beside the model"
                yield problem(script.file, call.node.lineno, "relative-path", message)


def _strings(script: Script) -> Iterator[Problem]:
    for node, scope in script.strings:
        text = str(node.value)
        if scope == "__main__":
            continue
        if _MACHINE.match(text) and ("/" in text or "\\" in text) and "\n" not in text:
            message = f"{text[:60]!r} is a place of one machine, not of the device"
            yield problem(script.file, node.lineno, "machine-path", message)
        elif "\\" in text and _FILE.search(text) and _BACKSLASH.fullmatch(text):
            message = f"on the device {text!r} is one file's name: folders are parted by `/` there"
            yield problem(script.file, node.lineno, "backslash", message)


def _beside(script: Script) -> Iterator[Problem]:
    """A model file looked for beside the script, by a script that never asks where the model is."""
    folders = {name for name, node in script.names.items() if isinstance(node, ast.expr) and _names_file(node, set())}
    told = 0
    for node in walk(script.tree):
        if not isinstance(node, (ast.Call, ast.BinOp, ast.JoinedStr)) or node.lineno == told:
            continue
        files = [one for one in walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        model = next((str(one.value) for one in files if str(one.value).lower().endswith(MODEL_FILES)), "")
        if model and _names_file(node, folders):
            told = node.lineno
            message = f"{model!r} is looked for beside the script; the image has the model in a folder of its own"
            yield problem(script.file, node.lineno, "beside-script", message)


def _names_file(node: ast.AST, folders: set[str]) -> bool:
    return any(isinstance(one, ast.Name) and (one.id == "__file__" or one.id in folders) for one in walk(node))
