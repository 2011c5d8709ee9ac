"""What background work says to screens. Every message is data; the bridge hands each screen its own copy, which does not bubble."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from textual.message import Message

from edgetui.core.errors import EdgeError
from edgetui.core.events import Event
from edgetui.core.ports import Ports


@dataclass
class JobStarted(Message, bubble=False):
    """The job of a step began."""

    job: str


@dataclass
class JobEvents(Message, bubble=False):
    """A batch of what a job said, in order; at most four batches a second."""

    job: str
    events: tuple[Event, ...]


@dataclass
class JobEnded(Message, bubble=False):
    """A job ended; `error` says why it did not do what it was for, None when it did."""

    job: str
    error: EdgeError | None


@dataclass
class Loaded(Message, bubble=False):
    """Something asked for in the background is here, whole."""

    what: str
    value: Any


@dataclass
class LoadedSome(Message, bubble=False):
    """A part of it is here, more will follow."""

    what: str
    value: Any


@dataclass
class LoadFailed(Message, bubble=False):
    """It could not be had."""

    what: str
    error: EdgeError


@dataclass
class FileWanted(Message):
    """A widget wants what `ask` gives, from a file of this machine; it gets `Loaded` or `LoadFailed` with `what`."""

    widget: Any
    what: str
    ask: Callable[[Ports], Any]


@dataclass
class PlanChanged(Message, bubble=False):
    """The plan, its results, or the files that it names changed."""
