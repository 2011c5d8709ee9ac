"""The one bridge between blocking work and the screens.

Work runs in threads of our own, not in the event loop's pool: that pool is joined at exit, and a service that hangs must
never keep the person from leaving. Work never touches a widget; it hands data over, and the loop posts messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from edgetui.core import cancel
from edgetui.core.errors import EdgeError, cancelled
from edgetui.core.events import Event, Failed, LogFile, LogLine
from edgetui.ui.messages import JobEnded, JobEvents, JobStarted, Loaded, LoadedSome, LoadFailed

if TYPE_CHECKING:
    from textual.message import Message
    from textual.message_pump import MessagePump

INTERVAL = 0.25  # seconds between two batches: four repaints a second is what a slow line carries
KEPT = 20_000  # events of a run that a screen opened later can still see; the whole log is in a file


class Run:
    """One run of a step's job: what it said so far, and since when (monotonic seconds)."""

    def __init__(self, job: str, stop: Callable[[], None]) -> None:
        self.job = job
        self.stop = stop
        self.started = time.monotonic()
        self.ended: float | None = None
        self.error: EdgeError | None = None
        self.events: deque[Event] = deque(maxlen=KEPT)
        self._came: deque[tuple[float, int]] = deque(maxlen=KEPT)  # when (since the epoch), and how many
        self.log: LogFile | None = None  # where its log is kept
        self.lines_gone = 0  # lines of its log that are not kept here

    def take(self, batch: Sequence[Event]) -> None:
        """Keep what it says now."""
        self.log = next((event for event in batch if isinstance(event, LogFile)), self.log)
        gone = max(len(self.events) + len(batch) - KEPT, 0)
        self.lines_gone += sum(isinstance(event, LogLine) for event in islice(chain(self.events, batch), gone))
        self.events.extend(batch)
        self._came.append((time.time(), len(batch)))

    def batches(self) -> Iterator[tuple[float, list[Event]]]:
        """The events that are kept, as they came together, each with its time in seconds since the epoch."""
        events = list(self.events)
        gone = sum(count for _, count in self._came) - len(events)
        for at, count in self._came:
            left = max(count - max(gone, 0), 0)
            gone -= count
            if left:
                yield at, events[:left]
                del events[:left]

    @property
    def seconds(self) -> float:
        """How long it runs, or ran."""
        return (self.ended or time.monotonic()) - self.started


class Batches:
    """Collects events from a thread; `take` gets them in the loop: the first at once, then at most every `INTERVAL`.

    `soon(call)` calls into the loop from any thread.
    """

    def __init__(self, soon: Callable[..., None], take: Callable[[tuple[Event, ...]], None]) -> None:
        self._soon = soon
        self._take = take
        self._lock = threading.Lock()
        self._waiting: list[Event] = []
        self._armed = False
        self._not_before = 0.0

    def add(self, event: Event) -> None:
        """Take one event; from any thread."""
        with self._lock:
            self._waiting.append(event)
            if self._armed:
                return
            self._armed = True
        self._soon(self._arm)

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(max(0.0, self._not_before - loop.time()), self.flush)

    def flush(self) -> None:
        """Hand over what waits; in the loop."""
        with self._lock:
            events, self._waiting = tuple(self._waiting), []
            self._armed = False
        self._not_before = asyncio.get_running_loop().time() + INTERVAL
        if events:
            self._take(events)


