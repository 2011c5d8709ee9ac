"""Ports in memory, for tests of jobs: small, real behaviour, failures on request; never used by the product."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgetui.core import context_files
from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.events import Event, ImageBuilt, LogLine, Progress, Registered
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
    StoredCredential,
    VaultState,
    WorkspaceInfo,
)
from edgetui.core.plan import Hub, Model, Plan, Scoring, Target, Workspace
from edgetui.core.ports import Ports
from edgetui.core.redact import Secret
from edgetui.core.results import Results

PASSWORD = "pw-that-must-not-show"
SCRIPT = "def init():\n    pass\n\n\ndef run(raw_data):\n    return raw_data\n"
ENVIRONMENT = "dependencies:\n  - python=3.11\n  - pip\n  - pip:\n      - azureml-inference-server-http==1.5.1\n"
WORKSPACE = WorkspaceInfo("sub", "rg", "ws", "westeurope", "/registries/acr")
LOGIN_SERVER = "acr.example.io"


def plan(folder: str = "/plan") -> Plan:
    """A whole plan for the world below."""
    return Plan(
        workspace=Workspace("sub", "rg", "ws"),
        model=Model("pump", "model.pkl"),
        scoring=Scoring("score.py", "myenv.yml", "sample.json"),
        hub=Hub("hub"),
        target=(Target(devices=("d1",)),),
        folder=folder,
    )


@dataclass
class World:
    """What the ports below share; `fail` maps `port.method` to the error that it raises."""

    files: dict[str, str] = field(
        default_factory=lambda: {
            "/plan/model.pkl": "N.",  # a pickle of None
            "/plan/score.py": SCRIPT,
            "/plan/myenv.yml": ENVIRONMENT,
            "/plan/sample.json": '{"data": [1]}',
        }
    )
    logs: dict[str, list[str]] = field(default_factory=dict)
    models: list[ModelVersion] = field(default_factory=list)
    images: dict[str, str] = field(default_factory=dict)
    builds: list[BuildRequest] = field(default_factory=list)
    admin: bool = False
    secrets: dict[str, RegistryCredential] = field(default_factory=dict)
    devices: dict[str, Deployed] = field(default_factory=lambda: {"d1": Deployed("d1", {}, {}, 1, 1, {}, True)})
    applied: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    runtime_status: str = "running"
    platform: str = "linux/amd64"
    plans: dict[str, Plan] = field(default_factory=dict)
    results: dict[str, Results] = field(default_factory=dict)
    fetched: set[str] = field(default_factory=set)
    fail: dict[str, EdgeError] = field(default_factory=dict)

    def may(self, call: str) -> None:
        if call in self.fail:
            raise self.fail[call]

    def ports(self) -> Ports:
        return Ports(
            _Identity(self),
            _Workspaces(self),
            _Models(self),
            _Builder(self),
            _Registry(self),
            _Hub(self),
            _Endpoint(self),
            _Vault(self),
            _Engine(self),
            _Files(self),
            _Plans(self),
        )


@dataclass
class _Port:
    world: World


class _Identity(_Port):
    def sign_in(self) -> Iterator[Event]:
        self.world.may("identity.sign_in")
        yield Progress("workspace", "signed in", 1, 1)

    def account(self) -> Account:
        return Account("somebody", "token")


class _Workspaces(_Port):
    def accessible(self) -> list[WorkspaceInfo]:
        return [WORKSPACE]

    def get(self, subscription: str, resource_group: str, name: str) -> WorkspaceInfo:
        self.world.may("workspaces.get")
        return WORKSPACE

    def from_config(self, folder: str, file: str = "") -> WorkspaceInfo:
        return WORKSPACE


class _Models(_Port):
    def list(self, workspace: WorkspaceInfo, name: str = "") -> list[ModelVersion]:
        return [one for one in reversed(self.world.models) if not name or one.name == name]

    def register(self, workspace: WorkspaceInfo, upload: ModelUpload) -> Iterator[Event]:
        self.world.may("models.register")
        yield Progress("model", "uploading", 1, 2, "bytes")
        version = len([one for one in self.world.models if one.name == upload.name]) + 1
        self.world.models.append(ModelVersion(upload.name, version, upload.description, upload.tags, upload.properties))
        yield Registered(upload.name, version, "")

    def download(self, workspace: WorkspaceInfo, name: str, version: int, folder: str) -> Iterator[Event]:
        yield Progress("model", "nothing to fetch")

    def delete(self, workspace: WorkspaceInfo, name: str, version: int) -> None:
        self.world.models = [one for one in self.world.models if (one.name, one.version) != (name, version)]


class _Builder(_Port):
    def build(self, request: BuildRequest) -> Iterator[Event]:
        self.world.builds.append(request)
        yield LogLine("image", "Step 1")
        self.world.may("builder.build")
        yield LogLine("image", "Step 2")
        reference = f"{LOGIN_SERVER}/{request.name}:{request.tag}"
        self.world.images[reference] = "sha256:" + hashlib.sha256(reference.encode()).hexdigest()
        yield ImageBuilt(reference, "")


class _Registry(_Port):
    def of_workspace(self, workspace: WorkspaceInfo) -> RegistryInfo:
        return RegistryInfo("/registries/acr", "acr", LOGIN_SERVER, self.world.admin)

    def enable_admin(self, registry: RegistryInfo) -> Iterator[Event]:
        yield Progress("credentials", "enabling")
        self.world.admin = True

    def credential(self, registry: RegistryInfo) -> RegistryCredential:
        return RegistryCredential(LOGIN_SERVER, "acr", Secret(PASSWORD))

    def own_credential(self, registry: RegistryInfo) -> RegistryCredential:
        self.world.may("registry.own_credential")
        return RegistryCredential(LOGIN_SERVER, "somebody", Secret(PASSWORD))

    def resolve(self, reference: str, credential: RegistryCredential) -> ImageDetails:
        self.world.may("registry.resolve")
        if reference not in self.world.images:
            raise EdgeError(f"There is no image {reference}")
        return ImageDetails(reference, self.world.images[reference], self.world.platform, 10, 2)

    def images(self, login_server: str, credential: RegistryCredential) -> Iterator[list[ImageDetails]]:
        yield [ImageDetails(reference, digest) for reference, digest in self.world.images.items()]


class _Hub(_Port):
    def hubs(self, subscription: str) -> list[HubInfo]:
        return [HubInfo("hub", "hub.example.net", subscription)]

    def devices(self, hub: HubInfo) -> Iterator[list[Device]]:
        yield [Device(name) for name in self.world.devices]

    def deployed(self, hub: HubInfo, device: str) -> Deployed:
        self.world.may(f"hub.deployed.{device}")
        return self.world.devices[device]

    def apply(self, hub: HubInfo, device: str, modules_content: dict[str, Any]) -> None:
        self.world.may("hub.apply")
        self.world.applied.append((device, json.loads(json.dumps(modules_content))))
        known = self.world.devices[device]
        agent = modules_content["$edgeAgent"]["properties.desired"]
        version = known.agent_version + 1
        modules = {
            name: {"runtimeStatus": self.world.runtime_status, "settings": {"image": one["settings"]["image"]}}
            for name, one in agent["modules"].items()
        }
        reported = {"lastDesiredVersion": version, "lastDesiredStatus": {"code": 200}, "modules": modules}
        self.world.devices[device] = Deployed(
            device, agent, modules_content["$edgeHub"]["properties.desired"], version, 2, reported, True, known.tags
        )

    def module_log(self, hub: HubInfo, device: str, module: str, lines: int = 100) -> str:
        return "a line"


class _Endpoint(_Port):
    def score(self, url: str, sample: str, seconds: float = 30.0) -> Answer:
        self.world.may("endpoint.score")
        self.world.asked.append(url)
        return Answer(200, {"anomaly": [True]}, 1.5)


class _Vault(_Port):
    def state(self) -> VaultState:
        return VaultState("memory", "this run only", "no keyring answers")

    def store(self, credential: RegistryCredential) -> StoredCredential:
        reference = f"vault:acr/{credential.login_server}"
        self.world.secrets[reference] = credential
        return StoredCredential(reference, credential.login_server, credential.username, "this run only")

    def fetch(self, reference: str) -> RegistryCredential | None:
        return self.world.secrets.get(reference)

    def forget(self, reference: str) -> None:
        self.world.secrets.pop(reference, None)


class _Engine(_Port):
    def state(self) -> EngineState:
        return EngineState(False, why="none here")


class _Files(_Port):
    def read_text(self, path: str, field: str) -> str:
        if path not in self.world.files:
            raise bad_input(field, f"There is no file {path}")
        return self.world.files[path]

    def write_text(self, path: str, text: str, field: str) -> None:
        self.world.files[path] = text

    def open(self, path: str, field: str) -> io.BytesIO:
        return io.BytesIO(self.read_text(path, field).encode("latin-1"))

    def exists(self, path: str) -> bool:
        return path in self.world.files

    def listing(self, path: str, field: str, most: int) -> list[str]:
        found = [name.removeprefix(f"{path}/") for name in sorted(self.world.files) if name.startswith(f"{path}/")]
        if not found:
            raise bad_input(field, f"There is no file {path}")
        return found[:most]

    def fingerprint(self, path: str, field: str) -> str:
        return hashlib.sha256(self.read_text(path, field).encode()).hexdigest()

    def context(self, folder: str, without: Iterable[str]) -> list[str]:
        left_out = {name.removeprefix(f"{folder}/") for name in without}
        rule = context_files.Rule(self.world.files.get(f"{folder}/.dockerignore", ""), left_out)
        return [name for name in self.listing(folder, "image.context", len(self.world.files)) if rule.takes(name)]

    def context_fingerprint(self, folder: str, without: Iterable[str]) -> str:
        parts = [f"{name}:{self.fingerprint(f'{folder}/{name}', '')}\n" for name in self.context(folder, without)]
        return hashlib.sha256("".join(parts).encode()).hexdigest()

    def append_log(self, name: str, lines: list[str]) -> str:
        assert Path(name).name == name
        self.world.logs.setdefault(name, []).extend(lines)
        return f"/state/logs/{name}"

    def trim_log(self, name: str, size: int) -> None:
        kept, used = [], 0
        for line in self.world.logs.get(name, []):
            used += len(line.encode()) + 1
            if used <= size:
                kept.append(line)
        self.world.logs[name] = kept

    def logs(self) -> list[KeptLog]:
        kept = self.world.logs.items()
        return [KeptLog(name, f"/state/logs/{name}", sum(map(len, lines)), 0.0) for name, lines in kept]

    def folder(self, name: str) -> str:
        return f"/fetched/.{name}"

    def keep(self, folder: str, name: str) -> str:
        self.world.fetched.add(name)
        return f"/fetched/{name}"

    def kept(self, name: str) -> str:
        return f"/fetched/{name}" if name in self.world.fetched else ""

    def commit(self, path: str) -> str:
        return "c0ffee"


class _Plans(_Port):
    def load(self, path: str) -> Plan:
        return self.world.plans[path]

    def save(self, path: str, plan: Plan) -> None:
        self.world.may("plans.save")
        self.world.plans[path] = plan if plan.folder else _in(plan, str(Path(path).parent))

    def load_results(self, path: str) -> Results:
        return self.world.results.get(path, Results())

    def save_results(self, path: str, results: Results) -> None:
        self.world.results[path] = results

    def owned(self, path: str) -> AbstractContextManager[object]:
        self.world.may("plans.owned")
        return nullcontext()

    def recent(self) -> list[RecentPlan]:
        return [RecentPlan(path, plan.model.name, 1.0) for path, plan in reversed(self.world.plans.items())]

    def new(self) -> str:
        return f"/plans/plan-{len(self.world.plans) + 1}/plan.toml"


def _in(plan: Plan, folder: str) -> Plan:
    import msgspec

    return msgspec.structs.replace(plan, folder=folder)
