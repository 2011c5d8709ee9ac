"""Runs the image step of a plan over the real ports, and prints each event as a line of JSON: `build_image.py PLAN STATE`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from edgetui import bootstrap
from edgetui.adapters.cloud import from_environ
from edgetui.core.events import ImageBuilt
from edgetui.jobs.session import Session
from edgetui.settings import Settings

state = Path(sys.argv[2])
world = os.environ.get("EDGETUI_SANDBOX_SCENARIO", "")
ports = bootstrap.ports(Settings(state, state, state), lambda: from_environ(os.environ), sandbox=world, warm=False)
event = None
for event in Session(ports, sys.argv[1]).run("image"):
    print(msgspec.json.encode(event).decode(), flush=True)
bootstrap.close(ports)
sys.exit(0 if isinstance(event, ImageBuilt) else 1)
