"""Runs the plain SDK scripts of `clients/`, each in a process of its own with only the sandbox's env file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import Sandbox

CLIENTS = Path(__file__).parent / "clients"
EXAMPLE = Path(__file__).parents[2] / "assets" / "examples" / "pump-anomaly"
LIMIT = 600  # seconds until a hung client is given up; the first environment is downloaded


def run_client(sandbox: Sandbox, script: str, folder: Path, *arguments: str, asked: Any = None) -> dict[str, Any]:
    """Run a script in a folder of its own, with `asked` as JSON on its stdin; return the JSON that it printed.

    Its home, its temporary files and its current folder are `home`, `tmp` and `work` below `folder`.
    """
    for name in ("home", "tmp", "work"):
        (folder / name).mkdir(parents=True)
    env = sandbox.child_env(HOME=str(folder / "home"), TMPDIR=str(folder / "tmp"), PYTHONWARNINGS="ignore")
    env.pop("PYTHONPATH", None)
    done = subprocess.run(
        [sys.executable, str(CLIENTS / script), *arguments],
        input=json.dumps(asked),
        cwd=folder / "work",
        env=env,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    saw: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return saw
