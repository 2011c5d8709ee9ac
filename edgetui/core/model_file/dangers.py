"""What a pickle would do to whoever loads it: code that it runs, classes that nobody else has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from edgetui.core.model_file.reader import Facts
from edgetui.core.models import Fix, Problem

# What a pickle can do harm with when it is loaded. Whole modules, and single names of others.
_HARMFUL_MODULES = frozenset(
    (
        *(
            "os",
            "posix",
            "nt",
            "subprocess",
            "sys",
            "shutil",
            "socket",
            "pty",
            "runpy",
            "ctypes",
            "webbrowser",
            "commands",
        ),
        *(
            "code",
            "codeop",
            "pdb",
            "bdb",
            "timeit",
            "cProfile",
            "profile",
            "trace",
            "importlib",
            "pkgutil",
            "zipimport",
        ),
        *(
            "http",
            "urllib",
            "requests",
            "ftplib",
            "smtplib",
            "telnetlib",
            "asyncio",
            "pip",
        ),
        *(
            "venv",
            "ensurepip",
            "pydoc",
            "idlelib",
            "linecache",
            "aiohttp",
            "httpx",
            "paramiko",
        ),
    )
)
_HARMFUL_NAMES = frozenset(
    (
        *(
            f"{module}.{name}"
            for module in ("builtins", "__builtin__")
            for name in (
                "eval",
                "exec",
                "compile",
                "open",
                "__import__",
                "execfile",
                "input",
                "breakpoint",
                "globals",
                "delattr",
                "setattr",
                "getattr",
                "apply",
                "vars",
            )
        ),
        *("operator.attrgetter", "operator.methodcaller", "types.FunctionType", "types.CodeType", "types.MethodType"),
        *("pickle.loads", "pickle.load", "_pickle.loads", "_pickle.load", "marshal.loads", "torch.load", "joblib.load"),
        *("numpy.testing._private.utils.runstring", "numpy.f2py.crackfortran.getlincoef", "pandas.read_pickle"),
    )
)
# Harmful in a stranger's file, ordinary in bound methods and in what cloudpickle writes.
_ORDINARY = frozenset(
    {"builtins.getattr", "__builtin__.getattr", "types.MethodType", "types.FunctionType", "types.CodeType"}
)
_CLOUD = ("cloudpickle", "dill")


def dangers(model: str, facts: Facts) -> Iterator[Problem]:
    """Say what is dangerous in what a model names and calls."""
    cloud = any(one.startswith(_CLOUD) for one in facts.globals)
    own = [one for one in facts.globals if one.startswith("__main__.")]
    for full in facts.globals:
        module, _, _ = full.rpartition(".")
        harmful = module.partition(".")[0] in _HARMFUL_MODULES or full in _HARMFUL_NAMES
        if not harmful or full.startswith("os.path."):
            continue
        if full in _ORDINARY:
            if not cloud and full in facts.calls:
                message = f"the model calls `{full}` while it is loaded"
                yield problem(model, 0, "warning", "pickle-calls", message, "make sure that you know who made the file")
            continue
        message = f"loading the model runs `{full}`" if full in facts.calls else f"the model names `{full}`"
        remedy = "do not load it; train the model again, or ask whoever made it"
        yield problem(model, 0, "error", "pickle-runs-code", message, remedy)
    if own and not cloud:
        name = own[0].removeprefix("__main__.")
        message = f"`{name}` was defined in the training script itself; the server cannot find it there"
        yield problem(model, 0, "error", "pickle-main", message, "move it to a package, or train without it")
    if cloud:
        message = "the model holds compiled code of one Python version"
        yield problem(
            model,
            0,
            "warning",
            "pickle-code",
            message,
            "use the Python that it was trained with, or save it without functions",
        )


def problem(
    file: str,
    line: int,
    severity: Literal["error", "warning"],
    rule: str,
    message: str,
    remedy: str,
    fix: Fix | None = None,
) -> Problem:
    """A problem of a model file, or of the environment for it."""
    return Problem(file, line, severity, message, remedy, rule, fix)
