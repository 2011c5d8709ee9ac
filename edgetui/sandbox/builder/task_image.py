"""Acts on a Dockerfile of the sandbox's subset (dockerfile_steps.py): makes the layers, and pushes the image.

Layers are real, so is the installation of the environment. What a base image holds is not there: `FROM python:…` begins with
nothing, and the live device gives the module a Python of its own, as for every image that is built here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgetui.sandbox.builder import dockerfile_steps, environments, image_layers
from edgetui.sandbox.builder.dockerfile_steps import Step, Unsupported
from edgetui.sandbox.builder.environments import EnvironmentFailed
from edgetui.sandbox.builder.image_layers import Layer
from edgetui.sandbox.builder.steps import BuildFailed
from edgetui.sandbox.children import Stopper
from edgetui.sandbox.registry import store as registry_store
from edgetui.sandbox.registry.store import RegistryError
from edgetui.sandbox.world import World

SPECIFICATION = "azureml-environment/conda.yml"
LABEL = ("edgetui.sandbox", "environment-spec")  # without it the live device does not run an image
_DURATION = {"s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_OPTION = re.compile(r"--(interval|timeout|start-period|retries)=(\d+)([smh]?)\s*")
_OPTIONS = {"interval": "Interval", "timeout": "Timeout", "start-period": "StartPeriod", "retries": "Retries"}


@dataclass
class _Image:
    """An image in the making."""

    layers: list[Layer] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    ports: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    folder: str = "/"
    more: dict[str, Any] = field(default_factory=dict)
    base: str = ""  # the repository that has the layers of FROM
    specification: Path | None = None


class TaskImage:
    """Builds one image; `next_step` is called before each instruction with its number, their count and its text."""

    def __init__(
        self, world: World, context: Path, log: Callable[[str], None], stopper: Stopper, work: Path, platform: str
    ) -> None:
        self._world, self._context, self._log, self._stopper = world, context, log, stopper
        self._work, self._platform = work, platform
        self._image = _Image()
        self._known_work = 0

    def build(self, dockerfile: str, next_step: Callable[[int, int, str], None]) -> None:
        """Act on all instructions.

        Raises:
            BuildFailed: an instruction that the sandbox cannot do, or that failed.
            Stopped: the stopper was set.
        """
        try:
            steps = dockerfile_steps.read((self._context / dockerfile).read_text(encoding="utf-8"))
            for number, step in enumerate(steps, 1):
                next_step(number, len(steps), step.text)
                self._do(step)
        except Unsupported as problem:
            raise BuildFailed("UnsupportedDockerfile", str(problem)) from None
        except EnvironmentFailed as problem:
            raise BuildFailed("EnvironmentBuildFailed", str(problem)) from None
        except FileNotFoundError as problem:
            raise BuildFailed("NotFound", f"unable to find {Path(str(problem.filename)).name} in the context") from None
        except (OSError, ValueError) as problem:
            raise BuildFailed("ImageBuildFailed", f"the image could not be assembled: {problem}") from None

    def push(self, names: list[str]) -> list[dict[str, str]]:
        """Push the image under all names; return what a run says of each. No tag is set before everything is there."""
        image, pushed = self._image, []
        config = image_layers.configuration(
            image.layers,
            self._platform,
            image.variables,
            image.labels,
            image.ports,
            image.command,
            image.folder,
            image.more,
        )
        raw = image_layers.manifest(config, image.layers)
        for name in names:
            repository, _, tag = name.partition(":")
            self._log(f"The push refers to repository [{self._world.host}/{repository}]")
            self._push_blobs(repository, config)
            self._stopper.check()
            stored = registry_store.put_manifest(
                self._world, repository, tag or "latest", raw, registry_store.DOCKER_MANIFEST
            )
            digest = str(stored["digest"])
            self._log(f"{tag or 'latest'}: digest: {digest} size: {len(raw)}")
            pushed.append(
                {"registry": self._world.host, "repository": repository, "tag": tag or "latest", "digest": digest}
            )
        return pushed

    def _push_blobs(self, repository: str, config: bytes) -> None:
        for layer in self._image.layers:
            self._stopper.check()
            there = registry_store.has_blob(self._world, repository, layer.digest)
            mounted = not there and bool(self._image.base) and self._mounted(repository, layer)
            if not there and not mounted:
                copy = registry_store.new_part(self._world)
                copy.write_bytes(layer.file.read_bytes())  # several names may need the same file
                registry_store.add_blob(self._world, repository, copy, layer.digest)
            told = "Layer already exists" if there else f"Mounted from {self._image.base}" if mounted else "Pushed"
            self._log(f"{layer.diff_id[7:19]}: {told}")
        part = registry_store.new_part(self._world)
        part.write_bytes(config)
        registry_store.add_blob(self._world, repository, part, f"sha256:{hashlib.sha256(config).hexdigest()}")

    def _mounted(self, repository: str, layer: Layer) -> bool:
        return registry_store.mount_blob(self._world, self._image.base, repository, layer.digest)

    def _do(self, step: Step) -> None:
        image, rest = self._image, step.rest
        match step.word:
            case "FROM":
                self._from(rest)
            case "COPY":
                self._copy(*dockerfile_steps.copied(rest))
            case "RUN":
                self._run(rest)
            case "ENV":
                image.variables |= dockerfile_steps.pairs(rest)
            case "LABEL":
                image.labels |= dockerfile_steps.pairs(rest)
            case "EXPOSE":
                image.ports += [port if "/" in port else f"{port}/tcp" for port in rest.split()]
            case "USER":
                image.more["User"] = rest
            case "WORKDIR":
                image.folder = rest
            case "HEALTHCHECK":
                image.more["Healthcheck"] = _health(rest)
            case "CMD":
                image.command = dockerfile_steps.command(rest)

    def _from(self, reference: str) -> None:
        own = f"{self._world.host}/"
        if reference.startswith(own):
            self._from_registry(reference.removeprefix(own))
        elif re.fullmatch(r"python(:[\w.-]+)?", reference):
            self._log(" ---> the sandbox stands in for this image: it adds no layer")
        else:
            raise Unsupported(
                f"pull access denied for {reference}: the sandbox has no base images but python:* and those of its own "
                f"registry {self._world.host}"
            )

    def _from_registry(self, name: str) -> None:
        repository, _, tag = name.partition(":")
        try:
            _, _, raw = registry_store.manifest(self._world, repository, tag or "latest")
            manifest = json.loads(raw)
            config = json.loads(registry_store.blob(self._world, repository, manifest["config"]["digest"]).read_bytes())
            files = [registry_store.blob(self._world, repository, one["digest"]) for one in manifest["layers"]]
        except (RegistryError, KeyError) as problem:
            raise Unsupported(f"manifest for {self._world.host}/{name} not found: {problem}") from None
        inner, ids = config.get("config") or {}, config["rootfs"]["diff_ids"]
        layers = zip(files, manifest["layers"], ids, config["history"], strict=True)
        self._image = _Image(
            [
                Layer(file, one["digest"], diff_id, one["size"], past.get("created_by", ""))
                for file, one, diff_id, past in layers
            ],
            dict(str(line).partition("=")[::2] for line in inner.get("Env") or []),
            dict(inner.get("Labels") or {}),
            list(inner.get("ExposedPorts") or {}),
            list(inner.get("Cmd") or []),
            inner.get("WorkingDir") or "/",
            {key: inner[key] for key in ("User", "Healthcheck") if key in inner},
            base=repository,
        )
        self._log(f" ---> {len(files)} layers")

    def _copy(self, folder: str, place: str) -> None:
        root = self._context / folder
        if not root.is_dir():
            raise Unsupported(f"COPY failed: no folder {folder!r} in the context")
        prefix = place.rstrip("/")
        content: dict[str, bytes | Path] = {
            f"{prefix}/{file.relative_to(root).as_posix()}": file for file in root.rglob("*") if file.is_file()
        }
        if (root / SPECIFICATION).is_file() and not prefix:
            self._image.specification = root / SPECIFICATION
        self._layer(content, f"COPY {folder} {place}")

    def _run(self, command: str) -> None:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        specification = self._image.specification
        installs = dockerfile_steps.is_installation(command) or dockerfile_steps.is_preparation(command)
        if not installs or specification is None:
            raise Unsupported(
                "the sandbox's task runner has no container engine: it can RUN one thing, `python -m pip install "
                f"--requirement /{SPECIFICATION.rpartition('/')[0]}/requirements.txt`"
            )
        try:
            conda = YAML(typ="safe", pure=True).load(specification.read_text(encoding="utf-8"))
        except YAMLError as problem:
            raise EnvironmentFailed(f"conda.yml is not YAML: {problem}") from None
        made = environments.ensure(self._world, conda, self._log, self._stopper)
        self._log(f" ---> environment {made.key[:12]}, python {made.python}, {len(made.lock)} packages")
        if made.reused:
            self._log(" ---> reused: it was installed before, nothing was downloaded")
        place = SPECIFICATION.rpartition("/")[0]
        facts = {"key": made.key, "python": made.python, "packages": len(made.lock)}
        files: dict[str, bytes | Path] = {
            f"/{place}/requirements.lock": "".join(f"{line}\n" for line in made.lock).encode(),
            f"/{place}/environment.json": json.dumps(facts, indent=1).encode(),
        }
        self._layer(files, "RUN pip install")
        self._image.labels[LABEL[0]] = LABEL[1]

    def _layer(self, content: dict[str, bytes | Path], title: str) -> None:
        self._known_work += 1
        layer = image_layers.make_layer(self._work / str(self._known_work), content, title, self._stopper.check)
        self._image.layers.append(layer)
        self._log(f" ---> {layer.digest[7:19]} {len(content)} files, {layer.size} bytes")


def _health(rest: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while match := _OPTION.match(rest):
        found[_OPTIONS[match[1]]] = int(match[2]) * _DURATION.get(match[3], 1)
        rest = rest[match.end() :]
    if rest.strip() == "NONE":
        return {"Test": ["NONE"]}
    if not rest.startswith("CMD "):
        raise Unsupported(f"HEALTHCHECK needs CMD: {rest[:60]!r}")
    return {"Test": ["CMD", *dockerfile_steps.command(rest[4:].strip())], **found}
