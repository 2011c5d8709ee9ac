"""Images on the live device: pulled with the credential of the deployment, unpacked, and given their Python environment.

Images that the sandbox's builders made run without a container engine: they carry the environment as a specification (label
`edgetui.sandbox=environment-spec`), from which the real environment is installed here. All others need an engine.
"""

from __future__ import annotations

import shutil
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgetui.sandbox.children import Stopper
from edgetui.sandbox.edge_device import deployment
from edgetui.sandbox.edge_device.container_engine import ContainerEngine
from edgetui.sandbox.edge_device.deployment import ModuleSpec
from edgetui.sandbox.world import Document, World

LABEL = ("edgetui.sandbox", "environment-spec")
SPECIFICATION = Path("azureml-environment", "conda.yml")


class PrepareError(Exception):
    """The module cannot be made; `text` is what edgeAgent says, `final` that trying again is of no use."""

    def __init__(self, text: str, *, final: bool = False) -> None:
        super().__init__(text)
        self.text, self.final = text, final


@dataclass(frozen=True)
class Container:
    """An image made ready for one module."""

    fingerprint: str
    image: str
    digest: str
    root: Path
    python: Path
    environment: dict[str, str]
    architecture: str
    on_engine: bool = False  # the image is on the container engine, and nothing of it is here


