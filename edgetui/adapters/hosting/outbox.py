"""What a hosted adapter streams to the app: many items in one message where they come fast, each soon where they do not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

INTERVAL = 0.05  # seconds that an item waits for others at most
MOST = 2_000  # items in one message


class Outbox:
    """Takes items one by one and hands them on in order: the first at once, those that follow it every `INTERVAL`.

    A `send` that blocks holds whoever adds: what nobody fetches does not pile up here.
    """

    def __init__(self, send: Callable[[tuple[Any, ...]], None]) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._items: list[Any] = []
        self._sent = 0.0
        self._waiting = threading.Event()
        self._failed: Exception | None = None
        threading.Thread(target=self._later, name="outbox", daemon=True).start()

    def add(self, item: Any) -> None:
        """Take an item; raises what an earlier `send` raised."""
        with self._lock:
            self._raise()
            self._items.append(item)
            if len(self._items) >= MOST or time.monotonic() - self._sent >= INTERVAL:
                self._hand_over()
            else:
                self._waiting.set()

    def flush(self) -> None:
        """Hand over all there is; raises what an earlier `send` raised."""
        with self._lock:
            self._raise()
            self._hand_over()

    def _hand_over(self) -> None:
        items, self._items = tuple(self._items), []
        self._waiting.clear()
        if items:
            self._send(items)
            self._sent = time.monotonic()

    def _raise(self) -> None:
        failed, self._failed = self._failed, None
        if failed:
            self._items.clear()
            raise failed

    def _later(self) -> None:
        while self._waiting.wait():
            time.sleep(INTERVAL)
            with self._lock:
                try:
                    self._hand_over()
                except Exception as problem:  # noqa: BLE001 -- told to whoever adds next, whose item it was
                    self._failed = problem
