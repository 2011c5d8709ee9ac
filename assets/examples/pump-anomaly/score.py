"""What runs on the device: loads the model once, then judges readings of a pump.

Asked:    {"readings": [{"temperature": 68.2, "pressure": 4.2}, ...]}      °C and bar
Answered: {"anomaly": [false, ...], "score": [11.3, ...]}                  below 0 is an anomaly
"""

import json
import os
import pickle
from pathlib import Path

from azureml_inference_server_http.api.aml_response import AMLResponse

FIELDS = ("temperature", "pressure")
model = None


def init():
    """Load the model; called once, when the module starts."""
    global model
    # The folder holds the registered file; it may lie in a folder of its own there.
    path = next(Path(os.environ["AZUREML_MODEL_DIR"]).rglob("model.pkl"))
    with path.open("rb") as file:
        model = pickle.load(file)  # noqa: S301 -- the file is our own


def run(raw_data):
    """Judge the readings of one request; a request that cannot be judged is answered with 400 and the reason."""
    try:
        rows = [[float(reading[field]) for field in FIELDS] for reading in json.loads(raw_data)["readings"]]
        scores = model.decision_function(rows)
    except (KeyError, TypeError, ValueError) as problem:
        wanted = '{"readings": [{"temperature": 68.2, "pressure": 4.2}]}'
        return AMLResponse({"error": f"{type(problem).__name__}: {problem}", "wanted": wanted}, 400, json_str=True)
    return {"anomaly": [bool(score < 0) for score in scores], "score": [float(score) for score in scores]}
