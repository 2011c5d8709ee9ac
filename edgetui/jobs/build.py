"""Build the image of the plan's model, script and environment, with every line of the log on disk before it is shown."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator

import msgspec

from edgetui.core import answers, builders
from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.events import Event, ImageBuilt, ImageRun, LogFile, LogLine
from edgetui.core.models import BuildRequest, BuildRun, RegistryCredential, RegistryInfo, WorkspaceInfo
from edgetui.core.plan import Plan
from edgetui.core.ports import ImageBuilder, Ports
from edgetui.core.results import Results
from edgetui.jobs import build_times, built_images, fingerprints, resources
from edgetui.jobs.kept_log import KeptLog


def build(plan: Plan, results: Results, ports: Ports, *, only_watch: bool = False) -> Iterator[Event]:
    """Build and push the image; one that was built from the same inputs and is still there is used again.

    A build that goes on elsewhere since an earlier start is continued, its log too. Yields `LogFile` once there is one,
    LogLine as the lines come, `ImageRun` where it can be continued, and `ImageBuilt` at the end. With `only_watch` nothing
    is begun: a build that goes on elsewhere is followed, or there is an error that says why it cannot be.

    Raises:
        EdgeError: there is no model yet, a name is wrong, a file cannot be read, the tag is taken, or the build failed.
    """
    builder = _builder(plan, ports)
    for problem in (*answers.image(plan), *answers.builder(plan)):
        raise problem
    model = fingerprints.model_id(plan, results)
    if not model:
        raise EdgeError(
            "The model is not registered yet", remedy="Register it in step 2 Model", field="model", kind="input"
        )
    for key in ("script", "environment"):
        if not getattr(plan.scoring, key):
            raise bad_input(f"scoring.{key}", f"The plan names no {key}", "Choose one in step 3 Script")
    inputs = fingerprints.image_inputs(plan, model, ports)
    if results.image and results.image_inputs == inputs and built_images.still_there(plan, results, ports):
        yield ImageBuilt(results.image, inputs, results.image_log, results.image_seconds, reused=True)
        return
    tag = _tag(plan, model, inputs)
    place = resources.workspace(plan, ports)
    registry, credential = _registry(plan, results, place, ports)
    resume = _resumed(results, plan, inputs, tag)
    if only_watch and resume is None:
        yield ImageRun(None)
        title = "What the build was made of has changed since it began"
        raise EdgeError(
            title, remedy="Its image will be in the registry all the same; build again for what there is now."
        )
    if registry and credential and not resume:
        reference = f"{registry.login_server}/{plan.image_name}:{tag}"
        existing = built_images.existing(plan, reference, inputs, credential, ports)
        if existing:
            yield msgspec.structs.replace(existing, log=results.image_log)
            return
    request = BuildRequest(
        place,
        model,
        resources.path(plan, plan.scoring.script),
        resources.path(plan, plan.scoring.environment),
        plan.image_name,
        tag,
        plan.image.platform,
        resume=resume,
    )
    if builders.own_dockerfile(plan.image):
        files = yield from _model_files(plan, results, model, place, ports)
        own = _own(plan, files, registry, credential, inputs, ports)
        request = msgspec.structs.replace(request, **own)
    request = msgspec.structs.replace(request, only_watch=only_watch)
    yield from _accounted(_followed(builder, request, inputs, resume, ports), request, inputs, plan, results, ports)


def _accounted(
    events: Iterator[Event], request: BuildRequest, inputs: str, plan: Plan, results: Results, ports: Ports
) -> Iterator[Event]:
    """The events with what the image really is and what the build's time stands for."""
    alike = build_times.key(plan, results, ports)
    here = plan.image.builder == "docker"
    if here:  # an engine stops when nobody listens: the next start can say so
        yield ImageRun(BuildRun("docker", "", tag=request.tag, inputs=inputs))
    try:
        for event in events:
            if isinstance(event, ImageBuilt):
                told = built_images.described(event, results, plan, ports)
                yield msgspec.structs.replace(told, environment=alike)
            else:
                yield event
    except EdgeError:
        if here:
            yield ImageRun(None)
        raise


