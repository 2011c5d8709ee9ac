"""The rules for environment files as data, and what is known of packages."""

from __future__ import annotations

from typing import Literal, NamedTuple

from edgetui.core.models import Problem


class Rule(NamedTuple):
    """Errors fail the build or the start; warnings may. `remedy` is what to do where a problem says nothing more exact."""

    severity: Literal["error", "warning"]
    remedy: str


RULES: dict[str, Rule] = {
    "yaml": Rule("error", "mind the indentation and the colons"),
    "shape": Rule("error", "write a conda environment: `dependencies:` with a list below it"),
    "dependencies": Rule("error", "add `dependencies:` with a list below it"),
    "section": Rule("error", "only `- pip:` may have a list of its own"),
    "entry": Rule("error", "write name=version"),
    "no-server": Rule("error", "add `- azureml-inference-server-http` below `- pip:`"),
    "twice": Rule("error", "keep one of the two lines"),
    "contradiction": Rule("error", "ask for versions that exist"),
    "malformed": Rule("error", "write name==version"),
    "wrong-name": Rule("error", "use the package's own name"),
    "platform-only": Rule("error", "delete the line: the device runs Linux"),
    "requirements-file": Rule("error", "put its lines here: only this file goes to the build"),
    "secret": Rule("error", "take it out; give the build its access to the index another way, and change the password"),
    "pip-only": Rule("error", "move the line below `- pip:`"),
    "no-pip": Rule("warning", "add `- pip` above it"),
    "no-python": Rule("warning", "add `- python=3.11`"),
    "python-version": Rule("warning", "use one that is supported"),
    "python-too-old": Rule("error", "use one that is supported"),
    "prefix": Rule("warning", "delete the line"),
    "build-string": Rule(
        "warning", "delete the second `=` and what follows; `conda env export --no-builds` leaves it out"
    ),
    "unpinned": Rule("warning", "write name==VERSION"),
    "private-index": Rule("warning", "make sure that the build reaches it, or use a package of the public index"),
    "local-file": Rule("error", "publish it, or name a URL: only this file goes to the build"),
    "hashes": Rule("error", "give all of them hashes, or none: pip takes it for all or nothing"),
    "needs-git": Rule(
        "warning", "add `- git=2.*` above `- pip:` (conda brings it), or name the address of an archive (.zip)"
    ),
    "variables": Rule("warning", "set them for the module (step 7 Deploy), or in the scoring script"),
    "licence": Rule("warning", "name `conda-forge` instead, unless you have a licence"),
    "needs-display": Rule("warning", "use the package for machines without a screen"),
}

# Import names and old names that people write; the right hand is the package.
WRONG_NAMES = {
    "sklearn": "scikit-learn",
    "cv2": "opencv-python-headless",
    "pil": "pillow",
    "yaml": "pyyaml",
    "skimage": "scikit-image",
    "bs4": "beautifulsoup4",
    "tensorflow-gpu": "tensorflow",
    "onnxruntime-cpu": "onnxruntime",
}
DISPLAY = {"opencv-python": "opencv-python-headless", "opencv-contrib-python": "opencv-contrib-python-headless"}
NOT_LINUX = frozenset(
    (
        *(
            "pywin32",
            "pypiwin32",
            "pywinpty",
            "wincertstore",
            "win-inet-pton",
            "winkerberos",
            "pyreadline",
            "pyreadline3",
        ),
        *(
            "vc",
            "vs2015-runtime",
            "vs2015-win-64",
            "vc14-runtime",
            "ucrt",
            "m2w64-gcc-libs",
            "icc-rt",
            "console-shortcut",
        ),
        *("appnope", "libcxx", "llvm-openmp-osx", "tensorflow-macos", "tensorflow-metal", "pyobjc", "pyobjc-core"),
    )
)
PIP_ONLY = frozenset({"azureml-inference-server-http", "azureml-defaults", "azureml-core", "inference-schema"})
SERVERS = frozenset({"azureml-inference-server-http", "azureml-defaults"})
LICENSED_CHANNELS = frozenset({"defaults", "anaconda", "main", "r", "msys2"})


def problem(file: str, line: int, rule: str, message: str, remedy: str = "") -> Problem:
    """The problem of a rule."""
    known = RULES[rule]
    return Problem(file, line, known.severity, message, remedy or known.remedy, rule)
