"""Images by a local engine: cold, after an edit in the script, with a new model, with another environment; and bytes pushed.

Yardsticks: the same two contexts by `docker build` and `docker push` alone (what the engine itself takes), and a plain image of
one Dockerfile with the same content. Each has an engine and a registry of its own. Needs root, dockerd, docker-registry, debootstrap.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgetui.adapters.builders import build_context, docker_build
from edgetui.adapters.cloud import Cloud
from edgetui.adapters.context import Context
from edgetui.core import dockerfile
from edgetui.core.models import BuildRequest, RegistryCredential, RegistryInfo, WorkspaceInfo
from edgetui.core.redact import Secret
from tests.bench.measure import Bench, Measured, seconds
from tests.real.base_images import BASE, CERTIFICATES, import_base
from tests.real.engines import Engine, engine, registry

USER, PASSWORD = "bench", "of-the-benchmark"
CHANGES = ("cold", "script_edited", "model_changed", "environment_changed")
ROUNDS = 3  # of cold builds, ours and the engine's alone in turns: the quickest counts, as they download
_PLAIN = f"""FROM {BASE}
COPY ca.pem requirements.txt /
RUN python3 -m venv /opt/env && PIP_CERT=/ca.pem /opt/env/bin/pip install --no-cache-dir -r /requirements.txt
COPY model.pkl /var/azureml-app/azureml-models/pump/1/model.pkl
COPY score.py /var/azureml-app/score.py
WORKDIR /var/azureml-app
ENV PATH=/opt/env/bin:/usr/bin:/bin AZUREML_MODEL_DIR=/var/azureml-app/azureml-models/pump/1
EXPOSE 5001
CMD ["azmlinfsrv", "--entry_script", "score.py"]
"""
_Ways = dict[str, tuple[float, int]]  # by change: seconds, bytes


@dataclass
class Way:
    """One way of building, on an engine and a registry of its own."""

    one: Engine
    login_server: str
    data: Path  # of the registry
    folder: Path

    def stored(self) -> int:
        return sum(file.stat().st_size for file in self.data.rglob("*") if file.is_file())

    def request(self, number: int, files: Path) -> BuildRequest:
        server = self.login_server
        return BuildRequest(
            WorkspaceInfo("s", "g", "w"),
            f"pump:{2 if number >= 2 else 1}",
            str(files / "score.py"),
            str(files / "myenv.yml"),
            "pump",
            str(number),
            model_path=str(files / "model.pkl"),
            registry=RegistryInfo("id", "bench", server),
            credential=RegistryCredential(server, USER, Secret(PASSWORD)),
            content=str(number),
            base=BASE,
            ca_bundle=CERTIFICATES,
            network="host",
        )

    def environ(self) -> dict[str, str]:
        config = self.folder / "docker"
        config.mkdir(exist_ok=True)
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        (config / "config.json").write_text(json.dumps({"auths": {self.login_server: {"auth": login}}}))
        return {**os.environ, "DOCKER_HOST": self.one.host, "DOCKER_BUILDKIT": "0", "DOCKER_CONFIG": str(config)}


def run(place: Bench) -> Iterator[Measured]:
    os.environ.setdefault("EDGETUI_TEST_CACHE", str(place.cache))
    try:
        ours, alone, plain = (_measured(place, name, CHANGES) for name in _WAYS)
        cold = [
            [ours["cold"][0], alone["cold"][0]],
            *(
                [_measured(place, name, ["cold"], f"-{number}")["cold"][0] for name in ("ours", "alone")]
                for number in range(1, ROUNDS)
            ),
        ]
    except (pytest.skip.Exception, pytest.fail.Exception) as missing:
        raise SystemExit(str(missing)) from None
    for change in CHANGES:
        yield Measured(f"build.{change}", ours[change][0], "s")
        yield Measured(f"build.{change}_plain", plain[change][0], "s")
        yield Measured(f"build.{change}_bytes", ours[change][1] / 1e6, "MB")
        yield Measured(f"build.{change}_plain_bytes", plain[change][1] / 1e6, "MB")
    yield Measured("build.script_edited_to_cold", ours["script_edited"][0] / ours["cold"][0], "x", 0.1)
    yield Measured("build.script_edited_bytes_to_cold", ours["script_edited"][1] / ours["cold"][1], "x", 0.01)
    ours_took, alone_took = (min(took) for took in zip(*cold, strict=True))
    yield Measured("build.cold_to_engine_alone", ours_took / alone_took, "x", 1.1)


def _measured(place: Bench, name: str, changes: Sequence[str], mark: str = "") -> _Ways:
    folder = place.folder / f"{name}{mark}"
    folder.mkdir()
    with engine() as one, registry(folder / "registry", USER, PASSWORD) as server:
        one.give(import_base)
        way = Way(one, server, folder / "registry" / "data", folder)
        files = folder / "example"
        shutil.copytree(place.example(), files)
        found: _Ways = {}
        for number, change in enumerate(changes):
            _change(files, change)
            before = way.stored()
            took = _WAYS[name](way, number, files)
            found[change] = (took, way.stored() - before)
    return found


def _change(files: Path, change: str) -> None:
    if change == "script_edited":
        with (files / "score.py").open("a") as script:
            script.write("# edited\n")
    elif change == "model_changed":
        with (files / "model.pkl").open("ab") as model:
            model.write(b"\0" * 1000)
    elif change == "environment_changed":
        environment = files / "myenv.yml"
        environment.write_text(environment.read_text().replace("numpy==2.2.6", "numpy==2.2.5"))


def _ours(way: Way, number: int, files: Path) -> float:
    os.environ["DOCKER_HOST"] = way.one.host
    builder = docker_build.create(Context(Cloud(), lambda _: ("", 0), way.folder))
    begun = time.perf_counter()
    for _ in builder.build(way.request(number, files)):
        pass
    return time.perf_counter() - begun


def _alone(way: Way, number: int, files: Path) -> float:
    """The engine by its own command line, with the contexts that we would send."""
    recipe = build_context.recipe(way.request(number, files))
    base, image = f"{docker_build.ENVIRONMENT}:{recipe.key}", f"{way.login_server}/pump:{number}"
    took = 0.0
    for tag, context in ((base, recipe.environment_context()), (image, recipe.image_context(base))):
        archive = way.folder / "context.tar"
        with archive.open("wb") as out:
            build_context.write(context, out, zipped=False)
        begun = time.perf_counter()
        with archive.open("rb") as sent:
            command = ["docker", "build", "--network", "host", "--rm", "--force-rm", "-t", tag, "-"]
            subprocess.run(command, stdin=sent, env=way.environ(), check=True, capture_output=True)
        took += time.perf_counter() - begun
    return took + seconds(["docker", "push", image], way.environ())


def _plain(way: Way, number: int, files: Path) -> float:
    context, image = way.folder / "plain", f"{way.login_server}/pump:{number}"
    with contextlib.suppress(FileExistsError):
        context.mkdir()
    for name in ("score.py", "model.pkl"):
        shutil.copy(files / name, context)
    shutil.copy(CERTIFICATES, context / "ca.pem")
    environment = dockerfile.environment((files / "myenv.yml").read_text())
    (context / "requirements.txt").write_text("\n".join(environment.pip) + "\n")
    (context / "Dockerfile").write_text(_PLAIN)
    took = seconds(["docker", "build", "--network", "host", "-t", image, str(context)], way.environ())
    return took + seconds(["docker", "push", image], way.environ())


_WAYS: dict[str, Callable[[Way, int, Path], float]] = {"ours": _ours, "alone": _alone, "plain": _plain}
