"""The configuration file that names a workspace, found and read as the SDK does it."""

from __future__ import annotations

import json
from pathlib import Path

from edgetui.core import parser_words
from edgetui.core.errors import bad_input

# As `Workspace.from_config` searches: every kind of folder through all ancestors, then the next kind.
_FOLDERS = (".azureml", "aml_config", "")
_FILES = ("config.json", "project.json")
_KEYS = ("subscription_id", "resource_group", "workspace_name")


def find_config(folder: Path, file: str = "") -> Path:
    """The configuration file: `file` (relative to `folder`), or the one that the SDK would take from `folder` upwards.

    Raises:
        EdgeError: (input) there is none; `field` is `workspace.config` where `file` names it, else empty.
    """
    if file and (folder / file).is_file():
        return folder / file
    if file:
        raise bad_input(
            "workspace.config", f"There is no file {folder / file}", "Check the path, or pick the workspace."
        )
    start = folder.resolve()
    for kind in _FOLDERS:
        for name in _FILES:
            for ancestor in (start, *start.parents):
                if (ancestor / kind / name).is_file():
                    return ancestor / kind / name
    raise bad_input(
        "",  # nobody named one: no answer is wrong
        f"There is no config.json in {start} or above it",
        "Download it from the workspace's page in the Azure portal, or pick the workspace from the list.",
    )


def read_config(path: Path) -> tuple[str, str, str]:
    """Subscription, resource group and workspace of a configuration file, in either of the SDK's two shapes.

    Raises:
        EdgeError: it is no JSON, a key is missing, or still holds the placeholder of an example.
    """
    field = "workspace.config"
    try:
        values = json.loads(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as problem:
        raise bad_input(field, f"Cannot read {path}", "Make it a file that you may read.", str(problem)) from None
    except ValueError as problem:
        raise bad_input(field, f"{path} is no valid JSON", "Correct that line.", parser_words.json(problem)) from None
    if not isinstance(values, dict):
        raise bad_input(field, f"{path} holds no JSON object", f"It must have the keys {', '.join(_KEYS)}.")
    scope = values.get("Scope")
    if isinstance(scope, str) and scope:
        pieces = scope.split("/")
        if len(pieces) < 9:
            raise bad_input(field, f"{path}: Scope is no workspace's resource id", "Download the file again.", scope)
        values = dict(zip(_KEYS, (pieces[2], pieces[4], pieces[8]), strict=True))
    for key in _KEYS:
        _check(path, key, values.get(key))
    return values["subscription_id"], values["resource_group"], values["workspace_name"]


def _check(path: Path, key: str, value: object) -> None:
    remedy = f"Write the real {key.replace('_', ' ')}; the workspace's page in the Azure portal shows it."
    if value is None:
        raise bad_input("workspace.config", f"{path} has no key {key}", remedy)
    if not isinstance(value, str) or not value.strip():
        raise bad_input("workspace.config", f"{path}: {key} is empty", remedy)
    if value.strip()[0] in "<{[$" or "your" in value.lower().replace("_", "-").split("-"):
        raise bad_input("workspace.config", f"{path}: {key} still holds the placeholder {value}", remedy)