class Images:
    """The images of one device, in `<state>/devices/<device>/images`; containers are remembered over restarts."""

    def __init__(
        self,
        world: World,
        device: str,
        folder: Path,
        log: Callable[[str], None],
        engine: ContainerEngine | None = None,
    ) -> None:
        self._engine = engine
        self._world, self._device, self._folder, self._log = world, device, folder, log
        self._fresh: set[Path] = set()  # pulled, and not yet of a container

    def prepare(self, spec: ModuleSpec, credentials: dict[str, Document], stopper: Stopper) -> Container:
        """Return the module's container; pulls the image unless this very container was made before.

        Raises:
            PrepareError: no such image, refused, not of the builder, or its environment cannot be installed.
            Stopped: `stopper` was set.
        """
        known = self._world.get("container", self._key(spec.name))
        if not known or known["fingerprint"] != spec.fingerprint or not Path(known["root"]).is_dir():
            known = self._pull(spec, credentials)
        root, on_engine = Path(known["root"]), bool(known.get("on_engine"))
        python = Path() if on_engine else self._environment(spec, root, stopper)
        fixed = (known["environment"], known["architecture"], on_engine)
        return Container(spec.fingerprint, spec.image, known["digest"], root, python, *fixed)

    def commit(self, name: str, container: Container) -> None:
        """Remember the container as the module's; the one before it is forgotten, its image removed if unused."""
        record = {
            "fingerprint": container.fingerprint,
            "image": container.image,
            "digest": container.digest,
            "root": str(container.root),
            "environment": container.environment,
            "architecture": container.architecture,
            "on_engine": container.on_engine,
        }
        self._world.put("container", self._key(name), record)
        self.discard(container)

    def discard(self, container: Container) -> None:
        """Give up a container that was prepared; what is unpacked goes unless it was committed."""
        self._fresh = {root for root in self._fresh if root not in {container.root, *container.root.parents}}
        self.clean()

    def forget(self, name: str) -> None:
        """Remove a module's container."""
        self._world.delete("container", self._key(name))
        self.clean()

    def clean(self) -> None:
        """Remove unpacked images that no container uses."""
        used = set(self._fresh)
        for _, record in self._world.items("container", self._device + "/"):
            used |= {Path(record["root"]), *Path(record["root"]).parents}
        for root in list(self._folder.iterdir()) if self._folder.is_dir() else ():
            if root not in used:
                shutil.rmtree(root, ignore_errors=True)

    def _key(self, name: str) -> str:
        return f"{self._device}/{name}"

    def _pull(self, spec: ModuleSpec, credentials: dict[str, Document]) -> Document:
        from edgetui.sandbox.registry import oci

        image, name = spec.image, spec.name
        for _, record in self._world.items("container", self._device + "/"):
            if spec.desired.get("imagePullPolicy") == "never" and record["image"] == image:
                return {**record, "fingerprint": spec.fingerprint}
        if spec.desired.get("imagePullPolicy") == "never":
            raise PrepareError(f"Error calling create module {name}: No such image: {image}")
        if image.partition("/")[0].lower() != self._world.host:
            raise PrepareError(
                f"{_cannot_run(name)} {image} is not in the sandbox's registry {self._world.host}, and nothing here "
                "leaves this machine",
                final=True,
            )
        credential = deployment.registry_credential(image, credentials)
        user, password = credential or (None, None)
        self._log(f"Pulling image {image} {'with the credential of ' + str(user) if user else 'without a credential'}")
        root = self._folder / uuid.uuid4().hex
        root.mkdir(parents=True)
        self._fresh.add(root)
        try:
            found, digest = oci.configuration(image, user, password, self._world.ca_file)
            config = found.get("config") or {}
            on_engine = (config.get("Labels") or {}).get(LABEL[0]) != LABEL[1]
            if on_engine:
                self._to_engine(name, image, credential)
                place = root
            else:
                place = oci.pull(image, user, password, self._world.ca_file, root).root
        except oci.PullFailed as problem:
            self._drop(root)
            raise PrepareError(_pull_text(name, image, problem)) from None
        except BaseException:
            self._drop(root)
            raise
        pairs = [str(line).partition("=") for line in config.get("Env") or []]
        return {
            "fingerprint": spec.fingerprint,
            "image": image,
            "digest": digest,
            "root": str(place),
            "environment": {} if on_engine else {key: value for key, _, value in pairs},
            "architecture": str(found.get("architecture", "")),
            "on_engine": on_engine,
        }

    def _to_engine(self, name: str, image: str, credential: tuple[str, str] | None) -> None:
        if self._engine is None:
            raise PrepareError(
                f"{_cannot_run(name)} {image} was not made by them; give the sandbox a container engine "
                "(--engine unix:///var/run/docker.sock) to run other images",
                final=True,
            )
        self._log(f"The container engine at {self._engine.host} pulls it")
        self._engine.pull(image, credential)

    def _drop(self, root: Path) -> None:
        self._fresh.discard(root)
        shutil.rmtree(root, ignore_errors=True)

    def _environment(self, spec: ModuleSpec, root: Path, stopper: Stopper) -> Path:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        from edgetui.sandbox.builder import environments

        try:
            conda = YAML(typ="safe").load((root / SPECIFICATION).read_text())
            made = environments.ensure(self._world, conda, self._log, stopper)
        except (OSError, YAMLError) as problem:
            raise PrepareError(
                f"{_cannot_run(spec.name)} its image has no readable {SPECIFICATION}: {problem}"
            ) from None
        except environments.EnvironmentFailed as problem:
            raise PrepareError(f"Module {spec.name}: its environment cannot be installed here: {problem}") from None
        return made.path / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _cannot_run(name: str) -> str:
    return f"Module {name}: this sandbox device runs only images that the sandbox's builders made;"


def _pull_text(name: str, image: str, problem: Exception) -> str:
    # As the daemon words it (Azure/iotedge#7466).
    status, text = getattr(problem, "status", 0), getattr(problem, "message", str(problem))
    if status in {401, 403}:
        host, _, rest = image.partition("/")
        repository, _, tag = rest.partition("@") if "@" in rest else rest.partition(":")
        text = f'Head "https://{host}/v2/{repository}/manifests/{tag or "latest"}": {text}'
    return (
        f'Error calling prepare update for module {name}: Could not prepare update for module "{name}"\n'
        f"\tcaused by: Could not pull image {image}\n\tcaused by: {text}"
    )
