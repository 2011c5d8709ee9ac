"""Review and apply: our module merged into what each device runs."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping

from edgetui.core import answers, manifest, manifest_shown, rules
from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.events import Applied, Event, ImageResolved, Preview, Progress
from edgetui.core.models import Deployed, HubInfo, ImageDetails, RegistryCredential
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.core.results import Results
from edgetui.jobs import fingerprints, resources

Versions = tuple[int, int]  # `$version` of the desired properties of $edgeAgent and $edgeHub
_ARCHITECTURES = {"arm64v8": "arm64", "arm32v7": "arm/v7", "x86_64": "amd64", "aarch64": "arm64"}


# Stands for the image that is not built yet: as long as a real one, so that sizes are judged alike.
_NO_IMAGE = f"registry.invalid/image@sha256:{'0' * 64}"


def look(plan: Plan, ports: Ports) -> Iterator[Event]:
    """See that the hub, the devices and room for the module are there, before anything is built; changes nothing.

    Raises:
        EdgeError: the hub or a device is not there, or the module cannot be put in: a name, a port, a limit.
    """
    devices = _devices(plan)
    hub = resources.hub(plan, ports)
    for number, device in enumerate(devices, 1):
        live = ports.hub.deployed(hub, device)
        _merged(plan, live, _NO_IMAGE, None)
        for warning in _mismatch(live, plan.image.platform):
            yield Progress("devices", f"{device}: warning: {warning}")
        yield Progress(
            "devices", f"{device} of {hub.name} can take {plan.module_name}", number, len(devices), "devices"
        )


def preview(
    plan: Plan, results: Results, ports: Ports, *, credential: RegistryCredential | None = None
) -> Iterator[Event]:
    """Read each device's live twins and say what would change: `ImageResolved`, then `Preview` for each device.

    Args:
        plan: what to deploy.
        results: the built image and the stored credential.
        ports: the outside.
        credential: the registry's, where none is stored.

    Raises:
        EdgeError: the image, the credential, the hub or a device is not there, or the module cannot be put in.
    """
    credential, image = yield from _image(results, ports, credential)
    hub = resources.hub(plan, ports)
    for device in _devices(plan):
        live = ports.hub.deployed(hub, device)
        merged = _merged(plan, live, image.by_digest, credential)
        warnings = (*merged.warnings, *_mismatch(live, image.platform), *_only_reports(live))
        yield Preview(device, merged.changes, warnings, _versions(live))


def deploy(
    plan: Plan, results: Results, ports: Ports, *, seen: Mapping[str, Versions] | None = None
) -> Iterator[Event]:
    """Apply the merged manifest to each device: `ImageResolved`, then `Applied` for each.

    Args:
        plan: what to deploy.
        results: the built image and the stored credential.
        ports: the outside.
        seen: the versions that the operator reviewed; a device that was changed since is left alone.

    Raises:
        EdgeError: as `preview`, or a device was changed since the review.
    """
    credential, image = yield from _image(results, ports)
    hub = resources.hub(plan, ports)
    inputs = fingerprints.deploy_inputs(plan)
    for device in _devices(plan):
        live = ports.hub.deployed(hub, device)
        if seen is not None and device in seen and tuple(seen[device]) != _versions(live):
            raise EdgeError(
                f"{device} was changed by somebody else since the review",
                "Applying now would be based on what the device no longer runs.",
                "Review again",
                retryable=True,
            )
        merged = _merged(plan, live, image.by_digest, credential)
        snapshot = _snapshot(live, hub, ports)
        ports.hub.apply(hub, device, merged.content)
        yield Applied(device, snapshot, inputs)


def _image(
    results: Results, ports: Ports, credential: RegistryCredential | None = None
) -> Generator[Event, None, tuple[RegistryCredential, ImageDetails]]:
    """Read the image with the very credential that devices get; yields `ImageResolved`, returns both."""
    if not results.image:
        raise EdgeError("The image is not built yet", remedy="Build it in step 4 Image", field="image", kind="input")
    credential = credential or resources.credential(results, ports)
    image = ports.registry.resolve(results.image, credential)
    yield ImageResolved(image.reference, image.digest, image.by_digest, image.platform, image.size)
    return credential, image


def _devices(plan: Plan) -> tuple[str, ...]:
    for problem in answers.devices(plan):
        raise problem
    if not plan.devices:
        raise bad_input("target.devices", "The plan names no device", "Choose one or more in step 6 Devices")
    return plan.devices


def _merged(plan: Plan, live: Deployed, image: str, credential: RegistryCredential | None) -> manifest.Merged:
    return manifest.merge(live, plan.module_name, image, plan.module, credential)


def _versions(live: Deployed) -> Versions:
    return live.agent_version, live.hub_version


def _mismatch(live: Deployed, image_platform: str) -> Iterator[str]:
    """Warn where the device reports another architecture than the image has; old images carry wrong labels, so no more."""
    runtime = (live.agent_reported.get("runtime") or {}).get("platform") or {}
    reported = str(runtime.get("architecture") or "")
    architecture = _ARCHITECTURES.get(reported, reported)
    has = [one.partition("/")[2] for one in image_platform.split(",") if one]
    if architecture and has and architecture not in has:
        yield f"the device is {architecture} and the image is {' and '.join(has)}: it will not start there"


def _only_reports(live: Deployed) -> Iterator[str]:
    if live.tags.get("simulated"):
        yield "this device only reports: nothing runs on it, and nothing there will answer"


def _snapshot(live: Deployed, hub: HubInfo, ports: Ports) -> str:
    """Keep what the device was told before, without its secrets; returns the file."""
    before = {
        "hub": hub.host_name,
        "device": live.device,
        "versions": _versions(live),
        "$edgeAgent": manifest_shown.redacted(live.agent),
        "$edgeHub": manifest_shown.redacted(live.hub),
    }
    name = f"before-{rules.file_name(live.device)}-{live.agent_version}.json"
    return ports.files.append_log(name, [json.dumps(before, ensure_ascii=False)])
