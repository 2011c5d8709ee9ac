"""What comes back from Azure, as plain data that any process can hold. No value here is a secret but `RegistryCredential.password`."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from edgetui.core.redact import Secret

# Where a credential is kept that no keyring took; gone when the process ends.
THIS_RUN_ONLY = "this run only"

ModuleRun = Literal["waiting", "pulling", "running", "backoff", "failed", "stopped", "unknown"]


class Record(msgspec.Struct, frozen=True):
    """A value that came from outside; equal by content."""


class Account(Record, frozen=True):
    """Who is signed in, how (`az`, `device-code`, `service-principal`, `managed-identity`, `token`), where, until when (UTC, ISO 8601)."""

    name: str
    method: str
    tenant: str = ""
    expires: str = ""


class WorkspaceInfo(Record, frozen=True):
    """An Azure ML workspace; `registry_id` and `storage_id` are ARM ids, empty where the workspace has none yet."""

    subscription: str
    resource_group: str
    name: str
    location: str = ""
    registry_id: str = ""
    storage_id: str = ""


class ModelVersion(Record, frozen=True):
    """A registered model version; `created` is UTC ISO 8601 or empty; `size` in bytes or None where unknown."""

    name: str
    version: int
    description: str = ""
    tags: dict[str, str] = {}
    properties: dict[str, str] = {}
    framework: str = ""
    created: str = ""
    size: int | None = None

    @property
    def id(self) -> str:
        """`name:version`, as Azure ML writes it."""
        return f"{self.name}:{self.version}"


class ModelUpload(Record, frozen=True):
    """A file or folder to register; `path` is absolute."""

    name: str
    path: str
    description: str = ""
    tags: dict[str, str] = {}
    properties: dict[str, str] = {}


class RegistryInfo(Record, frozen=True):
    """A container registry; `id` is its ARM id, `login_server` a bare host, maybe with a port."""

    id: str
    name: str
    login_server: str
    admin_enabled: bool = False
    sku: str = ""


class RegistryCredential(Record, frozen=True):
    """A user name and password that pull from `login_server`."""

    login_server: str
    username: str
    password: Secret


class BuildRun(Record, frozen=True):
    """A build that goes on elsewhere, and how far its log was taken: what a new start needs to continue it.

    `run` is the builder's own id of it, `stage` which of its builds that is (`environment`, `image`), `offset` the bytes
    of its log that were taken; the rest is ours: the tag, the inputs, and our log file with the bytes written to it.
    """

    builder: str
    run: str
    stage: str = "image"
    offset: int = 0
    tag: str = ""
    inputs: str = ""
    log_name: str = ""
    log_size: int = 0


class KeptLog(Record, frozen=True):
    """A log file of edgetui's own: its size in bytes, and when it changed last, in seconds since the epoch."""

    name: str
    path: str
    size: int
    changed: float


class RecentPlan(Record, frozen=True):
    """A plan that was saved here: its name, and when its file changed last (seconds since the epoch; 0 where it is gone)."""

    path: str
    name: str
    saved: float


class BuildRequest(Record, frozen=True):
    """An image to build; all paths are absolute. From `model_path` on it is for builders that make our own Dockerfile."""

    workspace: WorkspaceInfo
    model: str  # name:version
    script: str
    environment: str
    name: str
    tag: str
    platform: str = "linux/amd64"
    # A file or folder, which keeps its name in the image; with a slash at the end, what is in the folder.
    model_path: str = ""
    registry: RegistryInfo | None = None
    credential: RegistryCredential | None = None  # to push with; where it is None the builder has its own way
    content: str = ""  # fingerprint of what goes in; the image carries it as a label
    base: str = ""
    index_url: str = ""
    ca_bundle: str = ""
    context: str = ""
    without: tuple[str, ...] = ()  # of the context: paths that do not go in with it
    network: str = ""
    commit: str = ""  # of the repository in which the script lies
    resume: BuildRun | None = None  # continue this instead of beginning anew
    only_watch: bool = False  # and where that cannot be, begin nothing: EdgeError
    only_end: bool = False  # do not continue it, end it where it runs


class StoredCredential(Record, frozen=True):
    """Where a registry credential is kept: `reference` is `vault:acr/<login server>`; never the secret."""

    reference: str
    login_server: str
    username: str
    kept_in: str  # in words, for the screen: 'OS keyring (Secret Service)', 'this run only'


