"""Let the installed inference server load scripts, each in a process of its own, and print how far each came.

Run in an environment with azureml-inference-server-http: `python score_verdicts.py FOLDER BODY`; the output's last line is
JSON: script name -> [phase, what the server said], the phase being `refuses`, `init`, `run` or `works`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

SECONDS = 20


def verdict(script: Path, body: bytes) -> tuple[str, str]:
    """How far the script comes in this process."""
    import flask
    from azureml_inference_server_http.api.aml_response import AMLResponse
    from azureml_inference_server_http.server.user_script import UserScript, UserScriptError

    user = UserScript(str(script))
    try:
        user.load_script("/")
    except UserScriptError as problem:
        return "refuses", f"{problem} {getattr(problem, 'user_ex', '')}"
    except TypeError as problem:  # `run` is no function: the server does not foresee that, and ends all the same
        return "refuses", repr(problem)
    try:
        user.invoke_init()
    except UserScriptError as problem:
        return "init", repr(getattr(problem, "user_ex", problem))
    try:
        with flask.Flask("x").test_request_context("/score", method="POST", data=body, content_type="application/json"):
            output = user.invoke_run(flask.request, timeout_ms=60_000).output
            if not isinstance(output, flask.Response):
                AMLResponse(output, 200, json_str=True)
    except Exception as problem:  # noqa: BLE001 -- whatever it is, the server answers 500
        return "run", repr(getattr(problem, "user_ex", problem))
    return "works", ""


def in_a_child(script: Path, body: bytes) -> list[str]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(SECONDS)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        sys.argv = ["azmlinfsrv", "-b", "0.0.0.0:5001"]
        code = 1
        try:
            os.write(writing, json.dumps(verdict(script, body)).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        data = said.read()
    os.waitpid(pid, 0)
    return list(json.loads(data)) if data else ["ended", ""]


def main() -> None:
    folder, body = Path(sys.argv[1]), sys.argv[2].encode()
    import joblib
    import numpy as np
    from azureml_inference_server_http.server import user_script
    from sklearn.linear_model import LinearRegression

    assert user_script.UserScript
    model = folder / "model"
    model.mkdir()
    joblib.dump(LinearRegression().fit(np.ones((4, 2)), np.ones(4)), model / "model.pkl")
    os.environ["AZUREML_MODEL_DIR"] = str(model)
    os.chdir(folder)
    print(json.dumps({script.name: in_a_child(script, body) for script in sorted(folder.glob("*.py"))}))


if __name__ == "__main__":
    main()
