"""Take the README's picture: `python -m tests.picture` opens the real wizard on a real sandbox and writes assets/wizard.svg.

The example's plan is deployed first, so that the picture shows a plan that is done.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path

from edgetui import bootstrap, settings
from edgetui.adapters.cloud import from_environ
from edgetui.command_line.sandbox_process import DEFAULT, SandboxProcess
from edgetui.core.ports import Ports
from edgetui.jobs.run_plan import run_plan
from edgetui.jobs.session import Session
from edgetui.ui.app import EdgeApp

ASSETS = Path(__file__).parents[1] / "assets"
SIZE = (100, 26)  # columns, rows: the hub with its pane
LIMIT = 60.0  # seconds


def deployed(ports: Ports, plan: Path) -> None:
    """Run the whole plan, for real."""
    last = None
    for event in run_plan(Session(ports, str(plan))):
        last = event
    if last is None or not getattr(last, "ok", False):
        sys.exit(f"the example was not deployed: {last}")


async def picture(ports: Ports, plan: Path, chosen: settings.Settings) -> str:
    """Open the wizard at the list of steps and return what it shows, as SVG."""
    app = EdgeApp(ports, str(plan), chosen)
    async with app.run_test(size=SIZE) as pilot:
        begun = time.monotonic()
        while not app.has_session:
            if time.monotonic() - begun > LIMIT:
                sys.exit("the wizard did not open the plan")
            await pilot.pause(0.1)
        await pilot.press("end")
        await app.workers.wait_for_complete()
        await pilot.pause(1.0)
        return app.export_screenshot(title="edgetui")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="edgetui-picture-") as folder:
        home = Path(folder)
        chosen = settings.load({"EDGETUI_HOME": folder})
        sandbox = SandboxProcess(home / "sandbox", Path(tempfile.gettempdir()) / "edgetui-cache")
        ports = bootstrap.ports(chosen, lambda: from_environ(sandbox.variables()), sandbox=DEFAULT)
        try:
            plan = Path(shutil.copytree(ASSETS / "examples" / "pump-anomaly", home / "pump-anomaly")) / "plan.toml"
            deployed(ports, plan)
            svg = asyncio.run(picture(ports, plan, chosen))
        finally:
            bootstrap.close(ports)
            sandbox.stop()
    target = ASSETS / "wizard.svg"
    target.write_text(svg, encoding="utf-8")
    print(f"{target}: {len(svg)} bytes")


if __name__ == "__main__":
    main()
