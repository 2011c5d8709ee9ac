"""`python -m edgetui.sandbox`: serve Azure on loopback."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edgetui.sandbox.edge_device import container_engine
from edgetui.sandbox.scenarios import SCENARIOS
from edgetui.sandbox.server import serve


def main(argv: list[str] | None = None) -> int:
    """Read the command line and serve; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m edgetui.sandbox", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="this sandbox's own folder")
    parser.add_argument("--cache", type=Path, required=True, help="folder shared by all sandboxes: environments")
    parser.add_argument("--scenario", help=f"what a new world holds: {', '.join(SCENARIOS)} (default: happy)")
    parser.add_argument("--env-file", type=Path, help="where to write the shell's export lines, too")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop at the end of stdin too")
    parser.add_argument(
        "--engine",
        metavar="HOST",
        help="container engine that runs images of other makers on the live device, unix:///... or tcp://... "
        "(default: $DOCKER_HOST, else the usual socket if it is there; '' for none)",
    )
    given = parser.parse_args(argv)
    engine = container_engine.usual() if given.engine is None else given.engine
    return serve(
        given.state,
        given.cache,
        given.scenario,
        given.env_file,
        until_stdin_closes=given.until_stdin_closes,
        engine=engine,
    )


if __name__ == "__main__":
    sys.exit(main())
