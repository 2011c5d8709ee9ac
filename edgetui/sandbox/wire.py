"""What every room says the same way: JSON bodies in and out, and Azure's error documents."""

from __future__ import annotations

import json
from typing import Any

import anyio.from_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


def body(request: Request) -> bytes:
    """Return the whole body; for `def` endpoints, which run in a worker thread."""
    return anyio.from_thread.run(request.body)


def json_body(request: Request) -> Any:
    """Return the decoded JSON body, `{}` when it is empty.

    Raises:
        HTTPException: 400 when it is not JSON.
    """
    raw = body(request)
    if not raw:
        return {}
    try:
        return json.loads(raw)
    except ValueError as problem:
        raise HTTPException(400, detail=f"InvalidRequestContent: The request content was invalid: {problem}") from None


def json_object(request: Request) -> dict[str, Any]:
    """Return the decoded JSON object of the body.

    Raises:
        HTTPException: 400 when it is something else.
    """
    value = json_body(request)
    if not isinstance(value, dict):
        raise HTTPException(400, detail="InvalidRequestContent: The request content must be a JSON object.")
    return value


def arm_error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """Return an error as Azure Resource Manager words it."""
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)


def machine_learning_error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """Return an error as Azure ML's model management words it."""
    detail = {"code": code, "message": message}
    document = {"code": code, "statusCode": status, "message": message, "details": [detail], "correlation": {}}
    return JSONResponse(document, status, headers)


def http_exception(request: Request, problem: Exception) -> Response:
    """Turn a raised HTTPException into the error of the service that was asked; a detail `Code: text` names its code."""
    assert isinstance(problem, HTTPException)  # noqa: S101 -- registered for this class only
    headers = dict(problem.headers or {})
    if problem.status_code in {204, 304}:
        return Response(status_code=problem.status_code, headers=headers)
    code, colon, text = problem.detail.partition(": ")
    if not colon or " " in code:
        code, text = problem.detail.replace(" ", ""), problem.detail
    worded = machine_learning_error if request.url.path.startswith("/modelmanagement/") else arm_error
    return worded(problem.status_code, code, text, headers)