class ImageDetails(Record, frozen=True):
    """What the registry says of an image: `sha256:…`, `os/arch[/variant]`, compressed bytes of all layers."""

    reference: str  # <login server>/<repository>:<tag>
    digest: str
    platform: str = ""
    size: int = 0
    layers: int = 0
    labels: dict[str, str] = {}  # where the image's configuration was read

    @property
    def by_digest(self) -> str:
        """`<login server>/<repository>@sha256:…`, the form that a manifest gets."""
        repository = self.reference.rsplit("@", 1)[0]
        head, _, last = repository.rpartition("/")
        return f"{head}/{last.split(':', 1)[0]}@{self.digest}"


class HubInfo(Record, frozen=True):
    """An IoT Hub; `host_name` may carry a port."""

    name: str
    host_name: str
    subscription: str = ""
    resource_group: str = ""
    sku: str = ""


class Device(Record, frozen=True):
    """One IoT Edge device of a hub, from a query: eventually consistent."""

    id: str
    status: str = "enabled"
    connected: bool = False
    platform: str = ""  # linux/amd64 …, empty where the agent never reported
    agent_version: str = ""
    modules: tuple[str, ...] = ()
    tags: dict[str, Any] = {}
    last_seen: str = ""
    agent_code: int | None = None  # lastDesiredStatus.code


class Deployed(Record, frozen=True):
    """What a device was told and what it answered: whole desired properties (without `$` keys), versions, reported properties."""

    device: str
    agent: dict[str, Any]
    hub: dict[str, Any]
    agent_version: int
    hub_version: int
    agent_reported: dict[str, Any] = {}
    connected: bool = False
    tags: dict[str, Any] = {}
    configurations: dict[str, str] = {}  # automatic deployments on this device: id -> Applied | Targeted


class ModuleReport(Record, frozen=True):
    """The verdict on our module on one device; `settled` means that waiting longer changes nothing."""

    state: ModuleRun
    detail: str = ""
    remedy: str = ""
    settled: bool = False
    restarts: int = 0


class Answer(Record, frozen=True):
    """What a module answered to the sample: HTTP status, JSON value (or text), milliseconds on the wire."""

    status: int
    prediction: Any
    milliseconds: float


class VaultState(Record, frozen=True):
    """Which store keeps secrets: `keyring`, or `memory` where no keyring answers; `why` says why not the keyring."""

    kind: Literal["keyring", "memory"]
    name: str
    why: str = ""


class EngineState(Record, frozen=True):
    """The local container engine, or why there is none."""

    reachable: bool
    version: str = ""
    platform: str = ""
    why: str = ""
    remedy: str = ""


class PackageIndex(Record, frozen=True):
    """Where pip's packages come from: the index's address, a file of certificates to trust; "" is as pip is configured."""

    url: str = ""
    ca: str = ""


class ResolveRequest(Record, frozen=True):
    """A pip part to resolve: requirement lines with their line numbers in `file`; `python` as `3.11`, `platform` as `linux/amd64`."""

    file: str
    requirements: tuple[tuple[str, int], ...]
    conda: tuple[tuple[str, int], ...]
    channels: tuple[str, ...]
    python: str
    platform: str
    index: PackageIndex = PackageIndex()


class TrialRequest(Record, frozen=True):
    """A scoring script to try: `script` and `model` are absolute paths ("" for no model), `name` what problems call the script.

    `requirements` are the pip part's lines, `python` a version or "", `sample` the body to post ("" asks for nothing),
    `others` names and bodies of more samples, posted after it; `seconds` the time for start and answers together (installing
    has its own), `memory` bytes. `context` is the absolute path of a folder that lies beside the script, without the paths
    `without`; "" for none.
    """

    name: str
    script: str
    model: str
    model_name: str
    requirements: tuple[str, ...]
    python: str
    sample: str
    seconds: float = 120.0
    memory: int = 4 << 30
    others: tuple[tuple[str, str], ...] = ()
    index: PackageIndex = PackageIndex()
    context: str = ""
    without: tuple[str, ...] = ()


class SampleAnswer(Record, frozen=True):
    """What the script answered to one more sample; `status` is HTTP's, 0 where there was no answer."""

    sample: str
    status: int
    answer: Any = None


class Fix(Record, frozen=True):
    """What mends a problem: replace line `line` (from 1) of `file` by `text`, which may be several lines; `title` says it."""

    file: str
    line: int
    text: str
    title: str


class Problem(Record, frozen=True):
    """Something wrong in a file, found before the build; `line` counts from 1, 0 is the whole file."""

    file: str
    line: int
    severity: Literal["error", "warning"]
    message: str
    remedy: str = ""
    rule: str = ""
    fix: Fix | None = None
