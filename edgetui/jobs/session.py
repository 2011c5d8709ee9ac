"""What a person works on: one plan, what was done for it, and what runs now. Not tied to a face; safe from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from edgetui.core import ansi, build_steps, steps
from edgetui.core.cancel import Cancellation, using
from edgetui.core.errors import EdgeError, cancelled
from edgetui.core.events import Event, Failed, ImageRun, LogLine, Started
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.core.results import Results
from edgetui.jobs import (
    build,
    check,
    credentials,
    deploy,
    end_build,
    fingerprints,
    register,
    resolve,
    sign_in,
    smoke,
    watch,
)

# Jobs beside the steps' own: which step they belong to.
_OF_STEP = {"preview": "deploy"}
# Jobs that run beside whatever else a step does, and say nothing of how it stands: what they are called.
_BESIDE = {"smoke": "The trial", "resolve": "Resolving"}


class Session:
    """One plan being worked on.

    Every answer is saved at once, every result as it comes, so that a new start goes on where the last one was, however it ended.
    """

    def __init__(self, ports: Ports, path: str = "") -> None:
        """Begin with the plan file at `path`, or with an empty plan where it is "".

        Raises:
            EdgeError: (input) the file cannot be read, or is no plan.
        """
        self.ports = ports
        self.path = path
        self.plan: Plan = ports.plans.load(path) if path else Plan()
        self.results: Results = ports.plans.load_results(path) if path else Results()
        self.running: dict[str, str] = {}
        self.failed: dict[str, EdgeError] = {}
        self._inputs = steps.Inputs()
        self._cancellations: dict[str, Cancellation] = {}
        self._lock = threading.RLock()
        self._saving = threading.Lock()  # taken before `_lock`, never after it

    def edit(self, plan: Plan) -> None:
        """Replace the plan and save it; results that belong to another workspace, hub or model are dropped.

        Raises:
            EdgeError: the file cannot be written; the session keeps the new plan all the same.
        """
        with self._lock:
            before, self.plan = self.plan, plan
            self.path = self.path or self.ports.plans.new()
            kept = _kept(self.results, before, plan)
            if kept is not self.results:
                self.results = kept
                self.ports.plans.save_results(self.path, kept)
            for step in _touched(before, plan):
                self.failed.pop(step, None)
            self.ports.plans.save(self.path, plan)
            if not (plan.folder and plan.file):  # a new plan's paths start where its file now stands
                self.plan = self.ports.plans.load(self.path)

    def situation(self) -> steps.Situation:
        """Everything that decides how the steps stand."""
        with self._lock:
            failed = {step: error.title for step, error in self.failed.items()}
            return steps.Situation(self.plan, self.results, self._inputs, dict(self.running), failed)

    def views(self) -> list[steps.View]:
        """All steps as they stand."""
        return steps.view(self.situation())

    def refresh_inputs(self) -> None:
        """Read the plan's files again, so that a step whose inputs changed is seen as such. Reads whole files."""
        inputs = fingerprints.inputs(self.plan, self.results, self.ports)
        with self._lock:
            self._inputs = inputs

    def run(self, job: str, **options: Any) -> Iterator[Event]:
        """Run a step's job (or `preview`, `smoke`, `resolve`) in this thread, and keep what it did.

        Yields `Started`, the job's events, and `Failed` last where it failed: nothing is raised but a wrong `job`.
        """
        start = self._jobs()[job]
        if job in _BESIDE:
            yield from self._beside(job, start(**options))
            return
        step = _OF_STEP.get(job, job)
        cancellation = Cancellation()
        with self._lock:
            if step in self.running:
                title = f"{steps.BY_ID[step].title} is still at work"
                busy = EdgeError(title, remedy="Wait for it, or stop it first", retryable=True)
                yield Failed.of(step, busy)
                return
            self.running[step] = ""
            self._cancellations[step] = cancellation
            self.failed.pop(step, None)
        followed = False
        try:
            yield Started(step, "Review" if job == "preview" else steps.BY_ID[step].title)
            for event in _driven(start(**options), cancellation, steps.BY_ID[step].title):
                followed = followed or isinstance(event, ImageRun)
                self._take(event, step)
                yield event
        except EdgeError as problem:
            told = self._stopped_build(problem, followed=followed) if step == "image" else problem
            with self._lock:
                if told.kind != "cancelled":
                    self.failed[step] = told
                del self.running[step]
            yield Failed.of(step, told)
        finally:
            with self._lock:
                self.running.pop(step, None)
                if self._cancellations.get(step) is cancellation:
                    del self._cancellations[step]

    def _stopped_build(self, problem: EdgeError, *, followed: bool) -> EdgeError:
        """A build that was stopped ends where it runs, too: whoever followed it has seen to that, else it is told now."""
        run = self.results.image_run
        if run is None or problem.kind != "cancelled":
            return problem
        if not followed and self.goes_on("image"):
            try:
                end_build.end(self.plan, run, self.ports)
            except EdgeError as refused:
                return refused  # it is not forgotten: it can be stopped again
        self._take(ImageRun(None), "image")
        return problem

    def _beside(self, job: str, events: Iterator[Event]) -> Iterator[Event]:
        cancellation = Cancellation()
        with self._lock:
            if job in self._cancellations:
                busy = EdgeError(f"{_BESIDE[job]} is still at work", remedy="Wait for it, or stop it first")
                yield Failed.of(job, busy)
                return
            self._cancellations[job] = cancellation
        try:
            yield Started(job, _BESIDE[job])
            for event in _driven(events, cancellation, _BESIDE[job]):
                self._fold(event)
                yield event
        except EdgeError as problem:
            yield Failed.of(job, problem)
        finally:
            with self._lock:
                del self._cancellations[job]

    def stop(self, job: str) -> None:
        """Cancel a step's job (or `preview`), if it runs. From any thread."""
        with self._lock:
            cancellation = self._cancellations.get(_OF_STEP.get(job, job))
        if cancellation:
            cancellation.cancel()

    def goes_on(self, step: str) -> bool:
        """Whether a step's job goes on elsewhere when this process ends."""
        run = self.results.image_run
        return step == "image" and run is not None and run.builder != "docker"

    def give_up(self, step: str, error: EdgeError) -> None:
        """Say why something that an earlier start began did not come to its end."""
        self._take(ImageRun(None), step)
        with self._lock:
            self.running.pop(step, None)
            self.failed[step] = error

    def stop_all(self) -> None:
        """Cancel everything that runs."""
        for step in list(self._cancellations):
            self.stop(step)

    def _jobs(self) -> dict[str, Callable[..., Iterator[Event]]]:
        return {
            "workspace": lambda: sign_in.verify(self.plan, self.ports),
            "model": lambda: register.register(self.plan, self.ports),
            "script": lambda: check.check(self.plan, self.ports),
            "smoke": lambda: smoke.smoke(self.plan, self.ports),
            "resolve": lambda: resolve.resolve(self.plan, self.ports),
            "image": lambda **how: build.build(self.plan, self.results, self.ports, **how),
            "credentials": lambda **how: credentials.credentials(self.plan, self.ports, **how),
            "devices": lambda: deploy.look(self.plan, self.ports),
            "preview": lambda **how: deploy.preview(self.plan, self.results, self.ports, **how),
            "deploy": self._deploy,
        }

    def _deploy(
        self, seen: dict[str, deploy.Versions] | None = None, seconds: float = watch.PATIENCE
    ) -> Iterator[Event]:
        yield from deploy.deploy(self.plan, self.results, self.ports, seen=seen)
        # The results hold by now what was applied: `run` folds each event before it asks for the next.
        failed: dict[str, Failed] = {}
        for event in watch.watch(self.plan, self.results, self.ports, seconds):
            yield event
            if isinstance(event, Failed) and event.device:
                failed[event.device] = event
        if failed:
            raise _unanswered(failed, len(self.plan.devices))

    def _take(self, event: Event, step: str) -> None:
        with self._lock:
            text = getattr(event, "text", "")
            if step == "image" and isinstance(event, LogLine):  # of many lines, those that say how far it is
                begun = build_steps.found(text)
                text = f"step {begun.number} of {begun.of}" if begun else ""
            if text:
                self.running[step] = ansi.plain(text)
        self._fold(event)

    def _fold(self, event: Event) -> None:
        with self._lock:
            results = self.results.after(event)
            if results is self.results:
                return
            self.results = results
            self._inputs = _seen(self._inputs, event)
        # Outside of that lock: a disk may take its time, and a face must not wait for it to say how things stand.
        with self._saving:
            with self._lock:
                path, results = self.path, self.results
            if path:
                self.ports.plans.save_results(path, results)


