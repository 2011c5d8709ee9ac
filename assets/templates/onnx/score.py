"""Answers requests with an ONNX model of one input, by ONNX Runtime.

Asked:    {"data": [[1.0, 2.0, 3.0], ...]}      one row of features each
Answered: {"prediction": [[...], ...]}      one list for each output of the model
"""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from azureml_inference_server_http.api.aml_response import AMLResponse

MODEL = "model.onnx"
model = None


def init():
    """Load the model; called once, when the module starts."""
    global model
    # The folder holds the registered file; it may lie in a folder of its own there.
    path = next(Path(os.environ["AZUREML_MODEL_DIR"]).rglob(MODEL))
    model = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def run(raw_data):
    """Answer one request; one that cannot be answered gets 400 and the reason."""
    try:
        wanted_input = model.get_inputs()[0]
        kinds = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}
        rows = np.asarray(json.loads(raw_data)["data"], dtype=kinds.get(wanted_input.type, np.float32))
        prediction = [np.asarray(one).tolist() for one in model.run(None, {wanted_input.name: rows})]
    except (KeyError, TypeError, ValueError, RuntimeError) as problem:
        wanted = {"data": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]}
        return AMLResponse({"error": f"{type(problem).__name__}: {problem}", "wanted": wanted}, 400, json_str=True)
    return {"prediction": prediction}
