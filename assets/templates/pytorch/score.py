"""Answers requests with a PyTorch model, saved by `torch.jit.save`: no class of the training script is needed.

Asked:    {"data": [[1.0, 2.0, 3.0], ...]}      one row of features each
Answered: {"prediction": [...]}
"""

import json
import os
from pathlib import Path

import torch
from azureml_inference_server_http.api.aml_response import AMLResponse

MODEL = "model.pt"
model = None


def init():
    """Load the model; called once, when the module starts."""
    global model
    # The folder holds the registered file; it may lie in a folder of its own there.
    path = next(Path(os.environ["AZUREML_MODEL_DIR"]).rglob(MODEL))
    model = torch.jit.load(str(path), map_location="cpu").eval()


def run(raw_data):
    """Answer one request; one that cannot be answered gets 400 and the reason."""
    try:
        rows = torch.tensor(json.loads(raw_data)["data"], dtype=torch.float32)
        with torch.no_grad():
            prediction = model(rows).tolist()
    except (KeyError, TypeError, ValueError, RuntimeError) as problem:
        wanted = {"data": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]}
        return AMLResponse({"error": f"{type(problem).__name__}: {problem}", "wanted": wanted}, 400, json_str=True)
    return {"prediction": prediction}
