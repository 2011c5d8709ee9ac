"""What jobs say while they work. `--json` prints exactly these, one a line; a face shows them; results are folded from them."""

from __future__ import annotations

from typing import Any

import msgspec

from edgetui.core.errors import EdgeError, ErrorKind
from edgetui.core.models import BuildRun, Problem, SampleAnswer


class Event(msgspec.Struct, frozen=True, tag_field="event", omit_defaults=False):
    """One thing that happened in a job."""


class Started(Event, frozen=True, tag="started"):
    """A job of the chain begins: `job` is a step id (`model`, `script`, `image`, `credentials`, `deploy`)."""

    job: str
    title: str


class LogLine(Event, frozen=True, tag="log", gc=False):  # ten thousand a second: the collector need not look at them
    """One line of a log, without its line end: `job` is the step id. Colours (`core.ansi`) may stand in it, and nothing else."""

    job: str
    text: str


class LogFile(Event, frozen=True, tag="log-file"):
    """Where the whole log of a job is kept, as soon as there is one: `job` is the step id.

    `size` are the bytes in it from an earlier start, where it is continued.
    """

    job: str
    path: str
    size: int = 0


class Progress(Event, frozen=True, tag="progress"):
    """How far a job is; `total` 0 where unknown; `unit` is `bytes`, `steps` or `devices`."""

    job: str
    text: str
    done: int = 0
    total: int = 0
    unit: str = "steps"


class SignIn(Event, frozen=True, tag="sign-in"):
    """The person must open `url` and type `code`."""

    url: str
    code: str
    text: str


class Checked(Event, frozen=True, tag="checked"):
    """Script and environment were checked; digests are of the files as checked."""

    problems: tuple[Problem, ...]
    inputs: str  # fingerprint of both files


class Resolved(Event, frozen=True, tag="resolved"):
    """The environment was resolved for the target, without installing it.

    `pins` are all packages that would come by pip, `conda_pins` those by conda, `problems` the resolver's words where nothing
    would, by line; `unchecked` are conda packages that nothing here can resolve. `inputs` is the fingerprint of the
    environment and the platform, `pinned_inputs` that of the same with the pins written into it.
    """

    ok: bool
    pins: dict[str, str] = {}
    problems: tuple[Problem, ...] = ()
    unchecked: tuple[str, ...] = ()
    platform: str = ""
    python: str = ""
    inputs: str = ""
    why_unchecked: str = ""
    conda_pins: dict[str, str] = {}
    pinned_inputs: str = ""

    def holds(self, inputs: str) -> bool:
        """Whether it speaks of these inputs: pins are what was resolved, so writing them into the file changes nothing."""
        return inputs != "" and inputs in {self.inputs, self.pinned_inputs}


class Smoked(Event, frozen=True, tag="smoked"):
    """The script ran on the real inference server: `ok` where it started and answered the sample with success.

    `init_seconds` and `run_milliseconds` are the server's own measure, None where it did not come so far; `status` is the
    HTTP status of the answer, 0 where there is none; `peak_memory` in bytes over all processes of the server. `traceback`
    are the lines of the script's own last one, `others` the answers to more samples, `left_out` conda packages that the trial
    has not; `inputs` is the fingerprint of what was tried, `at` when (seconds since the epoch).
    """

    ok: bool
    problems: tuple[Problem, ...] = ()
    init_seconds: float | None = None
    run_milliseconds: float | None = None
    status: int = 0
    answer: Any = None
    peak_memory: int = 0
    python: str = ""
    traceback: tuple[str, ...] = ()
    inputs: str = ""
    others: tuple[SampleAnswer, ...] = ()
    left_out: tuple[str, ...] = ()
    at: float = 0.0


class Registered(Event, frozen=True, tag="registered"):
    """A model version is ready to be used; `reused` where the same content was there already."""

    name: str
    version: int
    inputs: str  # fingerprint of the model's content and name
    reused: bool = False

    @property
    def id(self) -> str:
        """`name:version`."""
        return f"{self.name}:{self.version}"


class ImageRun(Event, frozen=True, tag="image-run"):
    """A build goes on elsewhere and can be continued by a new start; None when it no longer goes on."""

    run: BuildRun | None


class ImageBuilt(Event, frozen=True, tag="image-built"):
    """The image is in the registry under its tag; `inputs` is the fingerprint of what went in; `seconds` of building.

    `digest` (`sha256:…`), `platform`, `size` (compressed bytes of all layers) and `layers` are empty where the builder does not say.
    """

    reference: str
    inputs: str
    log: str = ""  # where the whole log is kept
    seconds: float = 0.0
    reused: bool = False
    digest: str = ""
    platform: str = ""
    size: int = 0
    layers: int = 0
    environment: str = ""  # of environment, builder and platform: builds with the same one take alike


class CredentialStored(Event, frozen=True, tag="credential-stored"):
    """The registry credential lies in the vault; the secret is not in this event."""

    reference: str
    login_server: str
    username: str
    kept_in: str


class ImageResolved(Event, frozen=True, tag="image-resolved"):
    """The very credential to be deployed could read the image."""

    reference: str
    digest: str
    by_digest: str
    platform: str
    size: int


class Preview(Event, frozen=True, tag="preview"):
    """What will change on a device, in lines `- …`, `+ …`, `~ …`, `= …`, secrets masked; `warnings` are worth a confirmation.

    `versions` are the `$version`s of the desired properties of `$edgeAgent` and `$edgeHub` that this speaks of.
    """

    device: str
    changes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    versions: tuple[int, int] = (0, 0)


class Applied(Event, frozen=True, tag="applied"):
    """The hub took the deployment manifest for the device; `snapshot` is the file with what was there before, secrets masked."""

    device: str
    snapshot: str = ""
    inputs: str = ""  # fingerprint of the module's settings


class ModuleState(Event, frozen=True, tag="module-state"):
    """What the device says of our module, each time that it changes."""

    device: str
    module: str
    state: str
    detail: str = ""
    settled: bool = False


class Answered(Event, frozen=True, tag="answered"):
    """The module answered the sample on the device."""

    device: str
    prediction: Any
    milliseconds: float


class Failed(Event, frozen=True, tag="failed"):
    """A job, or the part of it for one device, ended without what it was for; nothing raised."""

    job: str
    title: str
    detail: str = ""
    remedy: str = ""
    field: str = ""
    retryable: bool = False
    kind: ErrorKind = "failed"
    device: str = ""

    @classmethod
    def of(cls, job: str, error: EdgeError, device: str = "") -> Failed:
        """The event of an error."""
        return cls(job, error.title, error.detail, error.remedy, error.field, error.retryable, error.kind, device)

    @property
    def error(self) -> EdgeError:
        """The error that this tells of."""
        return EdgeError(
            self.title, self.detail, self.remedy, retryable=self.retryable, field=self.field, kind=self.kind
        )


class Finished(Event, frozen=True, tag="finished", omit_defaults=True):
    """The last event of a whole run."""

    ok: bool
    model: str = ""
    image: str = ""
    devices: dict[str, Any] = {}  # id -> {"state": …, "prediction": …}
    title: str = ""
    detail: str = ""
    remedy: str = ""
