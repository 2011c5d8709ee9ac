"""Habits that the server takes and that do not work on a device: old modules, the network, the terminal."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from edgetui.core.models import Problem
from edgetui.core.scoring import network, wrong_files
from edgetui.core.scoring.reading import AT_IMPORT, NEVER, Call, Script, walk
from edgetui.core.scoring.rules import problem

_SECRETS = (
    "azure.keyvault.",
    "azure.identity.DefaultAzureCredential",
    "azure.identity.ManagedIdentityCredential",
    "azure.identity.InteractiveBrowserCredential",
    "azure.identity.AzureCliCredential",
)
_OLD_MODULES = {
    "azureml.api.schema": "use `inference_schema`: `@input_schema` and `@output_schema` on `run`",
    "azureml.assets": "load the model with joblib or pickle, from `AZUREML_MODEL_DIR`",
    "azureml.datacollector": "log what you need with `print`; the collector's service is gone",
    "azureml.monitoring": "log what you need with `print`; the package is no longer kept",
    "azureml.services": "use `inference_schema` for the schema; services are made by edgetui",
}


def check(script: Script) -> Iterator[Problem]:
    """Say what will not work, or not everywhere."""
    starting = script.reachable(AT_IMPORT, *(["init"] if script.function("init") else []))
    imported = script.reachable(AT_IMPORT)
    yield from _imports(script)
    yield from _at_import(script, imported)
    for scope in script.calls:
        for call in script.calls[scope]:
            yield from _anywhere(script, call)
    seen: set[tuple[int, str]] = set()
    sessions = network.sessions(script)
    for call in script.calls_in(starting):
        for found in _at_start(script, call, sessions):
            if (found.line, found.rule) not in seen:
                seen.add((found.line, found.rule))
                yield found
    yield from _strings(script)
    if "init" in script.names and "run" in script.names:
        for line, what in wrong_files.served(script):
            yield problem(script.file, line, "serves", f"this makes {what} beside the inference server")


def _imports(script: Script) -> Iterator[Problem]:
    for node, full, scope, in_try in script.imports:
        if scope == "__main__" or in_try:
            continue
        if full.startswith("sklearn.externals"):
            yield problem(
                script.file, node.lineno, "externals", "scikit-learn has had no `sklearn.externals` since 0.23"
            )
        elif full.startswith(".") and scope == AT_IMPORT:
            message = "the server loads the script by itself, so it has no package to import from"
            yield problem(script.file, node.lineno, "relative-import", message)
        else:
            for old, remedy in _OLD_MODULES.items():
                if full == old or full.startswith(f"{old}."):
                    yield problem(script.file, node.lineno, "old-module", f"`{old}` is no longer there", remedy)


def _at_import(script: Script, scopes: list[str]) -> Iterator[Problem]:
    """What ends or blocks the server while it loads the script."""
    for call in script.calls_in(scopes):
        line = call.node.lineno
        if "." not in call.name and _own(script, call.name):
            continue  # the script's own `exit` or `input`
        if (
            call.name in {"exit", "quit", "sys.exit", "os._exit", "os.abort"}
            and not call.in_try
            and _direct(script, call)
        ):
            yield problem(script.file, line, "exits", f"`{call.name}()` ends the server while it loads the script")
        elif call.name in {"input", "getpass.getpass"} and not call.in_try:
            yield problem(script.file, line, "asks-terminal", f"`{call.name}()` asks a person, and there is none")
        elif call.name.endswith(".parse_args") and _parser(script) and not _given(call) and not call.in_try:
            message = "the command line is the server's: `parse_args()` ends the server"
            yield problem(script.file, line, "arguments", message)
        elif call.name.endswith((".fit", ".fit_transform")) and "init" in script.names:
            yield problem(script.file, line, "trains", "this trains a model whenever the module starts")
        elif call.name in {"app.run", "uvicorn.run", "waitress.serve"}:
            yield problem(script.file, line, "hangs", f"`{call.name}()` never comes back, so the server never starts")
    for node, scope in script.loops:
        endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
        if scope in scopes and endless and not _leaves(node):
            yield problem(script.file, node.lineno, "hangs", "this loop never ends, so the server never starts")


def _direct(script: Script, call: Call) -> bool:
    """Whether the call stands at the top level itself, under no condition."""
    return any(isinstance(node, ast.Expr) and node.value is call.node for node in script.tree.body)


def _own(script: Script, name: str) -> bool:
    return name in script.names and name not in script.aliases


def _given(call: Call) -> bool:
    """Whether a call names its arguments itself: `parse_args([])` does not look at the command line."""
    return bool(call.node.args or call.node.keywords) and "sys.argv" not in ast.unparse(call.node)


def _parser(script: Script) -> bool:
    return any(full.startswith("argparse") for _, full, _, _ in script.imports)


def _leaves(loop: ast.While) -> bool:
    return any(isinstance(node, (ast.Break, ast.Return, ast.Raise)) for node in walk(loop))


def _anywhere(script: Script, call: Call) -> Iterator[Problem]:
    line, name = call.node.lineno, call.name
    if name.endswith("Model.get_model_path"):
        message = "`Model.get_model_path` asks Azure ML, which a device may not reach"
        yield problem(script.file, line, "model-path", message)
    elif name in {"breakpoint", "pdb.set_trace", "ipdb.set_trace", "debugpy.wait_for_client"}:
        yield problem(script.file, line, "debugger", f"`{name}()` waits for a person")
    elif _installs(call):
        yield problem(script.file, line, "installs", "this installs packages on the device")


def _installs(call: Call) -> bool:
    if call.name not in {"os.system", "subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.Popen"}:
        return False
    words = [str(one.value) for one in walk(call.node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    text = " ".join(words)
    return bool(re.search(r"\b(?:pip3?|conda|apt-get|apt)\b", text) and re.search(r"\binstall\b", text))


def _at_start(script: Script, call: Call, sessions: set[str]) -> Iterator[Problem]:
    line, name = call.node.lineno, call.name
    if what := network.needs(script, call, sessions):
        yield problem(script.file, line, "network", what)
    elif name.startswith(_SECRETS):
        yield problem(script.file, line, "secrets", f"`{name}` needs Azure when the module starts")
    elif name == "time.sleep":
        yield problem(script.file, line, "sleeps", "the module waits here before it answers")


def _strings(script: Script) -> Iterator[Problem]:
    for node, scope in script.strings:
        text = str(node.value)
        if scope != NEVER and text in {"amlInput", "amlOutput", "amloutput", "amlinput"}:
            message = f"the inference server knows no `{text}`: it answers HTTP and sends no messages"
            yield problem(script.file, node.lineno, "aml-input", message)
