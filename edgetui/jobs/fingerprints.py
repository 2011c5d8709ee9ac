"""Fingerprint what each step would work on, to see whether what it made is still of that. No network."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from edgetui.core import context_files
from edgetui.core.errors import EdgeError
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.core.results import Results
from edgetui.core.steps import UNREADABLE, Inputs
from edgetui.jobs import resources


def scoring_inputs(plan: Plan, ports: Ports) -> str:
    """Fingerprint of scoring script and environment."""
    files = plan.scoring
    return resources.fingerprint(
        ports.files.fingerprint(resources.path(plan, files.script), "scoring.script"),
        ports.files.fingerprint(resources.path(plan, files.environment), "scoring.environment"),
    )


def trial_inputs(plan: Plan, ports: Ports) -> str:
    """Fingerprint of what a trial takes: script and what lies beside it, environment, model file and samples.

    A sample that is not the one which is sent may be missing.
    """
    sample, model = plan.scoring.sample, plan.model.path
    return resources.fingerprint(
        scoring_inputs(plan, ports),
        ports.files.fingerprint(resources.path(plan, sample), "scoring.sample") if sample else "",
        ports.files.fingerprint(resources.path(plan, model), "model.path") if model else "",
        *filter(None, [resources.package_index(plan).url]),
        *context_inputs(plan, ports),
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
    if image.ca_bundle:
        texts.append(f"ca_bundle={ports.files.fingerprint(resources.path(plan, image.ca_bundle), 'image.ca_bundle')}")
    return [*texts, *context_inputs(plan, ports)]


def context_inputs(plan: Plan, ports: Ports) -> list[str]:
    """What lies beside the script in image and trial, and where the script lies among it; nothing without a context folder."""
    folder = resources.context(plan)
    if not folder:
        return []
    script = context_files.entry(resources.path(plan, plan.scoring.script), folder)
    return [f"context={ports.files.context_fingerprint(folder, resources.not_in_context(plan))}", f"script={script}"]


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
