"""Conda packages, really solved from a channel in a folder; and read as micromamba says it, where only that is there."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from edgetui.adapters.files.local_files import LocalFiles
from edgetui.adapters.trial import conda_resolver
from edgetui.adapters.trial.uv_resolver import UvResolver
from edgetui.core.errors import EdgeError
from edgetui.core.events import Progress, Resolved
from edgetui.core.models import ResolveRequest
from edgetui.core.plan import Plan, Scoring
from edgetui.jobs import resolve
from tests.unit import memory_ports

ENVIRONMENT = """channels:
  - {channel}
dependencies:
  - python=3.11  # as on the device
  - pip
  - libgomp  # for the trees
  - "numpy>=1.20"
  - blas=1.0=*_mkl
"""
PINNED = ENVIRONMENT.replace("libgomp ", "libgomp=14.2.0 ").replace("numpy>=1.20", "numpy=1.26.4")


def package(name: str, version: str, *depends: str, build: str = "0", subdir: str = "linux-64") -> dict[str, Any]:
    return {
        "name": name,
        "version": version,
        "build": build,
        "build_number": 0,
        "depends": list(depends),
        "subdir": subdir,
        "sha256": "0" * 64,
        "size": 1,
    }


PACKAGES = (
    package("python", "3.11.9"),
    package("python", "3.12.4"),
    package("libgomp", "14.2.0", "__glibc >=2.17"),
    package("blas", "1.0", build="0_mkl"),
    package("numpy", "1.26.4", "python >=3.11,<3.12", "blas"),
    package("numpy", "2.2.6", "python >=3.12", "blas"),
    package("too-new", "1.0", "__glibc >=2.40"),
    package("on-a-gpu", "1.0", "__cuda >=12"),
    package("libgomp", "13.1.0", subdir="linux-aarch64"),
)


@pytest.fixture
def channel(tmp_path: Path) -> str:
    """A channel in a folder."""
    for subdir in ("linux-64", "linux-aarch64", "noarch"):
        listed = {f"{p['name']}-{p['version']}-{p['build']}.tar.bz2": p for p in PACKAGES if p["subdir"] == subdir}
        folder = tmp_path / "channel" / subdir
        folder.mkdir(parents=True)
        data = {"info": {"subdir": subdir}, "packages": listed, "packages.conda": {}, "repodata_version": 1}
        (folder / "repodata.json").write_text(json.dumps(data), encoding="utf-8")
    return (tmp_path / "channel").as_uri()


def resolved(tmp_path: Path, channel: str, *packages: str, python: str = "3.11", platform: str = "amd64") -> Resolved:
    assert importlib.util.find_spec("rattler"), "py-rattler is missing: pip install -e .[test]"
    conda = tuple((text, 4 + number) for number, text in enumerate(packages))
    request = ResolveRequest("myenv.yml", (), conda, (channel,), python, f"linux/{platform}")
    *before, last = UvResolver(tmp_path / "cache").resolve(request)
    assert [type(event) for event in before] == [Progress]
    assert isinstance(last, Resolved)
    return last


def test_what_would_come(tmp_path: Path, channel: str) -> None:
    found = resolved(tmp_path, channel, "libgomp=14.2", "numpy")
    assert (found.ok, found.problems, found.unchecked) == (True, (), ())
    assert found.conda_pins == {"python": "3.11.9", "libgomp": "14.2.0", "numpy": "1.26.4", "blas": "1.0"}
    assert resolved(tmp_path, channel, "libgomp", python="", platform="arm64").conda_pins == {"libgomp": "13.1.0"}


@pytest.mark.parametrize(
    ("packages", "line", "words"),
    [
        (("libgomp", "no-such-thing"), 5, "conda: No candidates were found for no-such-thing"),
        (("libgomp", "numpy=2"), 5, "numpy 2.2.6 would require python >=3.12, for which no candidates were found"),
        (("too-new",), 4, "__glibc >=2.40, for which no candidates"),
        (("libgomp", "on-a-gpu"), 5, "__cuda >=12, for which no candidates"),
        (("libgomp", "numpy==1,,2"), 5, "conda cannot read this"),
        (("conda-forge::numpy",), 4, "not in requested channel: 'conda-forge'"),
    ],
)
def test_what_cannot_come_is_told_at_its_line(
    tmp_path: Path, channel: str, packages: tuple[str, ...], line: int, words: str
) -> None:
    found = resolved(tmp_path, channel, *packages)
    (problem,) = found.problems
    assert (found.ok, problem.line, problem.severity, problem.rule) == (False, line, "error", "unresolvable")
    assert words in problem.message
    assert not set(problem.message) & set("├└│─")
    assert problem.remedy


def test_a_channel_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    (problem,) = resolved(tmp_path, (tmp_path / "nowhere").as_uri(), "libgomp").problems
    assert "there is no such channel" in problem.message
    assert problem.remedy == "correct the name of the channel"


def test_a_channel_that_does_not_answer_leaves_the_packages_unchecked(tmp_path: Path) -> None:
    found = resolved(tmp_path, "http://127.0.0.1:9/t/a-token-of-ours/channel", "libgomp=14.2")
    assert (found.ok, found.unchecked) == (True, ("libgomp=14.2",))
    assert found.why_unchecked == "127.0.0.1:9 cannot be reached: Connection refused"


def test_what_resolved_can_be_pinned_and_holds_after_it(tmp_path: Path, channel: str) -> None:
    file = tmp_path / "myenv.yml"
    file.write_text(ENVIRONMENT.format(channel=channel), encoding="utf-8")
    plan = Plan(scoring=Scoring("score.py", "myenv.yml"), folder=str(tmp_path))
    ports = memory_ports.World().ports()
    resolver = UvResolver(tmp_path / "cache")
    ports = type(ports)(**{**vars(ports), "files": LocalFiles(tmp_path), "resolver": resolver})
    *_, last = resolve.resolve(plan, ports)
    assert isinstance(last, Resolved)
    assert last.ok
    assert resolve.pin(plan, last, ports) == 2
    assert file.read_text(encoding="utf-8") == PINNED.format(channel=channel)
    *_, again = resolve.resolve(plan, ports)
    assert isinstance(again, Resolved)
    assert again.inputs == again.pinned_inputs == last.pinned_inputs != last.inputs
    assert last.holds(again.inputs)
    assert resolve.pin(plan, again, ports) == 0


# Without py-rattler. These are micromamba's own words, as its users report and its source has them.

UNSOLVABLE = """\
error    libmamba Could not solve for environment specs
    The following package could not be installed
    └─ numpy 99**  does not exist (perhaps a typo or a missing channel).
{
    "solver_problems": [
        "nothing provides requested numpy 99**"
    ],
    "success": false
}
critical libmamba Could not solve for environment specs
"""
DRY_RUN = '{"actions": {"LINK": [{"name": "numpy"}], "PREFIX": "/p"}, "dry_run": true, "success": true}'
UNREACHED = """\
error    libmamba Could not resolve host: conda.anaconda.org
critical libmamba Multiple errors occurred:
    Download error (6) Could not resolve hostname [https://conda.anaconda.org/conda-forge/linux-64/repodata.json.zst]
"""


@pytest.fixture
def micromamba(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name, the only solver; it writes down how it was called, says `said`, and ends with `code`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "micromamba"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$CONDA_OVERRIDE_GLIBC" "$@" >{folder}/called\n'
        f'while read -r line; do echo "$line"; done <{folder}/said\nread -r code <{folder}/code\nexit $code\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setattr(conda_resolver.importlib.util, "find_spec", lambda _: None)
    return folder


def by_micromamba(tmp_path: Path, folder: Path, said: str, code: int) -> Resolved:
    (folder / "said").write_text(said + "\n", encoding="utf-8")
    (folder / "code").write_text(f"{code}\n", encoding="utf-8")
    conda = (("libgomp=14.2 # why", 4), ("numpy=99", 5))
    request = ResolveRequest("myenv.yml", (), conda, ("conda-forge", "nodefaults"), "3.11", "linux/arm64")
    *_, last = UvResolver(tmp_path / "cache").resolve(request)
    assert isinstance(last, Resolved)
    return last


def test_micromamba_is_asked_for_the_device(tmp_path: Path, micromamba: Path) -> None:
    found = by_micromamba(tmp_path, micromamba, DRY_RUN, 0)
    assert (found.ok, found.unchecked, found.conda_pins) == (True, (), {})
    glibc, *called = (micromamba / "called").read_text(encoding="utf-8").splitlines()
    assert glibc == conda_resolver.GLIBC
    assert called[:4] == ["create", "--dry-run", "--json", "--yes"]
    assert called[called.index("--platform") :] == [
        *("--platform", "linux-aarch64", "--channel", "conda-forge"),
        *("libgomp=14.2", "numpy=99", "python=3.11"),
    ]


def test_what_micromamba_cannot_solve_is_told_at_its_line(tmp_path: Path, micromamba: Path) -> None:
    (problem,) = by_micromamba(tmp_path, micromamba, UNSOLVABLE, 1).problems
    assert (problem.line, problem.message) == (5, "conda: nothing provides requested numpy 99**")


def test_micromamba_without_a_network_leaves_the_packages_unchecked(tmp_path: Path, micromamba: Path) -> None:
    found = by_micromamba(tmp_path, micromamba, UNREACHED, 1)
    assert (found.ok, found.unchecked) == (True, ("libgomp=14.2 # why", "numpy=99"))
    assert found.why_unchecked == "conda.anaconda.org cannot be reached: Could not resolve hostname"


def test_without_any_solver_it_is_said_what_brings_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channel: str
) -> None:
    monkeypatch.setattr(conda_resolver.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    request = ResolveRequest("myenv.yml", (), (("libgomp", 4),), (channel,), "", "linux/amd64")
    *_, last = UvResolver(tmp_path / "cache").resolve(request)
    assert isinstance(last, Resolved)
    assert (last.ok, last.unchecked, last.why_unchecked) == (True, ("libgomp",), conda_resolver.NOBODY)


def test_a_solver_that_takes_too_long_leaves_the_packages_unchecked(tmp_path: Path, channel: str) -> None:
    request = ResolveRequest("myenv.yml", (), (("libgomp", 4),), (channel,), "", "linux/amd64")
    *_, last = UvResolver(tmp_path / "cache", seconds=0.0).resolve(request)
    assert isinstance(last, Resolved)
    assert last.why_unchecked == "it took longer than 0 s"


def test_cancelling_ends_it(tmp_path: Path, channel: str) -> None:
    from edgetui.core.cancel import Cancellation, using

    request = ResolveRequest("myenv.yml", (), (("libgomp", 4),), (channel,), "", "linux/amd64")
    cancellation = Cancellation()
    cancellation.cancel()
    with using(cancellation), pytest.raises(EdgeError) as stopped:
        list(UvResolver(tmp_path / "cache").resolve(request))
    assert stopped.value.kind == "cancelled"
