"""Adapters in child processes: a deadline on every call, streamed results, and cancelling by ending the child.

The SDKs behind our adapters block for minutes, cannot be stopped, print, and cost seconds to import. So the app holds
only a pool (`Hosted`) and typed proxies; each call has a child of its own, and one that hangs is thrown away:

    pool = Hosted("Azure ML", cloud, folder, imports=("edgetui.adapters.azure_ml.models",))
    models = cast(Models, proxy(Models, pool, "edgetui.adapters.azure_ml.models:create", LIMITS))
"""

from __future__ import annotations

import contextlib
import inspect
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edgetui.adapters.hosting.messages import Call, Emitted, Problem, Token, TokenWanted
from edgetui.adapters.hosting.pool import Hosted
from edgetui.adapters.hosting.process import ChildGoneError, ChildProcess, InterruptedReceive
from edgetui.core.cancel import current
from edgetui.core.errors import EdgeError

__all__ = ["Exchange", "Hosted", "Limit", "proxy"]


@dataclass(frozen=True)
class Limit:
    """What a method is called when it fails, and how long it may take.

    Attributes:
        doing: An infinitive; `{argument}` stands for an argument: 'list the models of workspace {workspace.name}'.
        seconds: Until the result; for a stream: until the first event, and between two events.
    """

    doing: str
    seconds: float


class Exchange(Iterator[Any]):
    """One call under way, as an iterator of what the method yields; the call's result is in `result` at the end.

    It starts at the first `next`. `close`, from any thread, cancels it.
    """

    def __init__(self, pool: Hosted, call: Call, seconds: float) -> None:
        self.result: Any = None
        self._pool = pool
        self._call = call
        self._seconds = seconds
        self._lock = threading.Lock()
        self._child: ChildProcess | None = None
        self._here: deque[Any] = deque()  # items that came together with one that was taken
        self._ended = False
        self._cancelled = False
        self._registration = contextlib.ExitStack()

    def __next__(self) -> Any:
        if self._child is None and not self._ended:
            self._begin()
        if self._cancelled:  # between two items: nobody may take that for the end of the work
            raise self._stopped()
        if self._ended:
            raise StopIteration
        if self._here:
            return self._here.popleft()
        message = self._receive()
        if isinstance(message, Emitted):
            self._here.extend(message.values)
            return self._here.popleft()
        self._finish()
        if isinstance(message, Problem):
            raise message.error
        self.result = message.value
        raise StopIteration

    @property
    def ready(self) -> int:
        """How many items are here already: so often `next` does not wait."""
        return len(self._here)

    def close(self) -> None:
        """Cancel the call if it is under way; the child may end what it began elsewhere, and vanishes."""
        self._close()

    def _close(self, *, cancelled: bool = False) -> None:
        with self._lock:
            child, begun = self._child, not self._ended
            self._ended = True
            if child is not None and begun:
                self._cancelled = cancelled
                child.interrupt()
        if child is not None and begun:
            self._pool.throw_away(child, politely=True)

    def __del__(self) -> None:
        if not sys.is_finalizing():  # no thread can start any more; the child sees the end of the app by itself
            self.close()

    def _begin(self) -> None:
        child = self._pool.take(self._seconds)
        with self._lock:
            self._child = child
        try:
            child.send(self._call)
        except ChildGoneError as gone:
            self._discard()
            raise self._crashed(gone) from None
        # Weak: an iterator that nobody holds any more must be closed, not be kept alive by its cancellation.
        close = weakref.WeakMethod(self._close)
        self._registration.enter_context(current().on_cancel(lambda: (found := close()) and found(cancelled=True)))

    def _receive(self) -> Any:
        child = self._child
        assert child is not None  # noqa: S101 -- `_begin` made one
        limit = time.monotonic() + self._seconds
        while True:
            try:
                message = child.receive(limit - time.monotonic())
                if isinstance(message, TokenWanted):
                    asked = time.monotonic()
                    child.send(self._answer(message.scope))
                    limit += time.monotonic() - asked  # waiting for a sign-in is not the service's time
                    continue
            except InterruptedReceive:
                if self._pool.closed and not self._cancelled:  # the child's end was noticed before the child's silence
                    self._discard()
                    raise self._left() from None
                raise self._stopped() from None
            except TimeoutError:
                self._discard()
                raise self._too_late() from None
            except ChildGoneError as gone:
                if self._ended:
                    raise self._stopped() from None
                self._discard()
                if self._pool.closed:
                    raise self._left() from None
                raise self._crashed(gone) from None
            else:
                return message

    def _answer(self, scope: str) -> Token | Problem:
        try:
            if self._pool.tokens is None:
                return Problem(EdgeError(f"{self._pool.name} has no sign-in", kind="access"))
            return Token(*self._pool.tokens(scope))
        except EdgeError as error:
            return Problem(error)

    def _end(self) -> ChildProcess | None:
        """Mark the call as ended; returns its child, or None where `close` was faster."""
        with self._lock:
            child, self._child = (None if self._ended else self._child), None
            self._ended = True
        self._registration.close()
        return child

    def _finish(self) -> None:
        child = self._end()
        if child is not None:
            self._pool.give_back(child)

    def _discard(self) -> None:
        child = self._end()
        if child is not None:
            self._pool.throw_away(child)

    def _stopped(self) -> EdgeError:
        self._cancelled = False
        self._discard()
        return EdgeError(f"Cancelled: {self._call.doing}", kind="cancelled", retryable=True)

    def _left(self) -> EdgeError:
        # Not cancelled: what goes on elsewhere is only lost sight of.
        return EdgeError(f"Could not {self._call.doing}: edgetui is ending", kind="unreachable", retryable=True)

    def _too_late(self) -> EdgeError:
        return EdgeError(
            f"Could not {self._call.doing}: no answer in time",
            f"Waited {self._seconds:.0f} s for {self._pool.name}.",
            "Check the network, the proxy and the firewall; then try again.",
            retryable=True,
            kind="unreachable",
        )

    def _crashed(self, gone: ChildGoneError) -> EdgeError:
        return EdgeError(
            f"Could not {self._call.doing}: its process ended unexpectedly",
            f"The process for {self._pool.name} ended with {gone}",
            "Try again; it starts anew. Look at free memory if it happens again.",
            retryable=True,
            kind="unreachable",
        )


