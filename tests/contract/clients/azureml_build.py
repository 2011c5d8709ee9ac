"""A plain azureml-core script that builds one image of a scoring example (argument: its folder); prints how it went as JSON."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import azureml_package
import loopback_only
from azureml.core import Model


def main(example: Path) -> dict[str, Any]:
    shutil.copy(example / "model.pkl", "model.pkl")
    ws = azureml_package.workspace()
    model = Model.register(ws, "model.pkl", "built")
    building = azureml_package.package(ws, [model], example / "score.py", example / "myenv.yml", "built", "v1")
    return azureml_package.follow(building)


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        result = main(Path(sys.argv[1]))
    result["left"] = loopback_only.LEFT
    print(json.dumps(result))
