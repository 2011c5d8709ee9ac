"""The IoT Hub's own error documents, which differ from Resource Manager's."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone

from starlette.responses import JSONResponse, Response


class HubError(Exception):
    """A refused call: HTTP status, the hub's code (`DeviceNotFound`), and a text for people."""

    def __init__(self, status: int, code: str, text: str, message: str | None = None) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text
        self.message = message or f"ErrorCode:{code};{text}"  # a few errors have another form

    def response(self) -> Response:
        """Return what the hub answers; the code is in the header `iothub-errorcode` too."""
        stamp = datetime.now(timezone.utc).strftime("%m/%d/%Y %H:%M:%S")
        tracking = f"Tracking ID:{uuid.uuid4().hex}-G:0-TimeStamp:{stamp}"
        headers = {"iothub-errorcode": self.code}
        if self.status == 401:
            headers["WWW-Authenticate"] = "SharedAccessSignature"
        return JSONResponse({"Message": self.message, "ExceptionMessage": tracking}, self.status, headers)
