"""Check the files that a plan names: script, environment, sample, model and config.json. No network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import PurePath

import msgspec

from edgetui.core import builders, parser_words, rules
from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.events import Checked, Event
from edgetui.core.models import Problem
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.jobs import fingerprints, model_files, resources


def check(plan: Plan, ports: Ports) -> Iterator[Event]:
    """Read script, environment, sample and model file, and say what is wrong with them.

    Raises:
        EdgeError: (input) the plan names no script or no environment, or one of the files cannot be read.
    """
    for key in ("script", "environment"):
        if not getattr(plan.scoring, key):
            raise bad_input(f"scoring.{key}", f"The plan names no {key}", "Choose one in step 3 Script")
    yield Checked(tuple(_problems(plan, ports)), fingerprints.scoring_inputs(plan, ports))


def _problems(plan: Plan, ports: Ports) -> Iterator[Problem]:
    # The rules are read when the first check begins: the start of the app does not wait for them.
    from edgetui.core import conda, scoring
    from edgetui.core.scoring import source, surroundings

    files = plan.scoring
    path = resources.path(plan, files.script)
    environment = ports.files.read_text(resources.path(plan, files.environment), "scoring.environment")
    try:
        script = _script(files.script, path, ports)
    except source.UnreadableError as wrong:
        yield wrong.problem
    else:
        inside = _beside_in_image(plan, ports)
        for found in scoring.check(files.script, script, conda.python_version(environment)):
            # Relative paths start where the context's files are: one of them is found there.
            if found.rule != "relative-path" or not any(found.message.startswith(f"{name!r} ") for name in inside):
                yield found
        yield from surroundings.check(
            files.script,
            script,
            _only_model_file(plan, ports),
            files.environment,
            environment,
            lambda name: ports.files.exists(str(PurePath(path).with_name(name))),
            {name.partition("/")[0] for name in inside}.__contains__,
        )
    today = datetime.now(tz=timezone.utc).date().isoformat()
    slim = builders.own_dockerfile(plan.image) and not plan.image.base  # our Dockerfile on Python's own image
    yield from conda.check(files.environment, environment, today, has_git=not slim)
    yield from _model(plan, environment, ports)
    if files.sample:
        sample = ports.files.read_text(resources.path(plan, files.sample), "scoring.sample")
        try:
            json.loads(sample)
        except ValueError as wrong:
            line = getattr(wrong, "lineno", 0)
            remedy = "the sample is sent to the module as it is; most scripts read JSON"
            yield Problem(
                files.sample,
                line,
                "warning",
                f"this is not JSON: {parser_words.json(wrong, line=False)}",
                remedy,
                "sample",
            )
    for other in files.samples:
        if not ports.files.exists(resources.path(plan, other)):
            remedy = "write it, or take it out of the plan's samples"
            yield Problem(other, 0, "warning", "there is no such sample", remedy, "sample")


def _beside_in_image(plan: Plan, ports: Ports) -> list[str]:
    """The files that go in with the script, by their names in the module's working folder."""
    folder = resources.context(plan)
    try:
        return ports.files.context(folder, resources.not_in_context(plan)) if folder else []
    except EdgeError as error:
        if error.kind == "cancelled":
            raise
        return []  # what is wrong with the folder is told by itself


def _script(file: str, path: str, ports: Ports) -> str:
    """The script's text, read as Python reads it.

    Raises:
        EdgeError: (input) there is no such file, or it cannot be read.
        source.UnreadableError: its bytes are no text of the encoding that it names.
    """
    from edgetui.core.scoring import source

    try:
        return ports.files.read_text(path, "scoring.script")
    except EdgeError as error:
        with ports.files.open(path, "scoring.script") as opened:
            data = opened.read(source.LARGEST + 1)
        if len(data) > source.LARGEST:
            raise error from None
        return source.decode(file, data)


def _only_model_file(plan: Plan, ports: Ports) -> str:
    """The model file's bare name; "" for a folder, which has no one file that a script could name."""
    name = PurePath(plan.model.path).name
    if not PurePath(name).suffix:
        return ""
    try:
        ports.files.open(resources.path(plan, plan.model.path), "model.path").close()
    except EdgeError:  # a folder such as `pump.v1`, or not there: step 2 tells of that
        return ""
    return name


