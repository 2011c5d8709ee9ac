"""A plain azureml-core script that builds one image of a scoring example ; prints how it went as JSON.

Arguments: the example's folder, and a conda file in place of the example's.
"""

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


def main(example: Path, conda: Path) -> dict[str, Any]:
    shutil.copy(example / "model.pkl", "model.pkl")
    ws = azureml_package.workspace()
    model = Model.register(ws, "model.pkl", "built")
    building = azureml_package.package(ws, [model], example / "score.py", conda, "built", "v1")
    return azureml_package.follow(building)


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        folder = Path(sys.argv[1])
        result = main(folder, Path(sys.argv[2]) if len(sys.argv) > 2 else folder / "myenv.yml")
    result["left"] = loopback_only.LEFT
    print(json.dumps(result))
