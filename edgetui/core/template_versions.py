"""What goes together with the version that a model file states: other packages' versions, another package, another Python.

The bounds are those that the packages' own metadata state; where they state none, those at which they were seen to work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from packaging.version import Version

from edgetui.core.model_file import Facts, runtimes

_RELEASED = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?")  # what an index has; not 1.8.dev0 or 2.8.0+cu128
_CPU_XGBOOST = Version("2.1.1")  # the first release without the code for GPUs, some 200 MB less
_ONNX_RUNTIME = Version("1.22")  # the template's
# From which version of Keras on -> the versions beside it. Before 2.14 TensorFlow and the inference server exclude one another.
_KERAS: tuple[tuple[str, dict[str, str]], ...] = (
    ("3.10", {}),
    ("3.5", {"tensorflow-cpu": "2.19.1", "numpy": "2.1.3"}),
    ("3.0", {"tensorflow-cpu": "2.16.2", "numpy": "1.26.4"}),
    ("2.15", {"tensorflow-cpu": "2.15.1", "numpy": "1.26.4"}),
    ("0", {"tensorflow-cpu": "2.14.1", "numpy": "1.26.4", "keras": "2.14.0"}),
)
# From which version of scikit-learn on -> the versions beside it: the first built for numpy 2, for Python 3.11, for 3.10.
_SCIKIT_LEARN: tuple[tuple[str, dict[str, str]], ...] = (
    ("1.4.2", {}),
    ("1.1.3", {"numpy": "1.26.4"}),
    ("1.0.2", {"numpy": "1.23.5", "python": "3.10"}),
    ("0", {"numpy": "1.23.5", "python": "3.9"}),
)


def pins(facts: Facts) -> dict[str, str]:
    """The versions that go together, by package (`python` too): those that a model file states, and what these want."""
    found = {name: version for name, version in facts.versions.items() if _RELEASED.fullmatch(version)}
    oldest = runtimes.oldest(facts.opset, facts.format) if facts.kind == "onnx" else ""
    if oldest and Version(oldest) > _ONNX_RUNTIME:
        found["onnxruntime"] = f"{oldest}.*"
    for name, table in (("keras", _KERAS), ("scikit-learn", _SCIKIT_LEARN)):
        if name in found:
            found |= next(beside for first, beside in table if Version(found[name]) >= Version(first))
    if Version(found.get("xgboost", "0")) >= _CPU_XGBOOST:
        found["xgboost-cpu"] = found["xgboost"]
    if "tensorflow-cpu" in found:
        found["tensorflow"] = found["tensorflow-cpu"]
    return found


def other_packages(stated: Mapping[str, str], platform: str) -> dict[str, str]:
    """Package of a template -> the package to take in its place, where the template's does not exist."""
    found = {}
    if "arm" in platform:
        found["tensorflow-cpu"] = "tensorflow"  # which has no code for GPUs there
    version = stated.get("xgboost", "")
    if _RELEASED.fullmatch(version) and Version(version) < _CPU_XGBOOST:
        found["xgboost-cpu"] = "xgboost"
    return found
