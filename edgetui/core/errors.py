"""Errors as data: what happened, why, and what a person can do about it."""

from __future__ import annotations

from typing import Literal

ErrorKind = Literal["failed", "input", "access", "unreachable", "cancelled"]

EXIT_CODES: dict[str, int] = {"failed": 1, "unreachable": 1, "input": 2, "access": 3, "cancelled": 130}


class EdgeError(Exception):
    """A failure that a person can act on.

    Attributes:
        title: What happened, in one line, with the name of the thing.
        detail: The other side's own words, already redacted; may have several lines.
        remedy: What to do next.
        retryable: Whether the same call may succeed later without any change.
        field: The plan key or form field that is wrong (`model.path`), or "".
        kind: Which exit code and which colour it gets.
    """

    def __init__(
        self,
        title: str,
        detail: str = "",
        remedy: str = "",
        *,
        retryable: bool = False,
        field: str = "",
        kind: ErrorKind = "failed",
    ) -> None:
        super().__init__(title, detail, remedy, retryable, field, kind)
        self.title = title
        self.detail = detail
        self.remedy = remedy
        self.retryable = retryable
        self.field = field
        self.kind: ErrorKind = kind

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross from an adapter's child process; keyword-only arguments need help there.
        # From the attributes: an adapter may have made the text more exact since.
        return _rebuild, (self.title, self.detail, self.remedy, self.retryable, self.field, self.kind)

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        return ". ".join(part.rstrip(".") for part in (where + self.title, self.detail, self.remedy) if part) + "."

    @property
    def exit_code(self) -> int:
        """The command line's exit code for this failure."""
        return EXIT_CODES[self.kind]


def _rebuild(title: str, detail: str, remedy: str, retryable: bool, field: str, kind: ErrorKind) -> EdgeError:
    return EdgeError(title, detail, remedy, retryable=retryable, field=field, kind=kind)


def cancelled(what: str) -> EdgeError:
    """The error of a call that the person stopped."""
    return EdgeError(f"{what} was cancelled", kind="cancelled", retryable=True)


def gone(what: str) -> EdgeError:
    """The error of a build that was to be watched, and is no more."""
    return EdgeError(f"{what} is not there any more, or was cancelled", remedy="Build again.")


def bad_input(field: str, title: str, remedy: str = "", detail: str = "") -> EdgeError:
    """The error of a value that cannot be used; `field` names it."""
    return EdgeError(title, detail, remedy, field=field, kind="input")