def _followed(
    builder: ImageBuilder, request: BuildRequest, inputs: str, resume: BuildRun | None, ports: Ports
) -> Iterator[Event]:
    """The builder's events, each line kept in the log first."""
    begun, log = time.monotonic(), KeptLog(ports, request, resume)
    if resume:
        yield LogFile("image", log.path, log.size)
    goes_on = False
    try:
        told = bool(resume)
        for event in log.kept(builder.build(request)):
            if isinstance(event, LogLine) and not told:
                told = True
                yield LogFile("image", log.path)
            if isinstance(event, ImageBuilt):
                # Nobody knows for how long it went on alone.
                took = 0.0 if resume else round(time.monotonic() - begun, 1)
                yield msgspec.structs.replace(event, inputs=inputs, log=log.path, seconds=took)
            elif isinstance(event, ImageRun) and event.run:
                goes_on = True
                kept = {"tag": request.tag, "inputs": inputs, "log_name": log.name, "log_size": log.size}
                yield ImageRun(msgspec.structs.replace(event.run, **kept))
            else:
                yield event
    except EdgeError as problem:
        # One that we only lost sight of goes on, and the next start continues it; so does one that we could not yet ask about.
        unseen = problem.kind == "unreachable" or (problem.kind in {"access", "cancelled"} and not goes_on)
        if (goes_on or resume) and not unseen:
            yield ImageRun(None)
        raise


def _builder(plan: Plan, ports: Ports) -> ImageBuilder:
    """The builder that the plan chose."""
    name = plan.image.builder
    found = ports.builders.get(name) or (ports.builder if name == "azureml" else None)
    if found is None:
        raise bad_input("image.builder", f"The builder {name!r} is not in this version", 'Write builder = "azureml"')
    return found


def _registry(
    plan: Plan, results: Results, place: WorkspaceInfo, ports: Ports
) -> tuple[RegistryInfo | None, RegistryCredential | None]:
    """Where the image goes, and what looks and pushes there: the person's own sign-in, else the stored credential.

    Azure ML pushes by itself and makes the registry with the first image: there the credential only looks, and who may
    not look builds all the same.
    """
    pushes = plan.image.builder != "azureml"
    if not (pushes or place.registry_id):
        return None, None
    stored = ports.vault.fetch(results.credential) if results.credential else None
    registry: RegistryInfo | None = None
    try:
        registry = ports.registry.of_workspace(place)
        return registry, ports.registry.own_credential(registry)
    except EdgeError as problem:
        needed = registry is None or (stored is None and plan.image.builder == "docker")
        if problem.kind == "cancelled" or (pushes and needed):
            raise
        return registry, stored


def _resumed(results: Results, plan: Plan, inputs: str, tag: str) -> BuildRun | None:
    run = results.image_run
    same = (
        run is not None
        and run.builder != "docker"
        and (run.builder, run.inputs, run.tag) == (plan.image.builder, inputs, tag)
    )
    return run if same else None


def _model_files(
    plan: Plan, results: Results, model: str, place: WorkspaceInfo, ports: Ports
) -> Generator[Event, None, str]:
    """Where the model's files are: the plan's own, if they are what was registered, else fetched from the workspace once."""
    if plan.model.path and results.model == model and results.model_inputs == fingerprints.model_inputs(plan, ports):
        return resources.path(plan, plan.model.path).rstrip("/")
    key = f"model-{place.subscription}-{place.name}-{model}"
    kept = ports.files.kept(key)
    if not kept:
        folder = ports.files.folder(key)
        name, _, version = model.rpartition(":")
        yield from ports.models.download(place, name, int(version), folder)
        kept = ports.files.keep(folder, key)
    return f"{kept}/"


def _own(
    plan: Plan,
    files: str,
    registry: RegistryInfo | None,
    credential: RegistryCredential | None,
    inputs: str,
    ports: Ports,
) -> dict[str, object]:
    """What a builder of our own Dockerfile needs beside the rest."""
    image = plan.image
    return {
        "model_path": files,
        "registry": registry,
        "credential": credential,
        "content": inputs,
        "base": image.base,
        "index_url": image.index_url,
        "ca_bundle": resources.path(plan, image.ca_bundle) if image.ca_bundle else "",
        "context": resources.context(plan),
        "without": resources.not_in_context(plan),
        "network": image.network,
        "commit": ports.files.commit(resources.path(plan, plan.scoring.script)),
    }


def resolved_tag(plan: Plan, results: Results, ports: Ports) -> str:
    """The tag that a build would give the image now; "" while model, script or environment are not there."""
    model, files = fingerprints.model_id(plan, results), plan.scoring
    if plan.image.tag != "auto" or not (model and files.script and files.environment):
        return "" if plan.image.tag == "auto" else plan.image.tag
    try:
        return _tag(plan, model, fingerprints.image_inputs(plan, model, ports))
    except EdgeError as problem:
        if problem.kind == "cancelled":
            raise
        return ""


def _tag(plan: Plan, model: str, inputs: str) -> str:
    return f"{model.rpartition(':')[2]}-{inputs[:12]}" if plan.image.tag == "auto" else plan.image.tag
