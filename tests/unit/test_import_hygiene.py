"""What a process must not load: SDKs live in children, and the first frame waits for none of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SDKS = {"azure", "azureml", "msrest", "docker", "keyring", "paramiko", "uamqp"}
SHOW = "\nimport sys, json; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
LIMIT = 60  # seconds until a process that hangs is given up


def loaded(code: str, tmp_path: Path) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after `code`."""
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "EDGETUI_HOME": str(tmp_path / "edgetui")}
    done = subprocess.run(
        [sys.executable, "-c", code + SHOW],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("module", ["edgetui.bootstrap", "edgetui.ui.app", "edgetui.jobs.run_plan", "edgetui.cli"])
def test_no_sdk_is_imported_by_the_apps_own_process(module: str, tmp_path: Path) -> None:
    assert not loaded(f"import {module}", tmp_path) & SDKS


@pytest.mark.parametrize("module", ["edgetui.cli", "edgetui.jobs.run_plan", "edgetui.bootstrap", "edgetui.settings"])
def test_only_the_screens_import_textual(module: str, tmp_path: Path) -> None:
    assert "textual" not in loaded(f"import {module}", tmp_path)


def test_making_the_ports_and_asking_who_is_signed_in_imports_no_sdk(tmp_path: Path) -> None:
    code = """
import os
from edgetui import bootstrap, settings
from edgetui.adapters.cloud import from_environ
sandbox = {"EDGETUI_SANDBOX_ARM": "https://127.0.0.1:1", "EDGETUI_SANDBOX_TOKEN": "abc"}
ports = bootstrap.ports(settings.load(os.environ), lambda: from_environ(sandbox), warm=False)
assert ports.identity.account().method == "token"
bootstrap.close(ports)
""".strip()
    assert not loaded(code, tmp_path) & {*SDKS, "textual"}


def test_building_the_ports_starts_nothing_and_asks_for_no_cloud(tmp_path: Path) -> None:
    code = """
import os
from edgetui import bootstrap, settings
def cloud():
    raise AssertionError("asked too early")
ports = bootstrap.ports(settings.load(os.environ), cloud, warm=False)
bootstrap.close(ports)
""".strip()
    assert not loaded(code, tmp_path) & {*SDKS, "textual", "requests"}
    assert not (tmp_path / "edgetui" / "state" / "children").exists()


def test_help_loads_neither_screens_nor_sdks(tmp_path: Path) -> None:
    code = """
import contextlib, io
from edgetui import cli
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    cli.main(["--help"])
""".strip()
    assert not loaded(code, tmp_path) & {*SDKS, "textual", "requests", "rich"}
