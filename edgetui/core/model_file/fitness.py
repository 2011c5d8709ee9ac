"""Whether the environment fits the model file: the packages that it needs, in the versions that it was made with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from edgetui.core.conda.document import Document, Entry
from edgetui.core.conda.document import read as read_environment
from edgetui.core.conda.pins import bounded, rewritten
from edgetui.core.model_file import impostors, runtimes
from edgetui.core.model_file.dangers import dangers
from edgetui.core.model_file.reader import Facts
from edgetui.core.model_file.rules import problem
from edgetui.core.models import Fix, Problem

# Module -> package, where they differ; and which packages bring which others along.
PACKAGES = {
    "sklearn": "scikit-learn",
    "skl2onnx": "skl2onnx",
    "numpy": "numpy",
    "scipy": "scipy",
    "pandas": "pandas",
    "joblib": "joblib",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
    "torch": "torch",
    "tensorflow": "tensorflow",
    "keras": "keras",
    "statsmodels": "statsmodels",
    "cloudpickle": "cloudpickle",
    "dill": "dill",
    "imblearn": "imbalanced-learn",
    "category_encoders": "category-encoders",
    "sentence_transformers": "sentence-transformers",
    "transformers": "transformers",
    "prophet": "prophet",
    "mlxtend": "mlxtend",
    "sktime": "sktime",
    "feature_engine": "feature-engine",
    "sklearn_pandas": "sklearn-pandas",
    "spacy": "spacy",
    "nltk": "nltk",
}
_BROUGHT_BY = {
    "numpy": {
        "scikit-learn",
        "scipy",
        "pandas",
        "xgboost",
        "lightgbm",
        "catboost",
        "tensorflow",
        "onnxruntime",
        "statsmodels",
    },
    "scipy": {"scikit-learn", "xgboost", "lightgbm", "catboost", "statsmodels"},
    "joblib": {"scikit-learn"},
    "pandas": {"statsmodels", "catboost"},
    "scikit-learn": {"imbalanced-learn", "mlxtend", "category-encoders", "sktime", "sklearn-pandas", "feature-engine"},
    "keras": {"tensorflow"},
    "requests": {"azureml-inference-server-http", "azureml-defaults"},
}
# Packages that stand for another one.
_SAME = {
    "onnxruntime-gpu": "onnxruntime",
    "onnxruntime-openvino": "onnxruntime",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "xgboost-cpu": "xgboost",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "tensorflow-cpu": "tensorflow",
    "psycopg2-binary": "psycopg2",
    "opencv-python": "opencv-python-headless",
    "opencv": "opencv-python-headless",
    "py-opencv": "opencv-python-headless",
}


def check(model: str, facts: Facts, environment: str = "", text: str = "") -> list[Problem]:
    """Say what is wrong with a model file, and how the environment `text` does not fit it.

    Args:
        model: the model file's name to show.
        facts: what was read of it.
        environment: the environment file's name to show; "" judges the model alone.
        text: the environment file.
    """
    document = read_environment(environment, text) if environment else None
    listed = (*document.conda, *document.pip) if document is not None else ()
    found = [*impostors.problems(model, facts.kind, facts.note)]
    found += dangers(model, facts, frozenset(entry.name for entry in listed))
    if facts.broken:
        message = f"the file is damaged: {facts.note}"
        remedy = "copy or download it again; compare its size with the one that your training wrote"
        found.append(problem(model, 0, "error", "model-cut", message, remedy))
    elif facts.note:
        message = f"the model was not read whole: {facts.note}"
        found.append(
            problem(model, 0, "warning", "model-partly-read", message, "load it once on a machine of your own")
        )
    if document is not None and document.readable:
        lines = text.splitlines()
        found += _packages(facts, document, lines)
        found += _versions(facts, document, lines)
        found += _numpy(facts, document, lines)
        found += _runtime(facts, document, lines)
    return found


def missing(packages: list[str], document: Document) -> list[str]:
    """Those of the packages that neither the environment names nor one of its own brings along."""
    listed = {entry.name for entry in (*document.conda, *document.pip)}
    there = {_SAME.get(name, name) for name in listed} | listed
    there |= {package for package, by in _BROUGHT_BY.items() if by & there}
    absent = [package for package in packages if package not in there]
    return [package for package in absent if not _BROUGHT_BY.get(package, set()) & set(absent)]


def _packages(facts: Facts, document: Document, lines: list[str]) -> Iterator[Problem]:
    wanted = {PACKAGES[module]: module for module in facts.modules if module in PACKAGES}
    if facts.kind in {"onnx", "xgboost", "lightgbm", "keras", "torch"}:
        package = {"onnx": "onnxruntime"}.get(facts.kind, facts.kind)
        wanted.setdefault(package, package)
    if facts.packed == "lz4":  # joblib asks for it when it loads the file
        wanted.setdefault("lz4", "lz4")
    for package in missing(list(wanted), document):
        version = facts.versions.get(package, "")
        line = f"{package}=={version}" if version else package
        message = f"the model needs {package}, which the environment has not"
        yield problem(
            document.file,
            0,
            "error",
            "model-package",
            message,
            f"add `- {line}` below `- pip:`",
            added(document, lines, line),
        )


def _versions(facts: Facts, document: Document, lines: list[str]) -> Iterator[Problem]:
    for package, version in facts.versions.items():
        entry = _entry(document, package)
        if entry is None:
            continue
        wanted = _specifier(entry, in_conda=entry in document.conda)
        if wanted is None or _only(wanted, version):
            continue
        severity: Literal["error", "warning"] = "warning"
        if not wanted.contains(version, prereleases=True) and not _same_minor(wanted, version):
            severity = "error"
        asks = f"the environment asks for {wanted}" if str(wanted) else "the environment names no version"
        message = f"the model was made with {package} {version}; {asks}"
        yield problem(
            document.file,
            entry.line,
            severity,
            "model-version",
            message,
            f"write {package}=={version}",
            _replaced(document, lines, entry, version),
        )


def _numpy(facts: Facts, document: Document, lines: list[str]) -> Iterator[Problem]:
    """`numpy._core` is where numpy 2 keeps what numpy 1 had in `numpy.core`; 1.26 finds it, older ones do not."""
    entry = _entry(document, "numpy")
    if entry is None or not any(one.startswith("numpy._core.") for one in facts.globals):
        return
    wanted = _specifier(entry, in_conda=entry in document.conda)
    if wanted is None or any(wanted.contains(version) for version in ("2.0.0", "2.2.6", "2.3.0", "2.4.0", "3.0")):
        return
    exact = next((one.version.removesuffix(".*") for one in wanted if one.operator in {"==", "===", "~="}), "")
    if _later_two(exact):
        return
    old = not wanted.contains("1.26.4") and not exact.startswith("1.26")
    message = f"the model was made with numpy 2; the environment asks for {wanted}"
    yield problem(
        document.file,
        entry.line,
        "error" if old else "warning",
        "model-numpy",
        message,
        "write numpy>=2,<3",
        _replaced(document, lines, entry, "", ">=2,<3"),
    )


def _later_two(version: str) -> bool:
    try:
        return bool(version) and Version(version) >= Version("2")
    except InvalidVersion:
        return False


def _runtime(facts: Facts, document: Document, lines: list[str]) -> Iterator[Problem]:
    entry = _entry(document, "onnxruntime") or _entry(document, "onnxruntime-gpu")
    oldest = runtimes.oldest(facts.opset, facts.format)
    wanted = _specifier(entry, in_conda=entry in document.conda) if entry is not None else None
    if entry is None or wanted is None or oldest == "":
        return
    asks = f"the environment asks for {wanted}" if str(wanted) else "the environment names no version"
    model = f"the model's opset {facts.opset} (in format IR version {facts.format})"
    if oldest is None:
        known = not runtimes.reaches(wanted, f"{runtimes.NEWEST}.99")
        severity: Literal["error", "warning"] = "error" if known else "warning"
        message = f"{model} is newer than ONNX Runtime {runtimes.NEWEST} knows; {asks}"
        exact = any(one.operator in {"==", "==="} for one in wanted)
        if known or not exact:
            remedy = "export the model with an older opset and format"
            yield problem(document.file, entry.line, severity, "model-opset", message, remedy)
    elif not runtimes.reaches(wanted, oldest):
        message = f"{model} needs ONNX Runtime {oldest} or newer; {asks}"
        remedy = f"write {entry.name}>={oldest}, or export the model with an older opset and format"
        fix = _replaced(document, lines, entry, "", f">={oldest},<2")
        yield problem(document.file, entry.line, "error", "model-opset", message, remedy, fix)


def _entry(document: Document, package: str) -> Entry | None:
    return next((entry for entry in (*document.pip, *document.conda) if entry.name == package), None)


def _specifier(entry: Entry, *, in_conda: bool) -> SpecifierSet | None:
    """What versions an entry takes; None where that cannot be said."""
    try:
        if not in_conda:
            return None if (one := Requirement(entry.text.partition(" #")[0])).url else one.specifier
        text = entry.text.strip().rpartition("::")[2]
        text = re.sub(r"^[\w.-]+\s*", "", text)
        single = re.fullmatch(r"=?\s*(\d[\w.]*?)(?:\.?\*)?(?:=[^=]*)?", text)
        return SpecifierSet(f"=={single[1]}.*" if single else text.partition(" ")[0])
    except (InvalidRequirement, InvalidSpecifier):
        return None


def _only(wanted: SpecifierSet, version: str) -> bool:
    """Whether just this version (or its bug fixes by a conda pin or `~=`) may come."""
    exact = [one for one in wanted if one.operator in {"==", "===", "~="}]
    return bool(exact) and wanted.contains(version, prereleases=True)


def _same_minor(wanted: SpecifierSet, version: str) -> bool:
    exact = next((one.version.removesuffix(".*") for one in wanted if one.operator in {"==", "===", "~="}), "")
    return exact.split(".")[:2] == version.split(".")[:2]


def _replaced(document: Document, lines: list[str], entry: Entry, version: str, bounds: str = "") -> Fix | None:
    """The fix that writes a version into the entry's own line."""
    if not 0 < entry.line <= len(lines):
        return None
    if entry in document.conda:
        new = re.sub(r"^((?:\S+::)?[\w.-]+).*$", rf"\g<1>{bounds or '=' + version}", entry.text.strip())
    else:
        new = bounded(entry.text, bounds or f"=={version}")
    line = rewritten(lines[entry.line - 1], entry.text, new) if new != entry.text else None
    return Fix(document.file, entry.line, line, f"Write {new.partition(' #')[0]}") if line is not None else None


def added(document: Document, lines: list[str], requirement: str) -> Fix | None:
    """The fix that adds a line at the end of the pip part."""
    if not document.pip:
        return None
    last = document.pip[-1].line
    if not 0 < last <= len(lines) or not (start := re.match(r"\s*-\s+", lines[last - 1])):
        return None
    return Fix(document.file, last, f"{lines[last - 1]}\n{start.group()}{requirement}", f"Add {requirement}")
