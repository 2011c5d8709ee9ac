"""Answers requests by plain Python: here the weights of a line, kept as JSON. Write what you need.

Asked:    {"data": [[1.0, 2.0, 3.0], ...]}      one row of features each
Answered: {"prediction": [...]}
"""

import json
import os
from pathlib import Path

from azureml_inference_server_http.api.aml_response import AMLResponse

MODEL = "model.json"
model = None


def init():
    """Load the model; called once, when the module starts."""
    global model
    # The folder holds the registered file; it may lie in a folder of its own there.
    path = next(Path(os.environ["AZUREML_MODEL_DIR"]).rglob(MODEL))
    model = json.loads(path.read_text(encoding="utf-8"))


def run(raw_data):
    """Answer one request; one that cannot be answered gets 400 and the reason."""
    try:
        rows = json.loads(raw_data)["data"]
        weights, start = model["weights"], model["start"]
        prediction = [start + sum(weight * x for weight, x in zip(weights, row, strict=True)) for row in rows]
    except (KeyError, TypeError, ValueError) as problem:
        wanted = {"data": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]}
        return AMLResponse({"error": f"{type(problem).__name__}: {problem}", "wanted": wanted}, 400, json_str=True)
    return {"prediction": prediction}
