"""What a file is that is no scoring script: a notebook, a training script, another server's handler; and blanks left in one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgetui.core.models import Problem
from edgetui.core.scoring.reading import AT_IMPORT, FUNCTION, NEVER, Script
from edgetui.core.scoring.rules import problem

_TEMPLATE_MARK = re.compile(
    r"<<\s*[A-Za-z_][\w .-]*\s*>>|#\{\w+\}#|\{\{\s*cookiecutter\.\w+\s*\}\}|__[A-Z][A-Z_]+_HERE__"
)
_BLANK = re.compile(
    r"<(?:your|my|the|enter|insert|put|replace|add)[ _-][\w .,/-]*>"
    r"|<(?:model|file|workspace|registered)[ _-]?(?:model)?[ _-]?(?:file)?[ _-]?(?:name|path|file|id|version)?>"
    r"|(?:YOUR|INSERT|REPLACE|ENTER)_[A-Z_]+(?:_HERE)?|(?:CHANGE|REPLACE)_?ME|path/to/your/[\w./-]+|x{8}-x{4}-x{4}-x{4}-x{12}",
    re.IGNORECASE,
)
_EXACT_CASE = re.compile(r"[a-z]+_")
_WORD = re.compile(r"<(?:model|file|workspace|registered|the [^>]*)>|changeme|replaceme")

# Other worlds' scripts: what gives each away, in words.
_CLASSES = {
    "TritonPythonModel": "a Triton model",
    "BasePredictor": "a Cog predictor",
    "BaseHandler": "a TorchServe handler",
    "PythonModel": "an MLflow model",
}
_FUNCTIONS = {
    "lambda_handler": "an AWS Lambda function",
    "model_fn": "a SageMaker script",
    "predict_fn": "a SageMaker script",
}
_APPS = {
    "flask.Flask": "a Flask app",
    "fastapi.FastAPI": "a FastAPI app",
    "starlette.applications.Starlette": "a Starlette app",
    "aiohttp.web.Application": "an aiohttp app",
    "gradio.Interface": "a Gradio app",
    "bentoml.Service": "a BentoML service",
    "azure.functions.FunctionApp": "an Azure Functions app",
}
_TRAINING = {
    "azureml.core.Run.get_context",
    "azureml.core.run.Run.get_context",
    "mlflow.start_run",
    "sklearn.model_selection.train_test_split",
    "mlflow.autolog",
    "azureml.core.Model.register",
}
_SIMILAR = {
    "init": ("initialize", "initialise", "init_model", "load_model", "load", "setup", "model_init"),
    "run": ("score", "predict", "inference", "infer", "handler", "main", "process"),
}


def unreadable(file: str, text: str) -> Problem | None:
    """What a text is that Python cannot read, where that can be told."""
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith("{") and '"cells"' in text and "nbformat" in text:
        return problem(file, 0, "notebook", "this is a Jupyter notebook, not a script")
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*(?:%{1,2}[a-z]\w*|!\s*(?:pip|conda|apt|ls|wget|curl)\b)", line):
            return problem(file, number, "notebook", f"this is a notebook's command: {line.strip()[:40]}")
    if re.search(r"^dependencies:\s*$", text, re.MULTILINE):
        return problem(file, 0, "not-python", "this is a conda environment, not a script")
    if re.match(r"(?:#.*\n|\s*\n)*FROM\s+\S+", text) and re.search(r"^(?:RUN|COPY|CMD|ENV)\s", text, re.MULTILINE):
        return problem(file, 0, "not-python", "this is a Dockerfile, not a script")
    if start.startswith("#!") and re.match(r"#!.*\b(?:ba|z|k)?sh\b", start):
        return problem(file, 0, "not-python", "this is a shell script")
    if start[:15].lower().startswith(("<!doctype html", "<html")):
        return problem(file, 0, "not-python", "this is a web page; it may be a download that went wrong")
    return None


def readable(script: Script) -> Problem | None:
    """What a script is that has neither `init` nor `run`, where that can be told."""
    if all(name in script.hidden for name in ("init", "run")):
        return None
    found = _another_servers(script) or _notebook(script) or _training(script)
    if found is None:
        return None
    line, what = found
    rule = "notebook" if "notebook" in what else "wrong-file"
    return problem(script.file, line, rule, f"this looks like {what}: it has neither `init` nor `run`")


def _another_servers(script: Script) -> tuple[int, str] | None:
    for node in script.classes:
        for base in (node.name, *(script.dotted(one).rpartition(".")[2] for one in node.bases)):
            if base in _CLASSES:
                return node.lineno, _CLASSES[base]
    functions = _FUNCTIONS | ({"main": "an Azure Functions app"} if _imports(script, "azure.functions") else {})
    for name, what in functions.items():
        function = script.function(name)
        if function is not None:
            return function.lineno, what
    for call in script.calls_in(list(script.calls)):
        if call.name in _APPS:
            return call.node.lineno, _APPS[call.name]
    return (1, "a Streamlit app") if _imports(script, "streamlit") else None


def _notebook(script: Script) -> tuple[int, str] | None:
    for number, line in enumerate(script.text.splitlines(), 1):
        if re.match(r"# In\[[\d ]*\]:|get_ipython\(", line):
            return number, "an exported notebook"
    return None


def _training(script: Script) -> tuple[int, str] | None:
    for call in script.calls_in(list(script.calls)):
        if call.name in _TRAINING or call.name.endswith((".fit", ".fit_transform")):
            return call.node.lineno, "a training script"
    for call in script.calls_in([AT_IMPORT]):
        if call.name in {"setuptools.setup", "distutils.core.setup"}:
            return call.node.lineno, "a package's setup.py"
    return None


def _imports(script: Script, module: str) -> bool:
    return any(full == module or full.startswith(f"{module}.") for _, full, _, _ in script.imports)


def similar(script: Script, name: str) -> str:
    """A top-level function that may have been meant, or ""."""
    functions = [known for known, node in script.names.items() if isinstance(node, FUNCTION)]
    for known in functions:
        if known.lower() == name:
            return known
    return next((known for known in _SIMILAR[name] if known in functions), "")


def served(script: Script) -> Iterator[tuple[int, str]]:
    """Servers that the script starts or makes although it has `init` and `run`."""
    for scope in (AT_IMPORT, NEVER):
        for call in script.calls.get(scope, ()):
            if call.name in _APPS and scope == AT_IMPORT:
                yield call.node.lineno, _APPS[call.name]


def placeholders(script: Script) -> Iterator[Problem]:
    """Blanks in strings that were never filled in."""
    for node, _ in script.strings:
        found, sure = _blank(str(node.value))
        if sure:
            yield problem(script.file, node.lineno, "placeholder", f"the placeholder {found} was never filled in")
        elif found:
            yield problem(script.file, node.lineno, "placeholder-part", f"{found} looks like a placeholder")


def placeholders_in_lines(file: str, text: str) -> Iterator[Problem]:
    """Blanks in a text that Python cannot read."""
    for number, line in enumerate(text.splitlines(), 1):
        found = _TEMPLATE_MARK.search(line)
        if found and not line.lstrip().startswith("#"):
            yield problem(file, number, "placeholder", f"the placeholder {found.group()} was never filled in")


def _blank(text: str) -> tuple[str, bool]:
    """The blank in a text, or "", and whether it is surely one: it is the whole text, and no word of another kind."""
    mark = _TEMPLATE_MARK.search(text)
    if mark is not None:
        return mark.group(), mark.group() == text.strip() or not re.search(r"\s", text)
    found = _BLANK.search(text)
    # `your_model` in lower case is somebody's name; `YOUR_MODEL` is a blank.
    if found is None or _EXACT_CASE.match(found.group()) or "</" in text:
        return "", False
    return found.group(), found.group() == text.strip() and not _WORD.fullmatch(found.group())
