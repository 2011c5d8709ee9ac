"""Check scoring script and environment, and fingerprint what each step would work on. No network."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

import msgspec

from edgetui.core import parser_words, rules
from edgetui.core.cancel import current
from edgetui.core.errors import EdgeError, bad_input, cancelled
from edgetui.core.events import Checked, Event
from edgetui.core.models import Problem
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.core.results import Results
from edgetui.core.steps import UNREADABLE, Inputs
from edgetui.jobs import resources

if TYPE_CHECKING:
    from edgetui.core import model_file

_MODEL_FILES = 300  # files of a model folder that are looked into


def check(plan: Plan, ports: Ports) -> Iterator[Event]:
    """Read script, environment, sample and model file, and say what is wrong with them.

    Raises:
        EdgeError: (input) the plan names no script or no environment, or one of the files cannot be read.
    """
    for key in ("script", "environment"):
        if not getattr(plan.scoring, key):
            raise bad_input(f"scoring.{key}", f"The plan names no {key}", "Choose one in step 3 Script")
    yield Checked(tuple(_problems(plan, ports)), scoring_inputs(plan, ports))


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
        yield from scoring.check(files.script, script, conda.python_version(environment))
        yield from surroundings.check(
            files.script,
            script,
            _only_model_file(plan, ports),
            files.environment,
            environment,
            lambda name: ports.files.exists(str(PurePath(path).with_name(name))),
            context=bool(plan.image.context) and plan.image.builder != "azureml",
        )
    today = datetime.now(tz=timezone.utc).date().isoformat()
    slim = plan.image.builder != "azureml" and not plan.image.base  # our Dockerfile on Python's own image
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
    for name, facts in _model_files(plan, ports):
        for problem in model_file.check(name, facts, plan.scoring.environment, environment):
            key = msgspec.structs.replace(problem, fix=None)
            if key not in said:
                said.add(key)
                yield problem


def _model_files(plan: Plan, ports: Ports) -> Iterator[tuple[str, model_file.Facts]]:
    """The model's files with what each says, bounded in number and in bytes."""
    from edgetui.core import model_file

    if not plan.model.path:
        return
    path, name, left = resources.path(plan, plan.model.path), plan.model.path, model_file.LIMIT
    try:
        files = [""] if _opens(path, ports) else ports.files.listing(path, "model.path", _MODEL_FILES + 1)
        for one in files[:_MODEL_FILES]:
            if current().requested:
                raise cancelled("The check")
            with ports.files.open(f"{path.rstrip('/')}/{one}" if one else path, "model.path") as opened:
                size = opened.seek(0, io.SEEK_END)
                opened.seek(0)
                facts = model_file.read(opened, size, left)
            left = max(0, left - facts.looked)
            yield (f"{name.rstrip('/')}/{one}" if one else name), facts
        if len(files) > _MODEL_FILES:
            note = f"only {_MODEL_FILES} of its files were looked into"
            yield name, model_file.Facts("unknown", 0, note=note)
    except EdgeError as error:
        if error.kind == "cancelled":
            raise
        return  # step 2 tells of it; script and environment are checked all the same


def _opens(path: str, ports: Ports) -> bool:
    try:
        ports.files.open(path, "model.path").close()
    except EdgeError:
        return False
    return True


def paths(plan: Plan, ports: Ports) -> Iterator[EdgeError]:
    """What is wrong with the files that other steps read: the model's and config.json."""
    for look in (config_file, model_path):
        try:
            look(plan, ports)
        except EdgeError as error:  # noqa: PERF203 -- two files
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


def scoring_inputs(plan: Plan, ports: Ports) -> str:
    """Fingerprint of scoring script and environment."""
    files = plan.scoring
    return resources.fingerprint(
        ports.files.fingerprint(resources.path(plan, files.script), "scoring.script"),
        ports.files.fingerprint(resources.path(plan, files.environment), "scoring.environment"),
    )


def trial_inputs(plan: Plan, ports: Ports) -> str:
    """Fingerprint of what a trial takes: script, environment, model file and samples; another sample may be missing."""
    sample, model = plan.scoring.sample, plan.model.path
    return resources.fingerprint(
        scoring_inputs(plan, ports),
        ports.files.fingerprint(resources.path(plan, sample), "scoring.sample") if sample else "",
        ports.files.fingerprint(resources.path(plan, model), "model.path") if model else "",
        *filter(None, [resources.package_index(plan).url]),
        *(
            _now(partial(ports.files.fingerprint, resources.path(plan, one), "scoring.samples"))
            for one in plan.scoring.samples
        ),
    )


def resolving_inputs(plan: Plan, ports: Ports) -> str:
    """Fingerprint of what the resolver takes: the environment, for the image's platform."""
    text = ports.files.read_text(resources.path(plan, plan.scoring.environment), "scoring.environment")
    return resources.resolving(plan, text)


def model_inputs(plan: Plan, ports: Ports) -> str:
    """Fingerprint of what would be registered: name, content, description and tags."""
    model = plan.model
    content = ports.files.fingerprint(resources.path(plan, model.path), "model.path")
    return resources.fingerprint(
        model.name, content, model.description, *(f"{k}={v}" for k, v in sorted(model.tags.items()))
    )


def image_inputs(plan: Plan, model: str, ports: Ports) -> str:
    """Fingerprint of what goes into the image; `model` is `name:version`."""
    image = plan.image
    script = resources.path(plan, plan.scoring.script)
    return resources.fingerprint(
        model,
        scoring_inputs(plan, ports),
        script.rpartition("/")[2],
        image.builder,
        plan.image_name,
        image.tag,
        image.platform,
        *_own_build(plan, ports),
    )


def _own_build(plan: Plan, ports: Ports) -> list[str]:
    """What only our own Dockerfile takes, where there is any."""
    image = plan.image
    texts = [f"{key}={value}" for key, value in (("base", image.base), ("index_url", image.index_url)) if value]
    for key, value in (("ca_bundle", image.ca_bundle), ("context", image.context)):
        if value:
            texts.append(f"{key}={ports.files.fingerprint(resources.path(plan, value), f'image.{key}')}")
    return texts


def deploy_inputs(plan: Plan) -> str:
    """Fingerprint of the module's settings."""
    return resources.fingerprint(plan.module_name, msgspec.json.encode(plan.module, order="deterministic").decode())


def inputs(plan: Plan, results: Results, ports: Ports) -> Inputs:
    """Fingerprints of everything as it is now; a file that cannot be read gives `UNREADABLE`."""
    return Inputs(
        model=_now(lambda: model_inputs(plan, ports)) if plan.model.path else "",
        scoring=_now(lambda: scoring_inputs(plan, ports)) if plan.scoring.script else "",
        image=_now(lambda: image_inputs(plan, model_id(plan, results), ports)) if plan.scoring.script else "",
        deploy=deploy_inputs(plan),
        trial=_now(lambda: trial_inputs(plan, ports)) if plan.scoring.script else "",
        resolving=_now(lambda: resolving_inputs(plan, ports)) if plan.scoring.environment else "",
    )


def model_id(plan: Plan, results: Results) -> str:
    """`name:version` of the model to use: the registered one that the plan names, or the one that was registered for it."""
    if plan.model.version is not None and not plan.model.path:
        return f"{plan.model.name}:{plan.model.version}"
    return results.model


def _now(read: Callable[[], str]) -> str:
    try:
        return read()
    except EdgeError:
        return UNREADABLE