class Bridge:
    """Runs jobs and loads off the loop and tells `listeners()` (jobs) or the owner (loads) by messages.

    Jobs belong to the app and outlive screens; a load belongs to the screen that asked, and is cancelled with it.
    """

    def __init__(
        self,
        listeners: Callable[[], Iterable[MessagePump]],
        crashed: Callable[[Exception], None],
    ) -> None:
        self._listeners = listeners
        self._crashed = crashed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context = contextvars.copy_context()
        self._loads: dict[tuple[int, str], cancel.Cancellation] = {}
        self._pumps: dict[int, MessagePump] = {}
        self._closed = False
        self.runs: dict[str, Run] = {}

    @property
    def running(self) -> list[str]:
        """The jobs that run now."""
        return [job for job, run in self.runs.items() if run.ended is None]

    def run(self, job: str, events: Callable[[], Iterator[Event]], stop: Callable[[], None]) -> bool:
        """Run a job in a thread; `stop` ends it from outside. Returns False (and does nothing) where it runs already."""
        if job in self.running or self._closed:
            return False
        run = self.runs[job] = Run(job, stop)

        def take(batch: tuple[Event, ...]) -> None:
            run.take(batch)
            self.tell(lambda: JobEvents(job, batch))

        self._here()
        batches = Batches(self._soon, take)

        def work() -> None:
            error: EdgeError | None = None
            crash: Exception | None = None
            try:
                for event in events():
                    batches.add(event)
                    if isinstance(event, Failed) and (not event.device or error is None):
                        error = event.error
            except EdgeError as problem:
                error = problem
            except Exception as problem:  # noqa: BLE001 - shown by the app as what it is: a fault of ours
                crash = problem
            self._soon(end, error, crash)

        def end(error: EdgeError | None, crash: Exception | None) -> None:
            batches.flush()
            run.ended = time.monotonic()
            run.error = error
            self.tell(lambda: JobEnded(job, error))
            if crash is not None:
                self._crashed(crash)

        self.tell(lambda: JobStarted(job))
        threading.Thread(target=work, name=f"job-{job}", daemon=True).start()
        return True

    def stop(self, job: str) -> None:
        """Ask a running job to end; its `JobEnded` follows when it did."""
        if job in self.running:
            # Stopping may wait for a child process to die; the loop does not.
            threading.Thread(target=self.runs[job].stop, name=f"stop-{job}", daemon=True).start()

    def load(self, what: str, ask: Callable[[], Any], owner: MessagePump) -> None:
        """Call `ask` in a thread; `owner` gets `Loaded` or `LoadFailed`. A newer load of the same name replaces this one."""
        self._load(what, owner, lambda _: ask())

    def load_parts(self, what: str, ask: Callable[[], Iterable[Any]], owner: MessagePump) -> None:
        """Iterate in a thread; `owner` gets `LoadedSome` for each part, then `Loaded` with the list of all parts."""

        def collect(give: Callable[[Any], None]) -> list[Any]:
            parts = []
            for part in ask():
                parts.append(part)
                give(part)
            return parts

        self._load(what, owner, collect)

    def forget(self, owner: MessagePump) -> None:
        """Cancel all loads of a screen that goes away."""
        for key in [key for key in self._loads if key[0] == id(owner)]:
            self._cancel(self._loads.pop(key))
        self._pumps.pop(id(owner), None)

    def loading(self, what: str, owner: MessagePump) -> bool:
        """Whether that load is under way."""
        return (id(owner), what) in self._loads

    def close(self, keep: Collection[str] = ()) -> None:
        """Stop everything, without waiting, except jobs to `keep`: what they follow goes on without us."""
        self._closed = True
        for job in self.running:
            if job not in keep:
                self.stop(job)
        for cancellation in self._loads.values():
            self._cancel(cancellation)
        self._loads.clear()

    def tell(self, message: Callable[[], Message]) -> None:
        """Post a message to all listeners, to each its own."""
        for pump in self._listeners():
            pump.post_message(message())

    def _load(self, what: str, owner: MessagePump, ask: Callable[[Callable[[Any], None]], Any]) -> None:
        if self._closed:
            return
        self._here()
        key = (id(owner), what)
        if key in self._loads:
            self._cancel(self._loads[key])
        mine = self._loads[key] = cancel.Cancellation()
        self._pumps[id(owner)] = owner  # holds it, so that its id is its own

        def give(part: Any) -> None:
            if mine.requested:
                raise cancelled(what)
            self._soon(deliver, LoadedSome(what, part), False)

        def work() -> None:
            try:
                with cancel.using(mine):
                    answer: Message = Loaded(what, ask(give))
            except EdgeError as problem:
                answer = LoadFailed(what, problem)
            except Exception as problem:  # noqa: BLE001 - shown by the app as what it is: a fault of ours
                self._soon(self._crashed, problem)
                return
            self._soon(deliver, answer, True)

        def deliver(message: Message, last: bool) -> None:
            if self._loads.get(key) is not mine:
                return  # replaced or cancelled: nobody waits for this answer any more
            if last:
                del self._loads[key]
                if not any(other == id(owner) for other, _ in self._loads):
                    self._pumps.pop(id(owner), None)
            owner.post_message(message)

        threading.Thread(target=work, name=f"load-{what}", daemon=True).start()

    def _cancel(self, cancellation: cancel.Cancellation) -> None:
        threading.Thread(target=cancellation.cancel, name="cancel", daemon=True).start()

    def _here(self) -> None:
        """Remember the loop, and the context in which Textual knows its app."""
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()

    def _soon(self, call: Callable[..., None], *arguments: Any) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the app is gone, nobody is there to be told
                self._loop.call_soon_threadsafe(call, *arguments, context=self._context)