def _model(plan: Plan, environment: str, ports: Ports) -> Iterator[Problem]:
    """What the model says of itself, against the environment, each thing once; one that is not there says nothing."""
    from edgetui.core import model_file

    said: set[Problem] = set()
    for name, facts in model_files.of(plan, ports):
        for problem in model_file.check(name, facts, plan.scoring.environment, environment):
            key = msgspec.structs.replace(problem, fix=None)
            if key not in said:
                said.add(key)
                yield problem


def paths(plan: Plan, ports: Ports) -> Iterator[EdgeError]:
    """What is wrong with what other steps read: config.json, the model, and what our own Dockerfile takes."""
    for look in (config_file, model_path, certificates, context_folder, own_dockerfile):
        try:
            look(plan, ports)
        except EdgeError as error:  # noqa: PERF203 -- a few files
            yield error


def model_path(plan: Plan, ports: Ports) -> None:
    """See that the model to register is there and not empty.

    Raises:
        EdgeError: (input) it is not there, cannot be read, or is empty.
    """
    if not plan.model.path:
        return
    path = resources.path(plan, plan.model.path)
    try:
        opened = ports.files.open(path, "model.path")
    except EdgeError:
        ports.files.fingerprint(path, "model.path")  # a folder; or it says what is wrong
        return
    with opened:
        if not opened.read(1):
            raise bad_input("model.path", f"{path} is empty", "Name the file that your training wrote.")


def certificates(plan: Plan, ports: Ports) -> None:
    """See that the file of extra certificates is there and holds some.

    Raises:
        EdgeError: (input, field `image.ca_bundle`) it cannot be read, or holds none.
    """
    from edgetui.core import dockerfile

    name = plan.image.ca_bundle
    if name and builders.own_dockerfile(plan.image):
        text = ports.files.read_text(resources.path(plan, name), "image.ca_bundle")
        dockerfile.require_certificate(name, text.encode())


def own_dockerfile(plan: Plan, ports: Ports) -> None:
    """See that our own Dockerfile can be written for the environment: base image, package index, platform.

    Raises:
        EdgeError: (input) it cannot. What is wrong with the environment itself is the other checks' to tell.
    """
    from edgetui.core import dockerfile

    image = plan.image
    if not (builders.own_dockerfile(image) and plan.scoring.environment):
        return
    setting = dockerfile.Setting(image.base, image.index_url, platform=image.platform)
    try:
        text = ports.files.read_text(resources.path(plan, plan.scoring.environment), "scoring.environment")
        dockerfile.environment_dockerfile(dockerfile.environment(text), setting)
    except EdgeError as error:
        if error.field != "scoring.environment":
            raise


def context_folder(plan: Plan, ports: Ports) -> None:
    """See that the folder that goes in beside the script is there, and that its .dockerignore can be read.

    Raises:
        EdgeError: (input, field `image.context`) it is not.
    """
    if folder := resources.context(plan):
        ports.files.context(folder, resources.not_in_context(plan))


def config_file(plan: Plan, ports: Ports) -> None:
    """See that the plan's config.json names a workspace.

    Raises:
        EdgeError: (input) it is not there, is no JSON, or a name in it is missing or was never filled in.
    """
    name = plan.workspace.config
    if not name:
        return
    text = ports.files.read_text(resources.path(plan, name), "workspace.config")
    try:
        known = json.loads(text)
    except ValueError as wrong:
        raise bad_input(
            "workspace.config",
            f"{name} is not JSON: {parser_words.json(wrong)}",
            "Download it from the workspace again.",
        ) from wrong
    if not isinstance(known, dict):
        raise bad_input("workspace.config", f"{name} holds no names", "Download it from the workspace again.")
    for key in () if known.get("Scope") else ("subscription_id", "resource_group", "workspace_name"):
        value = known.get(key)
        if not isinstance(value, str) or not value or rules.placeholder(value):
            what = f"is {value!r}" if value else "is missing"
            raise bad_input("workspace.config", f"{name}: {key} {what}", f"Write the real {key} there.")
