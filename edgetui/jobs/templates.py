"""Start script, environment and sample from a template that fits the model."""

from __future__ import annotations

from pathlib import Path

from edgetui.core import templates
from edgetui.core.errors import bad_input
from edgetui.core.model_file import Facts
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.jobs import model_files
from edgetui.jobs.examples import folder

FILES = {"script": "score.py", "environment": "myenv.yml", "sample": "sample.json"}


def model(plan: Plan, ports: Ports) -> tuple[str, Facts]:
    """The plan's model file and what it says of itself; of a folder the first that says something.

    The path is the plan's, with the file's in its folder; the folder's own where no file in it says anything, and "" where
    the plan names none.
    """
    first = (plan.model.path, Facts("unknown", 0))
    for path, facts in model_files.of(plan, ports):
        if facts.kind != "unknown":
            return path, facts
        if path == plan.model.path:
            first = (path, facts)
    return first


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
    path, facts = model(plan, ports)
    found["script"] = templates.script(template, found["script"], Path(path).name)
    found["environment"] = templates.environment(found["environment"], facts, plan.image.platform)
    return found
