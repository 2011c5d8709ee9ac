"""The steps of a build: environment, layers, configuration, push."""

from __future__ import annotations

import hashlib
import json
import platform as machine
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from edgetui.sandbox.builder import conda_file, environments, image_layers
from edgetui.sandbox.builder.environments import Environment, EnvironmentFailed
from edgetui.sandbox.builder.image_layers import Layer
from edgetui.sandbox.children import Stopper
from edgetui.sandbox.registry import store as registry_store
from edgetui.sandbox.world import World

APP_ROOT = "/var/azureml-app"
MODELS_ROOT = f"{APP_ROOT}/azureml-models"
SPECIFICATION = "/azureml-environment"
LABELS = {"edgetui.sandbox": "environment-spec"}
PORT = "5001/tcp"
_STEPS = 6
_SLICE = 0.01  # seconds between two pieces of a log that pours
_HERE = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}

Log = Callable[[str], None]


class BuildFailed(Exception):  # noqa: N818 -- like PullFailed and EnvironmentFailed
    """The image cannot be built: a code, and a text with the words of what failed."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def summary(self) -> str:
        """The first line of the text."""
        return str(self).partition("\n")[0]


@dataclass(frozen=True)
class ModelFiles:
    """One model of an image; the content of the folder `root` becomes `azureml-models/<name>/<version>/`."""

    name: str
    version: str
    root: Path


@dataclass(frozen=True)
class BuildRequest:
    """What an image is made of.

    `script_files` are files by their path below the app's folder, `entry_script` is one of them; `conda` is the conda
    file as data; `platform` is `os/architecture`.
    """

    image: str
    tag: str
    entry_script: Path
    conda: dict[str, Any]
    models: list[ModelFiles] = field(default_factory=list)
    environment_variables: dict[str, str] = field(default_factory=dict)
    script_files: dict[str, Path] = field(default_factory=dict)
    platform: str = "linux/amd64"


def build(world: World, request: BuildRequest, log: Log, stopper: Stopper) -> str:
    """Build and push an image; return the digest of its manifest.

    Raises:
        BuildFailed: something that the request asks for cannot be had.
        Stopped: `stopper` was set.
    """
    build_ = _Build(world, request, log, stopper)
    with tempfile.TemporaryDirectory(prefix="build-", dir=_work_folder(world)) as folder:
        try:
            return build_.run(Path(folder))
        except EnvironmentFailed as problem:
            raise BuildFailed("EnvironmentBuildFailed", str(problem)) from None
        except (OSError, ValueError) as problem:
            raise BuildFailed("ImageBuildFailed", f"the image could not be assembled: {problem}") from None


class _Build:
    def __init__(self, world: World, request: BuildRequest, log: Log, stopper: Stopper) -> None:
        self._world, self._request, self._log, self._stopper = world, request, log, stopper
        setting = world.get("setting", "builder") or {}
        self._step, self._pause, self._only = 0, float(setting.get("pause", 0)), int(setting.get("pause_at", 0))
        self._lines, self._rate = int(setting.get("lines", 0)), float(setting.get("rate", 1000))
        self._reference = f"{world.host}/{request.image}:{request.tag}"

    def run(self, folder: Path) -> str:
        request = self._request
        self._next(f"Check the request for {self._reference}")
        wanted = self._check()
        self._next("Install the environment" + (f" for python {wanted.python}" if wanted.python else ""))
        self._pour()
        environment = environments.ensure(self._world, request.conda, self._log, self._stopper)
        self._log(
            f" ---> environment {environment.key[:12]}, python {environment.python}, {len(environment.lock)} packages"
        )
        if environment.reused:
            self._log(" ---> reused: it was installed before, nothing was downloaded")
        layers = []
        for title, name, content in (
            ("Layer of the environment", "environment", self._environment_files(environment)),
            ("Layer of the models", "models", self._model_files()),
            ("Layer of the scoring script", "script", self._script_files()),
        ):
            self._next(f"{title}, {_count(len(content), 'file')}")
            layer = image_layers.make_layer(folder / name, content, f"edgetui sandbox: {name}", self._stopper.check)
            self._log(f" ---> {layer.digest} {_size(layer.size)}")
            layers.append(layer)
        self._next(f"Push {self._reference}")
        return self._push(folder, layers)

    def _next(self, title: str) -> None:
        self._stopper.check()
        self._step += 1
        self._log(f"Step {self._step}/{_STEPS} : {title}")
        if self._pause and self._only in {0, self._step}:
            where = f"step {self._only}" if self._only else "each step"
            self._log(f" ---> this sandbox waits {self._pause:g} s at {where} of a build")
            self._stopper.wait(self._pause)

    def _pour(self) -> None:
        """Write as many lines, as fast, as the sandbox is told to: what an installer of a thousand packages says."""
        begun, done = time.monotonic(), 0
        while done < self._lines:
            due = min(self._lines, int((time.monotonic() - begun) * self._rate) + 1)
            if due > done:
                self._log(
                    "\n".join(
                        f" ---> {n:07d} of {self._lines}: unpacked {n * 7919 % 9973:4d} files"
                        for n in range(done + 1, due + 1)
                    )
                )
                done = due
            self._stopper.wait(_SLICE)

    def _check(self) -> conda_file.Requirements:
        request = self._request
        script = request.entry_script.as_posix()
        if script not in request.script_files:
            raise BuildFailed("InvalidRequest", f"the entry script {script} is not among the script files")
        try:
            wanted = conda_file.read(request.conda)
        except ValueError as problem:
            raise EnvironmentFailed(str(problem)) from None
        models = ", ".join(f"{model.name}:{model.version}" for model in request.models) or "none"
        self._log(f" ---> platform {request.platform}, entry script {script}, models {models}")
        if not wanted.has_inference_server:
            self._log(
                "WARNING: the environment has neither azureml-inference-server-http nor azureml-defaults: this image has "
                "no inference server, and its module will not answer"
            )
        here = f"linux/{_HERE.get(machine.machine(), machine.machine())}"
        if request.platform != here:
            self._log(f"WARNING: the image is for {request.platform}; its packages are checked on this machine, {here}")
        return wanted

    def _environment_files(self, environment: Environment) -> dict[str, bytes | Path]:
        from ruamel.yaml import YAML

        yaml = YAML(typ="safe", pure=True)
        yaml.default_flow_style = False
        text = StringIO()
        yaml.dump(self._request.conda, text)
        facts = {"key": environment.key, "python": environment.python, "packages": len(environment.lock)}
        return {
            f"{SPECIFICATION}/conda.yml": text.getvalue().encode(),
            f"{SPECIFICATION}/requirements.lock": "".join(f"{line}\n" for line in environment.lock).encode(),
            f"{SPECIFICATION}/environment.json": json.dumps(facts, indent=1).encode(),
        }

    def _model_files(self) -> dict[str, bytes | Path]:
        found: dict[str, bytes | Path] = {}
        for model in self._request.models:
            for file in model.root.rglob("*"):
                if file.is_file():
                    path = file.relative_to(model.root).as_posix()
                    found[f"{MODELS_ROOT}/{model.name}/{model.version}/{path}"] = file
        return found

    def _script_files(self) -> dict[str, bytes | Path]:
        return {f"{APP_ROOT}/{path}": file for path, file in self._request.script_files.items()}

    def _push(self, folder: Path, layers: list[Layer]) -> str:
        request = self._request
        self._log(f"The push refers to repository [{self._world.host}/{request.image}]")
        for layer in layers:
            self._stopper.check()
            there = registry_store.has_blob(self._world, request.image, layer.digest)
            if not there:
                self._add(layer.file, layer.digest)
            self._log(f"{layer.diff_id[7:19]}: {'Layer already exists' if there else 'Pushed'}")
        config = image_layers.configuration(
            layers,
            request.platform,
            self._variables(),
            LABELS,
            [PORT],
            ["azmlinfsrv", "--entry_script", request.entry_script.as_posix()],
            APP_ROOT,
        )
        part = folder / "config"
        part.write_bytes(config)
        self._add(part, f"sha256:{hashlib.sha256(config).hexdigest()}")
        raw = image_layers.manifest(config, layers)
        stored = registry_store.put_manifest(
            self._world, request.image, request.tag, raw, registry_store.DOCKER_MANIFEST
        )
        digest = str(stored["digest"])
        self._log(f"{request.tag}: digest: {digest} size: {len(raw)}")
        self._log(f"Successfully built {self._reference}")
        return digest

    def _add(self, file: Path, digest: str) -> None:
        registry_store.add_blob(self._world, self._request.image, file, digest)

    def _variables(self) -> dict[str, str]:
        request = self._request
        only = request.models[0] if len(request.models) == 1 else None
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "AML_APP_ROOT": APP_ROOT,
            # With several models the scoring script finds them below one folder, as on Azure.
            "AZUREML_MODEL_DIR": f"{MODELS_ROOT}/{only.name}/{only.version}" if only else MODELS_ROOT,
            **request.environment_variables,
            "AZUREML_ENTRY_SCRIPT": request.entry_script.as_posix(),
        }


def _work_folder(world: World) -> Path:
    """Return the folder for layers in the making: on the registry's disk, so that a push is a rename."""
    folder = world.state / "registry" / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
