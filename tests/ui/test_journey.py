"""A newcomer on the sandbox follows the screen alone, in a terminal of 80x24, until the device has answered."""

from __future__ import annotations

from pathlib import Path

from edgetui.ui.app import EdgeApp
from tests.ui import on_sandbox
from tests.ui.driving import LIMIT, text_of, until

BUILD_LIMIT = 600.0  # seconds: where the environment is not cached yet, it is installed from a package index


async def test_from_the_first_screen_to_a_prediction(tmp_path: Path, sandbox_cache: Path) -> None:
    with on_sandbox.outside_of_own(tmp_path, sandbox_cache) as outside:
        app = EdgeApp(outside.ports, "", outside.settings)
        async with app.run_test(notifications=True) as pilot:
            await until(pilot, "Continue with pump-anomaly")
            await pilot.press("enter")
            shown = await until(pilot, "F3 the next one that is not done")
            assert "SANDBOX  edge-ws  edge-hub" in shown
            await pilot.press("f3")
            await until(pilot, "F8 (or Enter on Register)")
            await pilot.press("enter")
            await until(pilot, "is registered; F3 goes on")
            await pilot.press("f3")
            await until(pilot, "✓ checked; F8 tries it, F3 goes on")
            await pilot.press("f3")
            await until(pilot, "F8 (or Enter on Build)")
            await pilot.press("enter")
            await until(pilot, lambda: "image" in app.bridge.runs)
            # The build goes on while the next step is done.
            await pilot.press("f2")
            await until(pilot, "Deploy a model to your edge devices")
            await pilot.press("5")
            await until(pilot, "Enter or F8 fetches the credential")
            await pilot.press("enter")
            await until(pilot, "Turn on the admin user")
            await pilot.press("tab", "enter")
            await until(pilot, "The credential is kept; F3 goes on")
            await pilot.press("f2")
            await until(pilot, "✓ 4 Image", limit=BUILD_LIMIT)
            await pilot.press("f3")
            await until(pilot, "F8 (or Enter on Deploy) deploys")
            assert app.session.results.devices == {}  # a look at what would change has changed nothing
            await pilot.press("f8")
            await until(pilot, "Deploy to line1-gateway?")
            await pilot.press("tab", "enter")
            await until(pilot, "Every device has answered", limit=4 * LIMIT)
            assert '"anomaly"' in text_of(app)
            await pilot.press("f2")
            shown = await until(pilot, "All is done: the module answers on the device")
            assert shown.count("✓") >= 7
            prediction = app.session.results.devices["line1-gateway"].prediction
            assert set(prediction) == {"anomaly", "score"}

        again = EdgeApp(outside.ports, "", outside.settings)
        async with again.run_test() as pilot:
            await until(pilot, "7 of 7 steps done")
