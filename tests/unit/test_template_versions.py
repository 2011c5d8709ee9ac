"""A template's environment fits the version that a model file states, and can be made on the image's platform."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetui.core import conda, model_file, templates
from edgetui.core.model_file import Facts

HOME = Path(__file__).parents[2] / "assets" / "templates"


def environment(template: str, versions: dict[str, str], platform: str = "linux/amd64") -> str:
    text = (HOME / template / "myenv.yml").read_text(encoding="utf-8")
    return templates.environment(text, Facts("", 0, versions=versions), platform)


@pytest.mark.parametrize(
    ("template", "stated", "listed"),
    [
        ("xgboost", "xgboost 3.2.0", "xgboost-cpu==3.2.0 numpy==2.2.6"),
        ("xgboost", "xgboost 2.1.4", "xgboost-cpu==2.1.4"),
        ("xgboost", "xgboost 2.1.1", "xgboost-cpu==2.1.1"),
        ("xgboost", "xgboost 2.1.0", "xgboost==2.1.0"),
        ("xgboost", "xgboost 1.7.6", "xgboost==1.7.6 numpy==2.2.6"),
        ("xgboost", "xgboost 3.1.0-dev", "xgboost-cpu==3.0.5"),
        ("scikit-learn", "scikit-learn 1.8.0", "scikit-learn==1.8.0 numpy==2.2.6 python=3.11"),
        ("scikit-learn", "scikit-learn 1.4.2", "scikit-learn==1.4.2 numpy==2.2.6 python=3.11"),
        ("scikit-learn", "scikit-learn 1.4.1.post1", "scikit-learn==1.4.1.post1 numpy==1.26.4 python=3.11"),
        ("scikit-learn", "scikit-learn 1.2.2", "scikit-learn==1.2.2 numpy==1.26.4 python=3.11"),
        ("scikit-learn", "scikit-learn 1.0.2", "scikit-learn==1.0.2 numpy==1.23.5 python=3.10"),
        ("scikit-learn", "scikit-learn 0.24.2", "scikit-learn==0.24.2 numpy==1.23.5 python=3.9"),
        ("scikit-learn", "scikit-learn 1.9.dev0", "scikit-learn==1.7.2 numpy==2.2.6"),
        ("tensorflow", "keras 3.12.0", "keras==3.12.0 tensorflow-cpu==2.20.0 numpy==2.2.6"),
        ("tensorflow", "keras 3.5.0", "keras==3.5.0 tensorflow-cpu==2.19.1 numpy==2.1.3"),
        ("tensorflow", "keras 3.4.1", "keras==3.4.1 tensorflow-cpu==2.16.2 numpy==1.26.4"),
        ("tensorflow", "keras 2.15.0", "keras==2.15.0 tensorflow-cpu==2.15.1 numpy==1.26.4"),
        ("tensorflow", "keras 2.13.1", "keras==2.14.0 tensorflow-cpu==2.14.1 numpy==1.26.4"),
        ("pytorch", "torch 2.5.1", "torch==2.5.1"),
        ("pytorch", "torch 2.5.1+cu124", "torch==2.8.0"),
    ],
)
def test_what_goes_together_is_pinned_together(template: str, stated: str, listed: str) -> None:
    name, version = stated.split()
    lines = {line.strip().removeprefix("- ") for line in environment(template, {name: version}).splitlines()}
    assert set(listed.split()) <= lines


@pytest.mark.parametrize(
    ("platform", "package"), [("linux/amd64", "tensorflow-cpu"), ("linux/arm64", "tensorflow"), ("", "tensorflow-cpu")]
)
def test_a_package_that_the_platform_lacks_is_another_one(platform: str, package: str) -> None:
    assert f"      - {package}==2.20.0\n" in environment("tensorflow", {}, platform)
    assert f"      - {package}==2.19.1\n" in environment("tensorflow", {"keras": "3.9.2"}, platform)


@pytest.mark.parametrize(
    ("opset", "form", "listed"),
    [(17, 8, "onnxruntime==1.22.1"), (22, 11, "onnxruntime==1.23.*"), (26, 10, "onnxruntime==1.25.*")],
)
def test_a_newer_onnx_model_gets_a_runtime_that_knows_it(opset: int, form: int, listed: str) -> None:
    facts = Facts("onnx", 0, opset=opset, format=form)
    text = templates.environment((HOME / "onnx" / "myenv.yml").read_text(encoding="utf-8"), facts)
    assert f"      - {listed}\n" in text
    assert [one for one in model_file.check("m.onnx", facts, "myenv.yml", text) if one.severity == "error"] == []


@pytest.mark.parametrize("template", [one.id for one in templates.TEMPLATES])
def test_without_versions_it_stays_as_it_is(template: str) -> None:
    assert environment(template, {}) == (HOME / template / "myenv.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("version", ["0.24.2", "1.0.2", "1.1.3", "1.3.2", "1.7.2"])
def test_no_version_gives_an_environment_with_errors(version: str) -> None:
    problems = conda.check("myenv.yml", environment("scikit-learn", {"scikit-learn": version}))
    assert [one.message for one in problems if one.severity == "error"] == []
