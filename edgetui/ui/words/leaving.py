"""What is said when the person wants to leave while something runs."""

from __future__ import annotations

from collections.abc import Sequence

_JOBS = {
    "workspace": "signing in",
    "model": "registering the model",
    "script": "checking the script",
    "smoke": "trying the script",
    "resolve": "resolving the environment",
    "image": "building the image",
    "credentials": "fetching the credential",
    "preview": "reading what the devices run",
    "deploy": "deploying",
}


def question(stopped: Sequence[str], left: Sequence[str], *, sandbox: bool = False) -> str:
    """What leaving does to the jobs that are `stopped` by it, and to those that are `left` to go on elsewhere.

    A sandbox ends with the last one that uses it.
    """
    parts = []
    if stopped:
        *first, last = (_JOBS.get(job, job) for job in stopped)
        doing = f"{', '.join(first)} and {last}" if first else last
        parts.append(f"edgetui is still {doing}. Leaving stops that.")
    if "deploy" in stopped:
        parts.append("What was applied to a device stays applied.")
    if left and sandbox:
        parts.append(
            "The build of the image ends with the sandbox. Where that goes on, served or used by another edgetui, the next "
            "start watches the build again."
        )
    elif left:
        parts.append("The build of the image goes on in Azure, and the next start watches it again.")
    return " ".join([*parts, "The plan and what was done so far are kept."])
