"""What became of a build that was going on when edgetui ended."""

from __future__ import annotations

from edgetui.core.errors import EdgeError
from edgetui.jobs.session import Session

WATCH = {"only_watch": True}  # how the image's job is run to continue a build


def left_over(session: Session) -> str:
    """Which build an earlier start left, as `name:tag`; "" where none goes on.

    One on this machine's engine ended with the process that listened to it: that becomes the step's failure.
    """
    run = session.results.image_run
    if run is None:
        return ""
    what = f"{session.plan.image_name}:{run.tag}"
    if session.goes_on("image"):
        return what
    session.give_up(
        "image",
        EdgeError(
            f"The build of {what} on this machine ended when edgetui did",
            "A container engine stops a build when nobody listens to it any more.",
            "Build again: what was finished is taken from the engine's cache.",
            retryable=True,
        ),
    )
    return ""
