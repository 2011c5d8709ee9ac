"""The plan: the operator's answers, the one thing that the wizard fills, a file holds and a headless run replays."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Builder = Literal["azureml", "acr", "docker"]
CredentialKind = Literal["token", "admin", "service-principal"]
RestartPolicy = Literal["never", "on-failure", "on-unhealthy", "always"]

DEFAULT_CREATE_OPTIONS: dict[str, Any] = {"HostConfig": {"PortBindings": {"5001/tcp": [{"HostPort": "5001"}]}}}


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A table of the plan file; an empty string means 'not answered yet'."""


class Workspace(Section, frozen=True):
    """The Azure ML workspace: three names, or a config.json that holds them."""

    subscription: str = ""
    resource_group: str = ""
    name: str = ""
    config: str = ""


class Model(Section, frozen=True):
    """`path` registers a new version; `name` with `version` (or without a path) uses what is registered."""

    name: str = ""
    path: str = ""
    version: int | None = None
    description: str = ""
    tags: dict[str, str] = {}


class Scoring(Section, frozen=True):
    """What goes into the image beside the model, and what is asked of it at the end."""

    script: str = ""
    environment: str = ""
    sample: str = ""
    # Where a device answers; {device} stands for its id. Empty: the device twin's tag `address`, else its id.
    address: str = ""
    samples: tuple[str, ...] = ()  # other samples that are kept, beside the one that is sent; all are tried


class Image(Section, frozen=True):
    """The image to build; from `base` on it is for the builders `acr` and `docker`."""

    builder: Builder = "azureml"
    name: str = ""
    tag: str = "auto"
    platform: str = "linux/amd64"
    base: str = ""  # the image to start from; empty: Python's own, in the environment's version
    index_url: str = ""  # the package index; empty: pip's own. Never with a password in it
    ca_bundle: str = ""  # a file of extra certificates to trust while packages are fetched
    # A folder that goes in beside the script, as its .dockerignore says. Left out in any case, unless a line `!name` there asks
    # for it: the plan, the model (which has its own place), version control, virtual environments, caches, .env, editors' files.
    context: str = ""
    network: str = ""  # of the engine while it builds, such as `host`; for `docker` only


class Registry(Section, frozen=True):
    """How devices sign in to the registry."""

    credential: CredentialKind = "admin"


class Hub(Section, frozen=True):
    """The IoT Hub, by its resource name."""

    name: str = ""


class Target(Section, frozen=True):
    """The devices to deploy to: ids now, a target condition for automatic deployments."""

    devices: tuple[str, ...] = ()
    condition: str = ""
    priority: int | None = None


class Module(Section, frozen=True):
    """The IoT Edge module that the image becomes."""

    name: str = ""
    env: dict[str, str | int | float | bool] = {}
    create_options: dict[str, Any] = msgspec.field(default_factory=lambda: DEFAULT_CREATE_OPTIONS)
    restart_policy: RestartPolicy = "always"
    startup_order: int | None = None
    routes: dict[str, str] = {}


class Plan(Section, frozen=True):
    """All answers. Paths are as written, relative to `folder`; no field ever holds a secret.

    `folder` is where the plan file stands, `file` its name there; neither is part of the file.
    """

    workspace: Workspace = Workspace()
    model: Model = Model()
    scoring: Scoring = Scoring()
    image: Image = Image()
    registry: Registry = Registry()
    hub: Hub = Hub()
    target: tuple[Target, ...] = ()
    module: Module = Module()
    folder: str = ""
    file: str = ""

    @property
    def devices(self) -> tuple[str, ...]:
        """The ids of all devices named by the targets, each once, in order."""
        return tuple(dict.fromkeys(device for target in self.target for device in target.devices))

    @property
    def module_name(self) -> str:
        """The module's name: as answered, else the model's."""
        return self.module.name or self.model.name

    @property
    def image_name(self) -> str:
        """The image's name: as answered, else the model's in lower case with dashes."""
        return self.image.name or self.model.name.lower().replace("_", "-")
