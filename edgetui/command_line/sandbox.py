"""`edgetui sandbox serve`: keep Azure's stand-in running, for edgetui and for any other client."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from edgetui.command_line.sandbox_process import DEFAULT


def run(args: argparse.Namespace) -> int:
    """Serve until a signal; returns the server's exit code."""
    from edgetui import settings
    from edgetui.sandbox.edge_device import container_engine
    from edgetui.sandbox.server import serve

    chosen = settings.load(os.environ)
    scenario = args.scenario or DEFAULT
    state = Path(args.state) if args.state else chosen.state / "sandbox" / scenario
    env_file = Path(args.env_file) if args.env_file else state.absolute() / "sandbox.env"
    sys.stderr.write(f"For other programs: . {env_file}\n")
    return serve(state, chosen.cache, args.scenario, env_file, engine=container_engine.usual())