def proxy(port: type, pool: Hosted, target: str, limits: Mapping[str, Limit]) -> Any:
    """An object with the methods of `port`, a Protocol, each run by the adapter that `target` makes in a child.

    Methods that return an Iterator stream; closing what they return cancels. Every method must have its limit.

    Args:
        port: The Protocol.
        pool: The children.
        target: `module:maker`; the child calls `maker(context)` once and keeps the adapter.
        limits: By method name.
    """
    functions = {name: member for name, member in vars(port).items() if inspect.isfunction(member) and name[0] != "_"}
    if functions.keys() != limits.keys():
        raise TypeError(f"{port.__name__} needs limits for exactly {sorted(functions)}, not {sorted(limits)}")
    methods = {name: _method(function, pool, target, limits[name]) for name, function in functions.items()}
    return type(f"Hosted{port.__name__}", (), methods)()


def _method(function: Callable[..., Any], pool: Hosted, target: str, limit: Limit) -> Callable[..., Any]:
    signature = inspect.signature(function)
    streams = str(signature.return_annotation).startswith("Iterator")

    def method(self: object, *args: Any, **keywords: Any) -> Any:
        arguments = signature.bind(self, *args, **keywords).arguments
        doing = limit.doing.format(**arguments)
        call = Call(target, function.__name__, args, keywords, streams=streams, doing=doing)
        exchange = Exchange(pool, call, limit.seconds)
        if streams:
            return exchange
        next(exchange, None)
        return exchange.result

    method.__name__, method.__doc__ = function.__name__, function.__doc__
    return method
