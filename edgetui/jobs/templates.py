"""Start script, environment and sample from a template that fits the model."""

from __future__ import annotations

import io
from pathlib import Path

from edgetui.core import templates
from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.model_file import Facts, read
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.jobs import resources
from edgetui.jobs.examples import folder

FILES = {"script": "score.py", "environment": "myenv.yml", "sample": "sample.json"}


def facts(plan: Plan, ports: Ports) -> Facts:
    """What the plan's model file says of itself; of a model without a file nothing is known."""
    if not plan.model.path:
        return Facts("unknown", 0)
    try:
        opened = ports.files.open(resources.path(plan, plan.model.path), "model.path")
    except EdgeError:
        return Facts("unknown", 0)
    with opened:
        size = opened.seek(0, io.SEEK_END)
        opened.seek(0)
        return read(opened, size)


def texts(plan: Plan, ports: Ports, template_id: str) -> dict[str, str]:
    """The texts of `script`, `environment` and `sample` for the plan's model.

    Raises:
        EdgeError: there is no such template, or its files cannot be read.
    """
    template = templates.BY_ID.get(template_id)
    if template is None:
        known = ", ".join(templates.BY_ID)
        raise bad_input("template", f"There is no template {template_id!r}", f"Choose one of: {known}")
    home = folder().parent / "templates" / template.id
    found = {name: ports.files.read_text(str(home / file), f"scoring.{name}") for name, file in FILES.items()}
    model = Path(plan.model.path).name if plan.model.path else ""
    found["script"] = templates.script(template, found["script"], model)
    found["environment"] = templates.environment(found["environment"], facts(plan, ports), plan.image.platform)
    return found
