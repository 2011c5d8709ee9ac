"""The ports: what jobs need from the outside, as small blocking Protocols.

Every call has a deadline of its own, can be stopped through `core.cancel`, and fails into an `EdgeError`.
Long calls are iterators of events; closing the iterator stops the work. No port decides policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

from edgetui.core.events import Event
from edgetui.core.models import (
    Account,
    Answer,
    BuildRequest,
    Deployed,
    Device,
    EngineState,
    HubInfo,
    ImageDetails,
    KeptLog,
    ModelUpload,
    ModelVersion,
    RecentPlan,
    RegistryCredential,
    RegistryInfo,
    ResolveRequest,
    StoredCredential,
    TrialRequest,
    VaultState,
    WorkspaceInfo,
)
from edgetui.core.plan import Plan
from edgetui.core.results import Results


class Identity(Protocol):
    """Who we are to Azure; one credential for workspace, ARM and hub."""

    def sign_in(self) -> Iterator[Event]:
        """Sign in by the first method that works; yields `SignIn` where a person must act. Raises EdgeError(kind='access')."""
        ...

    def account(self) -> Account:
        """Who is signed in; signs in silently, never interactively."""
        ...


class Workspaces(Protocol):
    """Azure ML workspaces."""

    def accessible(self) -> list[WorkspaceInfo]:
        """All workspaces that the account can see, over its subscriptions, by name."""
        ...

    def get(self, subscription: str, resource_group: str, name: str) -> WorkspaceInfo:
        """One workspace with its registry and storage ids."""
        ...

    def from_config(self, folder: str, file: str = "") -> WorkspaceInfo:
        """The workspace that a config.json names: `file`, or the one that the SDK would find from `folder` upwards."""
        ...


class Models(Protocol):
    """The model registry of a workspace."""

    def list(self, workspace: WorkspaceInfo, name: str = "") -> list[ModelVersion]:
        """All versions of all models (or of one), by name, newest version first."""
        ...

    def register(self, workspace: WorkspaceInfo, upload: ModelUpload) -> Iterator[Event]:
        """Upload and register a new version; yields Progress, ends in `Registered` (with `inputs` empty)."""
        ...

    def download(self, workspace: WorkspaceInfo, name: str, version: int, folder: str) -> Iterator[Event]:
        """Fetch the files of a version into `folder`."""
        ...

    def delete(self, workspace: WorkspaceInfo, name: str, version: int) -> None:
        """Delete one version."""
        ...


class ImageBuilder(Protocol):
    """Makes an image from a registered model, a scoring script and an environment."""

    def build(self, request: BuildRequest) -> Iterator[Event]:
        """Build and push; yields LogLine as the lines come, ends in `ImageBuilt` (with `inputs` empty).

        A builder whose builds go on without us also yields `ImageRun`, after the lines that it speaks of.
        """
        ...


class Registry(Protocol):
    """A container registry: its management side and its images."""

    def of_workspace(self, workspace: WorkspaceInfo) -> RegistryInfo:
        """The registry that the workspace builds into; EdgeError where it has none yet."""
        ...

    def enable_admin(self, registry: RegistryInfo) -> Iterator[Event]:
        """Turn the admin user on and wait until it is; yields Progress."""
        ...

    def credential(self, registry: RegistryInfo) -> RegistryCredential:
        """The admin user's name and first password; EdgeError where the admin user is off."""
        ...

    def own_credential(self, registry: RegistryInfo) -> RegistryCredential:
        """A credential for some hours of whoever is signed in, to look and to push with; needs no admin user. Never stored."""
        ...

    def resolve(self, reference: str, credential: RegistryCredential) -> ImageDetails:
        """Read an image's manifest with exactly this credential: digest, platform, size, labels."""
        ...

    def images(self, login_server: str, credential: RegistryCredential) -> Iterator[list[ImageDetails]]:
        """The images of the registry, some at a time, for browsing."""
        ...


class Hub(Protocol):
    """IoT Hub: devices, twins, deployments."""

    def hubs(self, subscription: str) -> list[HubInfo]:
        """The IoT Hubs of a subscription, by name."""
        ...

    def devices(self, hub: HubInfo) -> Iterator[list[Device]]:
        """The hub's IoT Edge devices, page by page."""
        ...

    def deployed(self, hub: HubInfo, device: str) -> Deployed:
        """The live twins of one device: what it was told and what it answered."""
        ...

    def apply(self, hub: HubInfo, device: str, modules_content: dict[str, Any]) -> None:
        """Apply a deployment manifest's modulesContent to one device. Last writer wins: look before."""
        ...

    def module_log(self, hub: HubInfo, device: str, module: str, lines: int = 100) -> str:
        """The last lines of a module's log, asked of the device itself."""
        ...


class Endpoint(Protocol):
    """A module's own HTTP endpoint on the device's network."""

    def score(self, url: str, sample: str, seconds: float = 30.0) -> Answer:
        """POST the sample (a JSON text) to `url`; EdgeError where nothing answers in time or the answer is no success."""
        ...


