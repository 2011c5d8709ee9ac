"""What was done for a plan so far: folded from events, kept beside the plan, no secret in it."""

from __future__ import annotations

from typing import Any

import msgspec

from edgetui.core import events
from edgetui.core.models import BuildRun, ImageDetails

_KEPT_TIMES = 50  # durations of builds kept
_KEPT_ANSWER = 4_000  # characters of a trial's answer kept


class DeviceOutcome(msgspec.Struct, frozen=True):
    """How our module does on one device."""

    state: str = ""
    detail: str = ""
    answered: bool = False
    prediction: Any = None
    milliseconds: float = 0.0
    why: str = ""  # where it failed: the device's own words
    remedy: str = ""  # where it failed: what to do


class Results(msgspec.Struct, frozen=True):
    """The done part of each step; an empty string means not yet. `*_inputs` are fingerprints: a step whose inputs changed is stale."""

    model: str = ""  # name:version
    model_inputs: str = ""
    checked_inputs: str = ""
    errors: int = 0
    warnings: int = 0
    tried: events.Smoked | None = None
    resolved: events.Resolved | None = None
    image: str = ""  # <login server>/<repository>:<tag>
    image_inputs: str = ""
    image_log: str = ""
    image_seconds: float = 0.0
    image_platform: str = ""  # what the registry says that it is
    image_size: int = 0  # compressed bytes of all layers
    image_layers: int = 0
    build_seconds: dict[str, float] = {}  # how long the last build took, by environment, builder and platform
    image_run: BuildRun | None = None  # a build that was going on when we last heard of it
    digest: str = ""  # <login server>/<repository>@sha256:…
    credential: str = ""  # vault:acr/<login server>
    credential_user: str = ""
    credential_kept_in: str = ""
    deployed_image: str = ""  # the digest that the outcomes below speak of
    deployed_inputs: str = ""
    devices: dict[str, DeviceOutcome] = {}

    def after(self, event: events.Event) -> Results:
        """Return the results with one more event taken in; unknown events change nothing."""
        replace = msgspec.structs.replace
        match event:
            case events.Checked() | events.Smoked() | events.Resolved():
                return self._after_script(event)
            case events.Registered():
                return replace(self, model=event.id, model_inputs=event.inputs)
            case events.LogFile("image", path):
                return replace(self, image_log=path)
            case events.ImageRun(run):
                return replace(self, image_run=run)
            case events.ImageBuilt():
                details = ImageDetails(event.reference, event.digest)
                same = event.reference == self.image
                before = self.digest if same else ""
                took = {event.environment: event.seconds} if event.environment and event.seconds else {}
                return replace(
                    self,
                    image=event.reference,
                    image_inputs=event.inputs,
                    image_log=event.log or self.image_log,
                    image_seconds=event.seconds if event.seconds or not event.reused else self.image_seconds,
                    image_platform=event.platform or (self.image_platform if same else ""),
                    image_size=event.size or (self.image_size if same else 0),
                    image_layers=event.layers or (self.image_layers if same else 0),
                    build_seconds=dict([*self.build_seconds.items(), *took.items()][-_KEPT_TIMES:]),
                    image_run=None,
                    digest=details.by_digest if event.digest else before,
                )
            case events.ImageResolved():
                platform, size = event.platform or self.image_platform, event.size or self.image_size
                return replace(self, digest=event.by_digest, image_platform=platform, image_size=size)
            case events.CredentialStored():
                return replace(
                    self,
                    credential=event.reference,
                    credential_user=event.username,
                    credential_kept_in=event.kept_in,
                )
            case events.Applied(device):
                outcome = DeviceOutcome("waiting")
                return self._outcome(device, outcome, deployed_image=self.digest, deployed_inputs=event.inputs)
            case events.ModuleState(device, _, state, detail):
                known = self.devices.get(device, DeviceOutcome())
                return self._outcome(device, replace(known, state=state, detail=detail))
            case events.Answered(device, prediction, milliseconds):
                known = self.devices.get(device, DeviceOutcome())
                answered = replace(known, answered=True, prediction=prediction, milliseconds=milliseconds)
                return self._outcome(device, answered)
            case events.Failed(device=device) if device:
                failed = DeviceOutcome("failed", event.title, why=event.detail, remedy=event.remedy)
                return self._outcome(device, failed)
            case _:
                return self

    def _after_script(self, event: events.Checked | events.Smoked | events.Resolved) -> Results:
        replace = msgspec.structs.replace
        match event:
            case events.Checked(problems, inputs):
                errors = sum(problem.severity == "error" for problem in problems)
                return replace(self, checked_inputs=inputs, errors=errors, warnings=len(problems) - errors)
            case events.Smoked():
                return replace(self, tried=_short(event))
            case events.Resolved():
                return replace(self, resolved=event)

    def _outcome(self, device: str, outcome: DeviceOutcome, **more: Any) -> Results:
        return msgspec.structs.replace(self, devices={**self.devices, device: outcome}, **more)


def _short(event: events.Smoked) -> events.Smoked:
    """A trial as it is kept: of a long answer the beginning, as a text."""
    others = tuple(msgspec.structs.replace(one, answer=_beginning(one.answer)) for one in event.others)
    return msgspec.structs.replace(event, answer=_beginning(event.answer), others=others)


def _beginning(answer: Any) -> Any:
    text = answer if isinstance(answer, str) else msgspec.json.encode(answer).decode()
    return answer if len(text) <= _KEPT_ANSWER else f"{text[:_KEPT_ANSWER]}…"
