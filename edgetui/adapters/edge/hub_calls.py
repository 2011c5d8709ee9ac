"""How calls reach a hub: by the sign-in, else by the key of a policy; with deadlines, patience for throttles, clear refusals."""

from __future__ import annotations

import base64
import binascii
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msrest.exceptions import ClientException, HttpOperationError

from edgetui.adapters.context import Context
from edgetui.adapters.errors import as_edge_error, short, status_of
from edgetui.adapters.web import CONNECT_SECONDS, Arm, TokenCredential
from edgetui.core import cancel
from edgetui.core.errors import EdgeError, cancelled
from edgetui.core.models import HubInfo

TIMEOUT = (CONNECT_SECONDS, 45.0)  # connect, read; a direct method may take 40 s
_WAITS = (2.0, 5.0, 8.0, 15.0)  # seconds before a throttled call is tried again, unless the service says how long
_PATIENCE = 35.0  # seconds of waiting in all; longer, and the person should know
_KEYS_VERSION = "2023-06-30"
_SDK_SCOPE = "https://iothubs.azure.net/.default"
_SCOPES = {
    "AzureUSGovernment": {_SDK_SCOPE: "https://iothubs.azure.us/.default"},
    "AzureChinaCloud": {_SDK_SCOPE: "https://iothubs.azure.cn/.default"},
}
# Refusals that another credential does not heal.
_NOT_ACCESS = {"IotHubQuotaExceeded", "OperationNotAllowedInCurrentState", "SystemModuleModifyUnauthorizedAccess"}

Work = Callable[[Any, Any], Any]  # (registry manager, configuration manager) -> the SDK's answer


@dataclass(frozen=True)
class _Managers:
    registry: Any
    deployments: Any
    by: str  # `sign-in` or `the key of policy …`
    refused: str = ""  # what the hub said to the sign-in, where a key is used


def without_system_keys(properties: dict[str, Any] | None) -> dict[str, Any]:
    """Twin properties without `$metadata`, `$version` and other keys of the service's own."""
    return {key: value for key, value in (properties or {}).items() if not key.startswith("$")}


class HubCalls:
    """Runs work on the managers of a hub. Safe from any thread."""

    def __init__(self, context: Context, registry: Any, deployments: Any) -> None:
        self.arm = Arm(context)
        self._context = context
        self._registry, self._deployments = registry, deployments
        self._managers: dict[str, _Managers] = {}
        self._lock = threading.Lock()

    def read(self, hub: HubInfo, doing: str, work: Work, field: str = "") -> Any:
        """Run work that changes nothing: tried again after throttling and after a failure of the service."""
        return self._run(hub, doing, work, field, repeat_failures=True)

    def write(self, hub: HubInfo, doing: str, work: Work, field: str = "") -> Any:
        """Run work that changes something: tried again after throttling only, when the service did nothing."""
        return self._run(hub, doing, work, field, repeat_failures=False)

    def _run(self, hub: HubInfo, doing: str, work: Work, field: str, *, repeat_failures: bool) -> Any:
        waits, patience = list(_WAITS), _PATIENCE
        while True:
            managers = self._of(hub, doing)
            try:
                return work(managers.registry, managers.deployments)
            except HttpOperationError as problem:
                status = problem.response.status_code
                if status in {200, 204}:
                    return None  # the service answers 200 where this SDK knows 204 only
                if _is_access(problem) and managers.by == "sign-in":
                    self._by_key(hub, problem, doing)
                    continue
                if _is_access(problem):
                    with self._lock:  # the key was renewed, or the role came meanwhile: the next call begins anew
                        self._managers.pop(hub.host_name, None)
                    detail = f"Sign-in: {managers.refused}\nWith {managers.by}: {_message(problem)[1]}"
                    raise _no_way_in(hub, doing, detail) from problem
                again = status == 429 or (repeat_failures and status >= 500 and len(waits) > len(_WAITS) - 2)
                wait = _said(problem, waits.pop(0)) if again and waits else None
                if wait is None or wait > patience:
                    raise _refused(problem, hub, doing, field) from problem
                patience -= wait
                if cancel.current().wait(wait):
                    raise cancelled("Waiting for the hub") from None
            except ClientException as problem:
                # A connection that breaks under a question may be a weak link: ask twice more.
                wait = waits.pop(0) if repeat_failures and len(waits) > len(_WAITS) - 2 else None
                if wait is None:
                    raise as_edge_error(problem, f"{doing} ({hub.host_name})", field) from problem
                if cancel.current().wait(wait):
                    raise cancelled("Waiting for the hub") from None

    def _of(self, hub: HubInfo, doing: str) -> _Managers:
        with self._lock:
            known = self._managers.get(hub.host_name)
            if known is None:
                if not hub.host_name:
                    raise EdgeError(
                        f"Could not {doing}: hub {hub.name} has no address",
                        remedy="Choose the hub again.",
                        field="hub.name",
                    )
                # The constructor asks for a token already.
                credential = TokenCredential(self._context, _SCOPES.get(self._context.cloud.name))
                known = self._made(
                    self._registry.from_token_credential(hub.host_name, credential),
                    self._deployments.from_token_credential(hub.host_name, credential),
                    "sign-in",
                )
                self._managers[hub.host_name] = known
            return known

    def _made(self, registry: Any, deployments: Any, by: str, refused: str = "") -> _Managers:
        for manager in (registry, deployments):
            config = manager.protocol.config
            # This one wins over REQUESTS_CA_BUNDLE.
            config.connection.verify = self._context.cloud.ca_file or True
            config.connection.timeout = TIMEOUT
            # A status must come through with its body; by default the SDK repeats, waits and loses both.
            config.retry_policy.retries = 1
            config.retry_policy.policy.status_forcelist = []
            config.retry_policy.policy.respect_retry_after_header = False
        return _Managers(registry, deployments, by, refused)

    def _by_key(self, hub: HubInfo, refusal: HttpOperationError, doing: str) -> None:
        """Go on with the key of one of the hub's policies, in memory only; EdgeError that tells of both ways where that fails too."""
        said = _message(refusal)[1]
        first = f"Sign-in: {said}"
        if not hub.subscription or not hub.resource_group:
            raise _no_way_in(hub, doing, first) from refusal
        path = (
            f"/subscriptions/{hub.subscription}/resourceGroups/{hub.resource_group}"
            f"/providers/Microsoft.Devices/IotHubs/{hub.name}/listkeys"
        )
        try:
            policies = self.arm.post(path, _KEYS_VERSION, f"list the keys of hub {hub.name}").get("value") or []
        except EdgeError as problem:
            raise _no_way_in(hub, doing, f"{first}\nKey: {problem.title}. {problem.detail}") from problem
        policy = _weakest(policies)
        if policy is None:
            raise _no_way_in(hub, doing, f"{first}\nKey: no policy of the hub may write its registry.") from refusal
        name, key = policy["keyName"], policy["primaryKey"]
        text = f"HostName={hub.host_name};SharedAccessKeyName={name};SharedAccessKey={key}"
        try:
            base64.b64decode(key, validate=True)  # the SDK takes rubbish, and then nothing works
            registry = self._registry.from_connection_string(text)
            deployments = self._deployments.from_connection_string(text)
        except (ValueError, binascii.Error):
            raise _no_way_in(hub, doing, f"{first}\nKey: that of policy {name} is not well-formed.") from None
        with self._lock:
            self._managers[hub.host_name] = self._made(registry, deployments, f"the key of policy {name}", said)


