"""How far an upload is: the storage client has no hook for it, but logs each request and each answer."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Callable, Iterator

_LOGGER = "azure.core.pipeline.policies.http_logging_policy"
_LENGTH = re.compile(r"'Content-Length': '(\d+)'")


class _Counter(logging.Handler):
    """Adds up the bodies of the PUT requests that were answered with 201; each thread has one request under way."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        super().__init__()
        self._tell = tell
        self._under_way: dict[int, int] = {}
        self._sum = 0
        self._adding = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        text, thread = record.getMessage(), threading.get_ident()
        if text.startswith("Request URL"):
            found = _LENGTH.search(text)
            # A list of blocks and a look at the size carry nothing of the file.
            is_body = found and "Request method: 'PUT'" in text and "comp=blocklist" not in text
            self._under_way[thread] = int(found[1]) if found and is_body else 0
        elif text.startswith("Response status: 201"):
            size = self._under_way.pop(thread, 0)
            if size:
                with self._adding:
                    self._sum += size
                    self._tell(self._sum)


@contextlib.contextmanager
def counted(tell: Callable[[int], None]) -> Iterator[None]:
    """While the block runs, call `tell(bytes so far)` for every part that the storage took, from any thread."""
    logger, handler = logging.getLogger(_LOGGER), _Counter(tell)
    before, passes_on = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
        logger.propagate = passes_on