def _driven(job: Iterator[Event], cancellation: Cancellation, title: str) -> Iterator[Event]:
    """Take the job's events with its cancellation current only while the job itself runs, and stop it when asked."""
    try:
        while True:
            if cancellation.requested:
                raise cancelled(title)
            with using(cancellation):
                try:
                    event = next(job)
                except StopIteration:
                    return
            yield event
    finally:
        close = getattr(job, "close", None)
        if close:
            close()


def _unanswered(failed: dict[str, Failed], devices: int) -> EdgeError:
    """The error of a deployment in which some devices did not answer: the one device's own, or all of them in lines."""
    first = next(iter(failed.values()))
    if devices == 1:
        return first.error
    title = f"{len(failed)} of {devices} devices did not answer"
    detail = "\n".join(f"{device}: {event.title}" for device, event in failed.items())
    return EdgeError(title, detail, first.remedy, field=first.field, kind=first.kind)


def _kept(results: Results, before: Plan, after: Plan) -> Results:
    """What still holds after an edit."""
    if before.workspace != after.workspace and results.model + results.image + results.credential:
        return Results(
            checked_inputs=results.checked_inputs,
            errors=results.errors,
            warnings=results.warnings,
            tried=results.tried,
            resolved=results.resolved,
        )
    if before.hub != after.hub and results.devices:
        return msgspec.structs.replace(results, devices={}, deployed_image="", deployed_inputs="")
    return results


def _touched(before: Plan, after: Plan) -> Iterator[str]:
    """The steps whose answers an edit changed: an old failure says nothing of new answers."""
    sections = {
        "workspace": ("workspace",),
        "model": ("workspace", "model"),
        "script": ("scoring",),
        "image": ("workspace", "model", "scoring", "image"),
        "credentials": ("workspace", "registry"),
        "devices": ("hub", "target"),
        "deploy": ("hub", "target", "module", "scoring"),
    }
    for step, names in sections.items():
        if any(getattr(before, name) != getattr(after, name) for name in names):
            yield step


def _seen(inputs: steps.Inputs, event: Event) -> steps.Inputs:
    """What a job has just worked on is what there is now, until files are read again."""
    found = getattr(event, "inputs", "")
    field = {
        "Checked": "scoring",
        "Smoked": "trial",
        "Resolved": "resolving",
        "Registered": "model",
        "ImageBuilt": "image",
        "Applied": "deploy",
    }.get(type(event).__name__)
    return msgspec.structs.replace(inputs, **{field: found}) if field and found else inputs