def _no_way_in(hub: HubInfo, doing: str, detail: str) -> EdgeError:
    remedy = (
        "Ask an owner for the role IoT Hub Data Contributor on the hub, or for the right to list its keys "
        "(Microsoft.Devices/iotHubs/listkeys/action)."
    )
    title = f"Could not {doing}: {hub.name} accepts neither the sign-in nor a key"
    return EdgeError(title, detail, remedy, field="hub.name", kind="access")


def _weakest(policies: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Of the policies that read and write the registry and speak to devices, the one that may do least else."""
    needed = {"registrywrite", "serviceconnect"}
    able = [one for one in policies if one.get("primaryKey") and needed <= _rights(one)]
    return min(able, key=lambda one: len(_rights(one)), default=None)


def _rights(policy: dict[str, Any]) -> set[str]:
    return {part.strip().lower() for part in str(policy.get("rights", "")).split(",")}


def _is_access(problem: HttpOperationError) -> bool:
    return problem.response.status_code in {401, 403} and _message(problem)[0] not in _NOT_ACCESS


def _said(problem: HttpOperationError, usual: float) -> float:
    """How many seconds to wait: what the service says, else as usual."""
    said = problem.response.headers.get("Retry-After", "")
    return float(said) if said.isdigit() else usual


def _message(problem: HttpOperationError) -> tuple[str, str]:
    """The hub's error code and its own words."""
    response = problem.response
    code = response.headers.get("iothub-errorcode", "")
    try:
        text = json.loads(response.text).get("Message", "")
        # `ErrorCode:X;text`, or a document again.
        if text.startswith("{"):
            text = json.loads(text).get("message", text)
        text = text.removeprefix(f"ErrorCode:{code};").strip()
    except (ValueError, AttributeError, TypeError):
        text = response.text[:300]
    return code, short(f"{code}: {text}" if code and code not in text else text or f"status {response.status_code}")


def _refused(problem: HttpOperationError, hub: HubInfo, doing: str, field: str) -> EdgeError:
    """What a hub's refusal means."""
    code, said = _message(problem)
    status = status_of(problem)
    error = as_edge_error(problem, doing, field)
    error.detail = said
    if code == "DeviceNotFound":
        error.title, error.kind = f"Could not {doing}: {hub.name} has no such device", "input"
        error.remedy = "Choose the device again; it may have been removed, or belong to another hub."
    elif code == "DeviceNotOnline" or (status == 404 and "404103" in problem.response.text):
        error.title, error.retryable = f"Could not {doing}: the device is not connected", True
        error.remedy = "Start the device or its network, then try again."
    elif status == 400:
        error.remedy = "The hub says which value it does not accept; correct it in the plan or the create options."
    elif status in {401, 403}:
        error.title = f"Could not {doing}: {hub.name} does not allow it"
        error.kind, error.remedy = "failed", "See the detail: the hub does not allow this now, whoever asks."
    elif status == 412:
        error.remedy = "Somebody changed it at the same moment: look again, then repeat."
    elif status == 413:
        error.title = f"Could not {doing}: the manifest is larger than the hub takes"
        error.remedy = "Desired properties may have 32 KB in all: shorten create options and environment values."
    elif status == 429:
        error.title = f"Could not {doing}: {hub.name} is throttling"
        error.remedy = "Wait a minute, or add units to the hub; somebody else may be asking much at the same time."
    return error
