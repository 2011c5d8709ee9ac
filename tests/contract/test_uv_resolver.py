"""Resolving on the real package index: what would come, or the resolver's own words at the line that they are about."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from edgetui.adapters.files.local_files import LocalFiles
from edgetui.adapters.trial.uv_resolver import UvResolver
from edgetui.core.cancel import Cancellation, using
from edgetui.core.errors import EdgeError
from edgetui.core.events import Resolved
from edgetui.core.models import ResolveRequest
from edgetui.core.plan import Image, Plan, Scoring
from edgetui.jobs import resolve
from tests.unit import memory_ports

ENVIRONMENT = """dependencies:
  - python=3.11
  - pip
  - libgomp=14.2  # not from the index
  - pip:
      # as trained
      - numpy>=2,<2.3  # numbers
      - joblib==1.4.2
"""


def resolved(cache: Path, *lines: str, platform: str = "linux/amd64", python: str = "3.11") -> Resolved:
    requirements = tuple((line, 7 + number) for number, line in enumerate(lines))
    request = ResolveRequest("myenv.yml", requirements, (), (), python, platform)
    *_, last = UvResolver(cache).resolve(request)
    assert isinstance(last, Resolved)
    return last


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_what_would_be_installed(sandbox_cache: Path, platform: str) -> None:
    found = resolved(sandbox_cache, "scikit-learn==1.7.2", "numpy==2.2.6", platform=platform)
    assert (found.ok, found.problems) == (True, ())
    assert found.pins["numpy"] == "2.2.6"
    assert {"scikit-learn", "scipy", "joblib", "threadpoolctl"} <= found.pins.keys()


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        (("joblib", "numpy==99.1"), 8, "no version of numpy==99.1"),
        (("scikit-learn==1.7.2", "numpy==1.20.0"), 8, "depends on numpy>=1.22.0"),
        (("joblib", "numpy=2"), 8, "must be one of"),
    ],
)
def test_what_cannot_be_is_told_at_its_line(sandbox_cache: Path, lines: tuple[str, ...], line: int, words: str) -> None:
    (problem,) = resolved(sandbox_cache, *lines, python="3.12").problems
    assert (problem.file, problem.line, problem.severity, problem.rule) == ("myenv.yml", line, "error", "unresolvable")
    assert words in problem.message
    assert problem.remedy


def test_the_job_resolves_and_pins_and_says_what_was_not_checked(
    sandbox_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no micromamba here, whatever the machine has
    (tmp_path / "myenv.yml").write_text(ENVIRONMENT)
    plan = Plan(scoring=Scoring("score.py", "myenv.yml"), folder=str(tmp_path))
    ports = memory_ports.World().ports()
    ports = type(ports)(**{**vars(ports), "files": LocalFiles(tmp_path), "resolver": UvResolver(sandbox_cache)})
    *_, last = resolve.resolve(plan, ports)
    assert isinstance(last, Resolved)
    assert (last.ok, last.unchecked) == (True, ("libgomp=14.2",))
    assert resolve.pin(plan, last, ports) == 1
    numpy = last.pins["numpy"]
    assert (tmp_path / "myenv.yml").read_text() == ENVIRONMENT.replace("numpy>=2,<2.3", f"numpy=={numpy}")
    assert resolve.pin(plan, last, ports) == 0


def test_a_platform_without_packages_is_refused(sandbox_cache: Path) -> None:
    with pytest.raises(EdgeError) as refused:
        resolved(sandbox_cache, "numpy", platform="linux/arm/v7")
    assert refused.value.field == "image.platform"


def test_a_deadline_ends_it(sandbox_cache: Path, tmp_path: Path) -> None:
    request = ResolveRequest("myenv.yml", (("numpy", 7),), (), (), "3.11", "linux/amd64")
    with pytest.raises(EdgeError) as late:
        list(UvResolver(tmp_path, seconds=0.0).resolve(request))
    assert "longer than" in late.value.title
    assert late.value.retryable


def test_cancelling_ends_it(tmp_path: Path) -> None:
    request = ResolveRequest("myenv.yml", (("numpy", 7), ("scikit-learn", 8)), (), (), "3.11", "linux/amd64")
    cancellation = Cancellation()

    def cancelling() -> None:
        for _ in UvResolver(tmp_path).resolve(request):
            threading.Thread(target=cancellation.cancel).start()

    with using(cancellation), pytest.raises(EdgeError) as stopped:
        cancelling()
    assert stopped.value.kind == "cancelled"


def test_an_image_platform_of_the_plan_is_asked_for(sandbox_cache: Path, tmp_path: Path) -> None:
    (tmp_path / "myenv.yml").write_text(ENVIRONMENT)
    plan = Plan(scoring=Scoring("score.py", "myenv.yml"), image=Image(platform="linux/arm/v7"), folder=str(tmp_path))
    ports = memory_ports.World().ports()
    ports = type(ports)(**{**vars(ports), "files": LocalFiles(tmp_path), "resolver": UvResolver(sandbox_cache)})
    with pytest.raises(EdgeError) as refused:
        list(resolve.resolve(plan, ports))
    assert "linux/arm/v7" in refused.value.title
