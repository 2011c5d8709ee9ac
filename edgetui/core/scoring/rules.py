"""The rules for scoring scripts as data: how bad each is, when it shows, and what to do about it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from edgetui.core.models import Problem

Phase = Literal["load", "init", "run", "works"]


class Rule(NamedTuple):
    """One rule.

    Attributes:
        severity: Errors cannot work; warnings may.
        phase: Where the inference server fails: while it loads the script, in `init()`, at each request; `works`
            where the server itself is content.
        remedy: What to do; a problem may say it more exactly.
    """

    severity: Literal["error", "warning"]
    phase: Phase
    remedy: str


_INIT = "write `def init():` at the top level of the script"
_RUN = "write `def run(raw_data):` at the top level of the script"
_DATA = "write `def run(raw_data):`"
_MODEL_DIR = 'read the model below `os.environ["AZUREML_MODEL_DIR"]`'
_DECODE = "decode it first: `data = json.loads(raw_data)`"
_IN_IMAGE = f"put what it fetches into the image with the model; {_MODEL_DIR}"

RULES: dict[str, Rule] = {
    # The server refuses the script.
    "syntax": Rule("error", "load", "correct the line"),
    "encoding": Rule("error", "load", "save it as UTF-8 in your editor, or name its encoding: `# coding: latin-1`"),
    "notebook": Rule("error", "load", "export the cells as a script and keep only what scores: `init()` and `run()`"),
    "not-python": Rule("error", "load", "choose the Python file with `init()` and `run()`"),
    "no-init": Rule("error", "load", _INIT),
    "no-run": Rule("error", "load", _RUN),
    "wrong-file": Rule("error", "load", "choose the file with `init()` and `run()`, or write them"),
    "run-star": Rule("error", "load", _DATA),
    "run-positional": Rule("error", "load", _DATA),
    "run-parameters": Rule("error", "load", _DATA),
    "run-not-callable": Rule("error", "load", _RUN),
    "raw-call": Rule("error", "load", "write `@rawhttp`, without brackets"),
    "raw-and-schema": Rule("error", "load", "keep one of `@rawhttp` and `@input_schema`/`@output_schema`"),
    "schema-type": Rule("error", "load", "give a sample: `NumpyParameterType(numpy.array([[1.0]]))`"),
    "schema-twice": Rule("error", "load", "keep one `@output_schema`"),
    "externals": Rule("error", "load", "write `import joblib`"),
    "relative-import": Rule("error", "load", "import by the full name, or move the code into the script"),
    "asks-terminal": Rule("error", "load", "read what is asked for from `os.environ` or the request"),
    "arguments": Rule("error", "load", "read settings from `os.environ`; the command line is the server's"),
    "exits": Rule("error", "load", "raise an exception where something is wrong; do not end the process"),
    "old-module": Rule("error", "load", "use what the inference server has now"),
    # It never answers.
    "hangs": Rule("error", "load", "the server calls `run()` for each request; leave the loop out"),
    "init-parameters": Rule("error", "init", "write `def init():`"),
    "init-not-callable": Rule("error", "init", _INIT),
    "async-init": Rule("error", "run", "write `def init` instead; an async body never runs"),
    "init-generator": Rule("error", "run", "take `yield` out of `init`; its body never runs otherwise"),
    "async-run": Rule("error", "run", "write `def run` instead"),
    "run-generator": Rule("error", "run", "collect what it yields and `return` it"),
    "run-extra": Rule(
        "error", "run", "take one parameter and read the rest from it, or declare each by `@input_schema`"
    ),
    "schema-name": Rule("error", "run", "give `@input_schema` the name of a parameter of `run`"),
    "not-decoded": Rule("error", "run", _DECODE),
    "raw-text": Rule("error", "run", "read the body: `json.loads(request.get_data())`"),
    "no-global": Rule("error", "run", "begin `init` with `global NAME`"),
    "script-name": Rule(
        "error", "works", "name the script like a Python module: letters, digits and '_', ending in .py"
    ),
    "placeholder": Rule("error", "works", "put the real value there"),
    # Not so in every environment.
    "import-package": Rule("warning", "load", "name the package in the environment file"),
    "import-unknown": Rule(
        "warning", "load", "name the package that brings it in the environment file, or put its code into the script"
    ),
    "sibling": Rule(
        "warning",
        "load",
        "put what it holds into the script, or build by acr or docker with image.context naming its folder",
    ),
    "server-module": Rule("warning", "load", "put its code into the script, or give the module another name"),
    "model-name": Rule("warning", "init", "write the model file's name"),
    # Worth knowing.
    "syntax-newer": Rule("warning", "load", "let a trial tell: it runs the script with the environment's Python"),
    "placeholder-part": Rule("warning", "works", "put the real value there, if it is a blank"),
    "output-only": Rule("warning", "run", "take `@output_schema` off, or add `@input_schema`"),
    "batch": Rule("warning", "works", _DATA),
    "model-path": Rule("warning", "works", _MODEL_DIR),
    "network": Rule("warning", "works", _IN_IMAGE),
    "secrets": Rule("warning", "works", "pass the value as an environment variable of the module"),
    "installs": Rule("warning", "works", "name the package in the environment file"),
    "machine-path": Rule("warning", "works", _MODEL_DIR),
    "relative-path": Rule("warning", "works", _MODEL_DIR),
    "backslash": Rule("warning", "init", "join the parts by `os.path.join` or `pathlib`"),
    "beside-script": Rule("warning", "init", _MODEL_DIR),
    "aml-input": Rule(
        "warning", "works", "let other modules call `http://<module>:5001/score`, or bridge the messages"
    ),
    "trains": Rule("warning", "works", "train elsewhere and register the model; load it in `init`"),
    "serves": Rule("warning", "works", "the inference server is the server; keep `init()` and `run()` only"),
    "swallowed": Rule("warning", "works", "return an error from the handler, or let the exception go"),
    "init-swallows": Rule("warning", "works", "let the exception go: the module then says why it does not start"),
    "no-answer": Rule("warning", "works", "`return` the prediction"),
    "not-json": Rule("warning", "run", "add `.tolist()`"),
    "not-decoded-tried": Rule("warning", "works", _DECODE),
    "sleeps": Rule("warning", "works", "take the pause out; requests wait for it"),
    "debugger": Rule("warning", "works", "take the breakpoint out"),
}


def problem(file: str, line: int, rule: str, message: str, remedy: str = "") -> Problem:
    """The problem of a rule; `remedy` where the rule's own is not exact enough."""
    known = RULES[rule]
    return Problem(file, line, known.severity, message, remedy or known.remedy, rule)
