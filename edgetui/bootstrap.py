"""The wiring: makes the ports of this machine. Imports no SDK; each lives in child processes that start when needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from edgetui.adapters import identity, os_keyring
from edgetui.adapters.cloud import Cloud
from edgetui.adapters.files.local_files import LocalFiles
from edgetui.adapters.files.plan_files import TomlPlanFiles
from edgetui.adapters.hosting.hosted import Hosted, Limit, proxy
from edgetui.adapters.tokens import Tokens
from edgetui.core import ports as port
from edgetui.core.events import Event
from edgetui.core.models import Account, ResolveRequest, TrialRequest
from edgetui.settings import Settings

_HERE = "edgetui.adapters."
_SLOW = "Azure ML"  # the pool whose children take seconds to start
_IDENTITY = {
    "sign_in": Limit("sign in", identity.CODE_SECONDS + 30.0),
    "account": Limit("see who is signed in", 45.0),
}
_TOKEN = {"token": Limit("get a token from Azure", 45.0)}
_WORKSPACES = {
    "accessible": Limit("list the workspaces that you can see", 60.0),
    "get": Limit("open workspace {name}", 45.0),
    "from_config": Limit("open the workspace of the configuration file", 45.0),
}
_MODELS = {
    "list": Limit("list the models of workspace {workspace.name}", 90.0),
    # One request carries up to 64 MiB without a word; this much time makes that 110 KB/s.
    "register": Limit("register model {upload.name}", 600.0),
    "download": Limit("download model {name}:{version}", 300.0),
    "delete": Limit("delete model {name}:{version}", 60.0),
}
_BUILDER = {"build": Limit("build image {request.name}:{request.tag}", 900.0)}
_REGISTRY = {
    "of_workspace": Limit("find the registry of workspace {workspace.name}", 45.0),
    "enable_admin": Limit("enable the admin user of registry {registry.name}", 120.0),
    "credential": Limit("read the credential of registry {registry.name}", 45.0),
    "own_credential": Limit("sign in to registry {registry.login_server}", 60.0),
    "resolve": Limit("read image {reference}", 60.0),
    "images": Limit("list the images of {login_server}", 90.0),
}
_HUB = {
    "hubs": Limit("list the IoT Hubs of subscription {subscription}", 60.0),
    "devices": Limit("list the devices of {hub.name}", 90.0),
    "deployed": Limit("read what device {device} was told", 60.0),
    "apply": Limit("apply the deployment to device {device}", 60.0),
    "module_log": Limit("read the log of module {module} on {device}", 90.0),
}
_ENDPOINT = {"score": Limit("score the sample at {url}", 120.0)}
_VAULT = {
    "state": Limit("ask the keyring", 10.0),
    "store": Limit("keep the credential in the keyring", 60.0),
    "fetch": Limit("read {reference} from the keyring", 60.0),
    "forget": Limit("remove {reference} from the keyring", 60.0),
}
_ENGINE = {"state": Limit("ask the container engine", 15.0)}
_DOCKER_ENV = ("DOCKER_", "XDG_RUNTIME_DIR")


@dataclass(frozen=True)
class WiredPorts(port.Ports):
    """Ports with the children behind them."""

    pools: tuple[Hosted, ...] = ()


class _SharedIdentity:
    """The Identity port; a new sign-in makes the tokens of the old one void."""

    def __init__(self, hosted: port.Identity, tokens: Tokens) -> None:
        self._hosted = hosted
        self._tokens = tokens

    def sign_in(self) -> Iterator[Event]:
        """Sign in, then forget the tokens of whoever was signed in before."""
        yield from self._hosted.sign_in()
        self._tokens.forget()

    def account(self) -> Account:
        """Who is signed in."""
        return self._hosted.account()


class _Resolver:
    """The Resolver port; what it needs is imported when it is asked."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def resolve(self, request: ResolveRequest) -> Iterator[Event]:
        """Resolve without installing."""
        from edgetui.adapters.trial.uv_resolver import UvResolver

        return UvResolver(self._cache).resolve(request)


