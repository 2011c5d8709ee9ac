"""The rules for model files as data."""

from __future__ import annotations

from typing import Literal

from edgetui.core.models import Fix, Problem

# Rule -> what it tells.
RULES = {
    "model-pointer": "a pointer of Git LFS stands where the model should",
    "model-page": "a page or an error message of a server stands where the model should",
    "model-cut": "the file is damaged or ends too early",
    "model-unknown": "nothing that is known here begins like this file",
    "model-partly-read": "it was not read whole",
    "model-package": "the environment lacks a package that the model needs",
    "model-version": "the environment brings another version than the model was made with",
    "model-numpy": "the environment's numpy is older than the model's",
    "model-opset": "the ONNX Runtime of the environment does not know the model's opset or format",
    "pickle-runs-code": "it would run code when it is loaded",
    "pickle-calls": "it calls something that is not known to be harmless",
    "pickle-module": "it needs a module that is in no package known here",
    "pickle-main": "a class of the training script itself is in it",
    "pickle-code": "compiled code of one Python version is in it",
}


def problem(
    file: str,
    line: int,
    severity: Literal["error", "warning"],
    rule: str,
    message: str,
    remedy: str,
    fix: Fix | None = None,
) -> Problem:
    """A problem of a model file, or of the environment for it; `rule` is one of RULES."""
    return Problem(file, line, severity, message, remedy, rule, fix)
