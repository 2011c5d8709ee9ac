"""What the registry has of the images that we build: whether one is there already, and what it really is."""

from __future__ import annotations

import msgspec

from edgetui.core import dockerfile
from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.events import ImageBuilt
from edgetui.core.models import RegistryCredential
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.core.results import Results
from edgetui.jobs import resources


def existing(
    plan: Plan, reference: str, inputs: str, credential: RegistryCredential, ports: Ports
) -> ImageBuilt | None:
    """The image that has the tag already, if its content is the same; None where the tag is free or we may not look.

    Raises:
        EdgeError: (input, field `image.tag`) the tag belongs to something else.
    """
    if credential.login_server.lower() != reference.partition("/")[0].lower():
        return None
    try:
        found = ports.registry.resolve(reference, credential)
    except EdgeError as problem:
        if problem.kind == "cancelled":
            raise
        return None
    content = found.labels.get(dockerfile.CONTENT_LABEL, "")
    # A tag of ours is made of the content; an image by Azure ML has no label that says more.
    if content == inputs or (not content and plan.image.tag == "auto"):
        return ImageBuilt(
            reference,
            inputs,
            reused=True,
            digest=found.digest,
            platform=found.platform,
            size=found.size,
            layers=found.layers,
        )
    raise bad_input(
        "image.tag",
        f"{reference} exists already, with other content",
        'Write tag = "auto", or choose another tag: devices may run what this one names',
    )


def described(built: ImageBuilt, results: Results, plan: Plan, ports: Ports) -> ImageBuilt:
    """With what the registry says of the image, where the builder says nothing; without, where we may not look."""
    if built.digest and built.platform and built.size:
        return built
    try:
        registry = ports.registry.of_workspace(resources.workspace(plan, ports))
        stored = ports.vault.fetch(results.credential) if results.credential else None
        found = ports.registry.resolve(built.reference, stored or ports.registry.own_credential(registry))
    except EdgeError as problem:
        if problem.kind == "cancelled":
            raise
        return built
    return msgspec.structs.replace(
        built,
        digest=built.digest or found.digest,
        platform=built.platform or found.platform,
        size=built.size or found.size,
        layers=built.layers or found.layers,
    )


def still_there(plan: Plan, results: Results, ports: Ports) -> bool:
    """Whether the registry still has the image; without a credential we cannot ask it, only whether it is the same one."""
    credential = ports.vault.fetch(results.credential) if results.credential else None
    if credential is None:
        return resources.registry(plan, ports).login_server == results.image.partition("/")[0]
    try:
        found = ports.registry.resolve(results.image, credential)
    except EdgeError as gone:
        if gone.kind == "cancelled":
            raise
        return False
    return not results.digest or found.by_digest == results.digest
