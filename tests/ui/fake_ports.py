"""An outside of a few objects, for what the sandbox does not do on request: hangs, refusals, codes to type."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgetui.adapters.files.local_files import LocalFiles
from edgetui.adapters.files.plan_files import TomlPlanFiles
from edgetui.core import cancel
from edgetui.core.errors import EdgeError, cancelled
from edgetui.core.events import Event, Progress, Registered, SignIn
from edgetui.core.models import (
    Account,
    Device,
    EngineState,
    HubInfo,
    ModelUpload,
    ModelVersion,
    RegistryCredential,
    RegistryInfo,
    StoredCredential,
    VaultState,
    WorkspaceInfo,
)
from edgetui.core.ports import Ports
from edgetui.core.redact import Secret

WORKSPACES = [
    WorkspaceInfo("sub-1", "edge-rg", "edge-ws", "westeurope", "registry", "storage"),
    WorkspaceInfo("sub-1", "lab-rg", "lab [ws]", "northeurope"),
]


@dataclass
class World:
    """What the outside is like; a test changes it."""

    error: EdgeError | None = None  # of every call, while it is there
    code: bool = False  # whether signing in needs one
    admin: bool = False
    vault: VaultState = field(default_factory=lambda: VaultState("memory", "memory", "no Secret Service"))
    hold: threading.Event = field(default_factory=threading.Event)  # uploads and codes wait for it
    held: str = ""  # another call that waits for it
    models: list[ModelVersion] = field(default_factory=list)
    uploads: list[ModelUpload] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def call(self, name: str) -> None:
        self.asked.append(name)
        if self.error:
            raise self.error

    def wait(self, what: str) -> None:
        """Wait for `hold`, or until cancelled."""
        with cancel.current().on_cancel(self.hold.set):
            assert self.hold.wait(20)
        if cancel.current().requested:
            raise cancelled(what)


class Identity:
    def __init__(self, world: World) -> None:
        self.world = world

    def sign_in(self) -> Iterator[Event]:
        self.world.call("sign_in")
        if self.world.code:
            yield SignIn("https://login.example/device", "ABCD-1234", "Sign in")
            self.world.wait("Signing in")

    def account(self) -> Account:
        self.world.call("account")
        return Account("ada@example.org", "device-code", "tenant-1", "2026-05-05T10:00:00Z")


class Workspaces:
    def __init__(self, world: World) -> None:
        self.world = world

    def accessible(self) -> list[WorkspaceInfo]:
        self.world.call("accessible")
        return WORKSPACES

    def get(self, subscription: str, resource_group: str, name: str) -> WorkspaceInfo:
        self.world.call("get")
        return next(one for one in WORKSPACES if one.name == name)

    def from_config(self, folder: str, file: str = "") -> WorkspaceInfo:
        self.world.call("from_config")
        path = Path(file or Path(folder, "config.json"))
        if not path.exists():
            raise EdgeError("No config.json was found", kind="input")
        if "<" in path.read_text():
            title, remedy = "The config.json still has the placeholder <name>", "Write the names."
            raise EdgeError(title, remedy=remedy, kind="input", field="workspace.config")
        return WORKSPACES[0]


class Models:
    def __init__(self, world: World) -> None:
        self.world = world

    def list(self, workspace: WorkspaceInfo, name: str = "") -> list[ModelVersion]:
        self.world.call("models")
        return [one for one in self.world.models if name in {"", one.name}]

    def register(self, workspace: WorkspaceInfo, upload: ModelUpload) -> Iterator[Event]:
        self.world.call("register")
        self.world.uploads.append(upload)
        yield Progress("model", "uploading", 10_000_000, 40_000_000, "bytes")
        self.world.wait("The upload")
        version = 1 + max((one.version for one in self.world.models if one.name == upload.name), default=0)
        self.world.models.append(ModelVersion(upload.name, version, upload.description, upload.tags, upload.properties))
        yield Registered(upload.name, version, "")


class Registry:
    def __init__(self, world: World) -> None:
        self.world = world

    def of_workspace(self, workspace: WorkspaceInfo) -> RegistryInfo:
        self.world.call("registry")
        if self.world.held == "registry":
            self.world.wait("The registry")
        return RegistryInfo("id", "edgeregistry", "edgeregistry.example", self.world.admin, "Basic")

    def enable_admin(self, registry: RegistryInfo) -> Iterator[Event]:
        self.world.call("enable_admin")
        yield Progress("credentials", "turning it on")
        if self.world.held == "enable_admin":
            self.world.wait("Turning it on")
        self.world.admin = True

    def credential(self, registry: RegistryInfo) -> RegistryCredential:
        self.world.call("credential")
        return RegistryCredential(registry.login_server, "edgeregistry", Secret("p4ss-word-of-the-registry"))


class Hub:
    def __init__(self, world: World) -> None:
        self.world = world

    def hubs(self, subscription: str) -> list[HubInfo]:
        self.world.call("hubs")
        return [HubInfo("edge-hub", "edge-hub.example")]

    def devices(self, hub: HubInfo) -> Iterator[list[Device]]:
        self.world.call("devices")
        yield [Device("line1-gateway", connected=True, platform="linux/amd64")]


class Vault:
    def __init__(self, world: World) -> None:
        self.world = world

    def state(self) -> VaultState:
        return self.world.vault

    def store(self, credential: RegistryCredential) -> StoredCredential:
        where = "this run only" if self.world.vault.kind == "memory" else "the OS keyring"
        return StoredCredential(
            f"vault:acr/{credential.login_server}", credential.login_server, credential.username, where
        )


class Engine:
    def state(self) -> EngineState:
        return EngineState(False, why="no engine answers", remedy="None is needed.")


def ports(world: World, state: Path, sandbox: str = "") -> Ports:
    """All of it; ports that no test of this folder reaches are missing on purpose."""
    nothing: Any = None
    return Ports(
        identity=Identity(world),
        workspaces=Workspaces(world),
        models=Models(world),  # type: ignore[arg-type]
        builder=nothing,
        registry=Registry(world),  # type: ignore[arg-type]
        hub=Hub(world),  # type: ignore[arg-type]
        endpoint=nothing,
        vault=Vault(world),  # type: ignore[arg-type]
        engine=Engine(),
        files=LocalFiles(state),
        plans=TomlPlanFiles(state),
        sandbox=sandbox,
    )
