"""Scoring scripts to start from, one for each kind of model, as data; their files are in assets/templates/<id>."""

from __future__ import annotations

import re

import msgspec

from edgetui.core.model_file.reader import Facts


class Template(msgspec.Struct, frozen=True):
    """A template: `file` is the model's name in its script; `tested` whether it was run on a small model of its kind."""

    id: str
    title: str
    file: str
    tested: bool


TEMPLATES: tuple[Template, ...] = (
    Template("scikit-learn", "scikit-learn (pickle or joblib)", "model.pkl", tested=True),
    Template("onnx", "ONNX, by ONNX Runtime", "model.onnx", tested=True),
    Template("lightgbm", "LightGBM", "model.txt", tested=True),
    Template("xgboost", "XGBoost", "model.json", tested=True),
    Template("pytorch", "PyTorch (TorchScript)", "model.pt", tested=False),
    Template("tensorflow", "TensorFlow, Keras", "model.keras", tested=False),
    Template("plain", "Plain Python", "model.json", tested=True),
)
BY_ID = {template.id: template for template in TEMPLATES}
_OF_KIND = {
    "onnx": "onnx",
    "torch": "pytorch",
    "keras": "tensorflow",
    "hdf5": "tensorflow",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
}


def suggested(facts: Facts) -> Template:
    """The template that fits a model file. What is pickled is called as scikit-learn's models are."""
    if facts.kind in _OF_KIND:
        return BY_ID[_OF_KIND[facts.kind]]
    return BY_ID["scikit-learn" if facts.kind in {"pickle", "joblib"} else "plain"]


def script(template: Template, text: str, model: str) -> str:
    """The template's script with the model's own file name (a bare name) in place of the template's."""
    return text.replace(f'MODEL = "{template.file}"', f"MODEL = {_quoted(model)}") if model else text


def environment(text: str, facts: Facts, platform: str = "") -> str:
    """The template's environment for an image's platform, pinned to what the model file says that it was made with."""
    from edgetui.core import template_versions
    from edgetui.core.conda import with_pins

    pins = template_versions.pins(facts)
    for package, other in template_versions.other_packages(facts.versions, platform).items():
        text = text.replace(f"- {package}==", f"- {other}==")
    if "python" in pins:
        text = re.sub(r"(?m)^  - python=.*$", f"  - python={pins['python']}", text)
    return with_pins(text, pins)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