class _Trial:
    """The Trial port; what it needs is imported when it is asked."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def run(self, request: TrialRequest) -> Iterator[Event]:
        """Try a script on the real inference server."""
        from edgetui.adapters.trial.server import TrialServer

        return TrialServer(self._cache).run(request)


def ports(settings: Settings, cloud: Callable[[], Cloud], *, sandbox: str = "", warm: bool = True) -> WiredPorts:
    """Make all ports; takes no time and starts nothing but, in the background, one child for Azure ML.

    Args:
        settings: Folders and the way to sign in.
        cloud: Gives the cloud; may block until a sandbox is ready. It is called once, from a background thread.
        sandbox: The sandbox's scenario, for display, and since results of one are none of another; "" on real Azure.
        warm: Whether to start the child for Azure ML early, so that its first call does not wait for the import.
    """
    once = _Once(cloud)
    folder = settings.state / "children"

    def pool(name: str, imports: tuple[str, ...] = (), **more: Any) -> Hosted:
        return Hosted(name, once.get, folder, imports=tuple(_HERE + one for one in imports), **more)

    who = pool(
        "sign-in",
        ("identity",),
        options={"sign_in": settings.sign_in, "tenant": settings.tenant},
        private_home=False,
        pass_env=identity.PASS_ENV,
        limit=1,  # there is one credential
    )
    giver = cast("identity.TokenGiver", proxy(identity.TokenGiver, who, _HERE + "identity:create", _TOKEN))
    tokens = Tokens(giver.token)
    ml = pool(_SLOW, ("azure_ml.models",), tokens=tokens.get, limit=4)
    azure = pool(
        "Azure", ("registry.azure_registry", "edge.iot_hub", "edge.scoring_endpoint"), tokens=tokens.get, limit=4
    )
    keyring = pool("keyring", ("os_keyring",), private_home=False, pass_env=os_keyring.PASS_ENV, limit=2)
    docker = pool("docker", ("docker_engine",), private_home=False, pass_env=_DOCKER_ENV, limit=3)

    def hosted(kind: type, where: Hosted, maker: str, limits: dict[str, Limit]) -> Any:
        return proxy(kind, where, _HERE + maker, limits)

    builders: dict[str, port.ImageBuilder] = {
        "azureml": hosted(port.ImageBuilder, ml, "azure_ml.builder:create", _BUILDER),
        "acr": hosted(port.ImageBuilder, azure, "builders.acr_build:create", _BUILDER),
        "docker": hosted(port.ImageBuilder, docker, "builders.docker_build:create", _BUILDER),
    }
    made = WiredPorts(
        identity=_SharedIdentity(hosted(port.Identity, who, "identity:create", _IDENTITY), tokens),
        workspaces=hosted(port.Workspaces, ml, "azure_ml.workspaces:create", _WORKSPACES),
        models=hosted(port.Models, ml, "azure_ml.models:create", _MODELS),
        builder=builders["azureml"],
        builders=builders,
        registry=hosted(port.Registry, azure, "registry.azure_registry:create", _REGISTRY),
        hub=hosted(port.Hub, azure, "edge.iot_hub:create", _HUB),
        endpoint=hosted(port.Endpoint, azure, "edge.scoring_endpoint:create", _ENDPOINT),
        vault=os_keyring.OsKeyring(hosted(port.Vault, keyring, "os_keyring:create", _VAULT)),
        engine=hosted(port.Engine, docker, "docker_engine:create", _ENGINE),
        files=LocalFiles(settings.state),
        plans=TomlPlanFiles(settings.state, f"sandbox-{sandbox}" if sandbox else ""),
        sandbox=sandbox,
        resolver=_Resolver(settings.cache),
        trial=_Trial(settings.cache),
        pools=(who, ml, azure, keyring, docker),
    )
    if warm:
        ml.warm()
    return made


def warm_up(made: port.Ports) -> None:
    """Start the child for Azure ML now, where `ports` was told not to."""
    if isinstance(made, WiredPorts):
        for pool in made.pools:
            if pool.name == _SLOW:
                pool.warm()


def close(made: port.Ports) -> None:
    """End all children, within a second even where they hang."""
    if isinstance(made, WiredPorts):
        ends = [threading.Thread(target=pool.close, daemon=True) for pool in made.pools]
        for end in ends:
            end.start()
        for end in ends:
            end.join(1.0)


class _Once:
    """Calls `cloud` once; everybody who needs it meanwhile waits. A failure is tried again by the next."""

    def __init__(self, cloud: Callable[[], Cloud]) -> None:
        self._cloud = cloud
        self._lock = threading.Lock()
        self._known: Cloud | None = None

    def get(self) -> Cloud:
        """The cloud."""
        with self._lock:
            if self._known is None:
                self._known = self._cloud()
            return self._known
