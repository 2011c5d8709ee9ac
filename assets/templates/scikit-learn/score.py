"""Answers requests with a scikit-learn model, saved by joblib or pickle.

Asked:    {"data": [[1.0, 2.0, 3.0], ...]}      one row of features each
Answered: {"prediction": [...]}
"""

import json
import os
from pathlib import Path

import joblib
from azureml_inference_server_http.api.aml_response import AMLResponse

MODEL = "model.pkl"
model = None


def init():
    """Load the model; called once, when the module starts."""
    global model
    # The folder holds the registered file; it may lie in a folder of its own there.
    path = next(Path(os.environ["AZUREML_MODEL_DIR"]).rglob(MODEL))
    model = joblib.load(path)


def run(raw_data):
    """Answer one request; one that cannot be answered gets 400 and the reason."""
    try:
        rows = json.loads(raw_data)["data"]
        prediction = model.predict(rows).tolist()
    except (KeyError, TypeError, ValueError) as problem:
        wanted = {"data": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]}
        return AMLResponse({"error": f"{type(problem).__name__}: {problem}", "wanted": wanted}, 400, json_str=True)
    return {"prediction": prediction}
