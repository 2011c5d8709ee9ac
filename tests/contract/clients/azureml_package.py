"""A plain azureml-core script that builds images; prints what it saw as JSON. Arguments: the folder of a scoring example."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import loopback_only

loopback_only.watch()

from azureml.core import Environment, Model, Workspace  # noqa: E402
from azureml.core.authentication import TokenAuthentication  # noqa: E402
from azureml.core.image import ContainerImage  # noqa: E402
from azureml.core.model import InferenceConfig  # noqa: E402
from azureml.exceptions import WebserviceException  # noqa: E402

POLL = 0.2  # seconds
LIMIT = 600


def workspace() -> Workspace:
    return Workspace.get(
        os.environ["EDGETUI_SANDBOX_WORKSPACE"],
        TokenAuthentication(get_token_for_audience=lambda _: os.environ["EDGETUI_SANDBOX_TOKEN"]),
        os.environ["EDGETUI_SANDBOX_SUBSCRIPTION"],
        os.environ["EDGETUI_SANDBOX_RESOURCE_GROUP"],
    )


def package(ws: Workspace, models: list[Model], script: Path, conda: Path, image: str, label: str) -> Any:
    environment = Environment.from_conda_specification(f"{image}-env", str(conda))
    inference = InferenceConfig(entry_script=str(script), environment=environment)
    return Model.package(ws, models, inference, image_name=image, image_label=label)


def follow(building: Any) -> dict[str, Any]:
    """Read the log piece by piece, from where the last piece ended, until the build has ended."""
    log, pieces, began = b"", [], time.monotonic()
    while True:
        building.update_creation_state()
        ended = building.state not in {"NotStarted", "Running"}
        piece = building.get_logs(decode=False, offset=len(log)) or b""
        if piece:
            log += piece
            pieces.append([building.state, len(piece)])
        if ended:
            break
        assert time.monotonic() - began < LIMIT, log.decode()
        time.sleep(POLL)
    return {
        "state": building.state,
        "location": building.location,
        "log": log.decode(),
        "pieces": pieces,
        "seconds": time.monotonic() - began,
        "error": building.error,
    }


def failing(ws: Workspace, model: Model, script: Path) -> dict[str, Any]:
    """Ask for a package that nobody has."""
    conda = Path("missing.yml")
    conda.write_text("dependencies:\n- pip:\n  - edgetui-no-such-package==9.9.9\n")
    building = package(ws, [model], script, conda, "missing", "1")
    saw = follow(building)
    try:
        building.wait_for_creation()
    except WebserviceException as problem:
        saw["raised"] = str(problem)
    return saw


def older_way(ws: Workspace, model: Model, script: Path, conda: Path) -> dict[str, Any]:
    """As the article does it; this API wants the script in the current directory."""
    shutil.copy(script, "score.py")
    shutil.copy(conda, "myenv.yml")
    configuration = ContainerImage.image_configuration("score.py", "python", conda_file="myenv.yml")
    image = ContainerImage.create(ws, "older-way", [model], configuration)
    image.wait_for_creation(show_output=True)
    return {
        "state": image.creation_state,
        "location": image.image_location,
        "id": image.id,
        "log uri": bool(image.image_build_log_uri),
        "listed": [one.id for one in ContainerImage.list(ws, image_name="older-way")],
    }


def main(example: Path) -> dict[str, Any]:
    shutil.copy(example / "model.pkl", "model.pkl")
    ws = workspace()
    model = Model.register(ws, "model.pkl", "packaged")
    script, conda = example / "score.py", example / "myenv.yml"
    saw: dict[str, Any] = {"model": model.id}
    saw["first"] = follow(package(ws, [model], script, conda, "packaged", "v1"))
    again = package(ws, [model], script, conda, "packaged", "v2")
    saw["again"] = follow(again)
    with contextlib.redirect_stdout(io.StringIO()) as shown:  # the client leaves out the log of what has ended before
        again.wait_for_creation(show_output=True)
    saw["again"]["shown"] = shown.getvalue()
    saw["missing"] = failing(ws, model, script)
    saw["older"] = older_way(ws, model, script, conda)
    model.delete()
    saw["left models"] = [one.id for one in Model.list(ws, name="packaged")]
    return saw


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):  # the client prints its progress
        result = main(Path(sys.argv[1]))
    result["left"], result["connections"] = loopback_only.LEFT, len(loopback_only.CALLS)
    print(json.dumps(result))