class Vault(Protocol):
    """Keeps registry credentials out of every file of ours."""

    def state(self) -> VaultState:
        """Which store answers on this machine."""
        ...

    def store(self, credential: RegistryCredential) -> StoredCredential:
        """Keep a credential under `vault:acr/<login server>`, replacing an older one."""
        ...

    def fetch(self, reference: str) -> RegistryCredential | None:
        """The credential kept under a reference, or None."""
        ...

    def forget(self, reference: str) -> None:
        """Remove it; nothing happens where there is none."""
        ...


class Engine(Protocol):
    """A local container engine, through the Docker API."""

    def state(self) -> EngineState:
        """Whether one answers, and which."""
        ...


class Resolver(Protocol):
    """The package resolver."""

    def resolve(self, request: ResolveRequest) -> Iterator[Event]:
        """Resolve without installing; yields LogLine, ends in `Resolved`."""
        ...


class Trial(Protocol):
    """The real inference server on this machine, in an environment of its own."""

    def run(self, request: TrialRequest) -> Iterator[Event]:
        """Install, start, ask, end; yields LogLine and Progress, ends in `Smoked`. No process is left."""
        ...


class Files(Protocol):
    """Local files that the plan names. Paths are absolute; every OSError becomes an EdgeError that names `field`."""

    def read_text(self, path: str, field: str) -> str:
        """The file's text (UTF-8, line ends as they are)."""
        ...

    def write_text(self, path: str, text: str, field: str) -> None:
        """Replace the file atomically, keeping its permissions; makes missing folders."""
        ...

    def open(self, path: str, field: str) -> BinaryIO:
        """The file, opened for reading bytes; it can be sought. Whoever asks closes it."""
        ...

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder."""
        ...

    def listing(self, path: str, field: str, most: int) -> list[str]:
        """The names of the files below a folder, relative to it, in order; at most `most`."""
        ...

    def fingerprint(self, path: str, field: str) -> str:
        """sha256 over a file, or over a folder's names and contents; the same on every machine."""
        ...

    def context(self, folder: str, without: Iterable[str]) -> list[str]:
        """The names of the files that go into an image with a context folder, in order, none of the paths `without`."""
        ...

    def context_fingerprint(self, folder: str, without: Iterable[str]) -> str:
        """sha256 over those very files: names, contents, and what can be run."""
        ...

    def append_log(self, name: str, lines: list[str]) -> str:
        """Append lines to a log file of edgetui's own state folder; returns its path."""
        ...

    def trim_log(self, name: str, size: int) -> None:
        """Cut a log file to its first `size` bytes: what came after them was not yet accounted for when we were ended."""
        ...

    def logs(self) -> list[KeptLog]:
        """The logs of builds in edgetui's own state folder, the newest first; where they take too much, the oldest leave."""
        ...

    def folder(self, name: str) -> str:
        """A new, empty folder of edgetui's own, for things to be fetched into; `keep` takes it over."""
        ...

    def keep(self, folder: str, name: str) -> str:
        """Keep what was fetched into `folder` under `name`; returns where it now is."""
        ...

    def kept(self, name: str) -> str:
        """The folder kept under `name`, or ""."""
        ...

    def commit(self, path: str) -> str:
        """The git commit of the repository that `path` lies in, "" outside of one."""
        ...


class PlanFiles(Protocol):
    """Plan files, and the results kept for them in edgetui's state folder."""

    def load(self, path: str) -> Plan:
        """Read a plan; EdgeError(kind='input') names file, line and key of what is wrong."""
        ...

    def save(self, path: str, plan: Plan) -> None:
        """Write a plan atomically, keeping the comments of a file written by hand."""
        ...

    def load_results(self, path: str) -> Results:
        """The results kept for the plan file; empty ones where there are none."""
        ...

    def save_results(self, path: str, results: Results) -> None:
        """Keep results for the plan file, atomically."""
        ...

    def owned(self, path: str) -> AbstractContextManager[object]:
        """Hold the plan against other processes while it is carried out; EdgeError(retryable) where another one has it."""
        ...

    def recent(self) -> list[RecentPlan]:
        """The plans that were saved last, the latest first; also those whose file is gone since."""
        ...

    def new(self) -> str:
        """A path for a new plan in edgetui's own folder, not taken yet."""
        ...


@dataclass(frozen=True)
class Ports:
    """All ports, wired; made by `bootstrap`, handed to jobs and faces."""

    identity: Identity
    workspaces: Workspaces
    models: Models
    builder: ImageBuilder
    registry: Registry
    hub: Hub
    endpoint: Endpoint
    vault: Vault
    engine: Engine
    files: Files
    plans: PlanFiles
    sandbox: str = ""  # the scenario's name, "" on real Azure
    resolver: Resolver | None = None
    trial: Trial | None = None
    # By the plan's name for them, beside `builder`, which is Azure ML's.
    builders: Mapping[str, ImageBuilder] = field(default_factory=dict)
