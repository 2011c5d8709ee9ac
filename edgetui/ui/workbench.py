"""Trial and resolver on the screen of step 3: start, stop, what they came to, and whether that still holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, Progress, Resolved, Smoked
from edgetui.core.models import Problem
from edgetui.ui.widgets.outcome import Outcome
from edgetui.ui.words import trial as trial_words

if TYPE_CHECKING:
    from edgetui.ui.screens.script import ScriptScreen

TRIAL, RESOLVE = "smoke", "resolve"  # jobs
AREAS = {TRIAL: "trial", RESOLVE: "resolved"}
STOPS = {TRIAL: "F9 stops it", RESOLVE: "ctrl+r stops it"}


class Trials:
    """Two jobs beside the check. What they came to is kept in the plan's results, so it is there after a new start, too."""

    def __init__(self, screen: ScriptScreen) -> None:
        self._screen = screen
        self._waiting = (
            False  # the person started a trial and did nothing else since: a failure brings them to its line
        )

    # what there is

    def _last(self, job: str) -> Smoked | Resolved | None:
        results = self._screen.results
        return results.tried if job == TRIAL else results.resolved

    def holds(self, last: Smoked | Resolved | None) -> bool:
        """Whether it speaks of the files as they are, as far as they were looked at."""
        if last is None:
            return False
        inputs = self._screen.session.situation().inputs
        if isinstance(last, Smoked):
            return inputs.trial in {"", last.inputs}
        return inputs.resolving == "" or last.holds(inputs.resolving)

    @property
    def problems(self) -> list[Problem]:
        """What they found, as long as it holds."""
        last = [self._last(job) for job in AREAS]
        return [problem for one in last if one is not None and self.holds(one) for problem in one.problems]

    def _runs(self, job: str) -> bool:
        return job in self._screen.edge.bridge.running

    # showing

    def _area(self, job: str) -> Outcome:
        return self._screen.query_one(f"#{AREAS[job]}", Outcome)

    def show(self) -> None:
        """Show both as they stand."""
        for job in AREAS:
            if not self._runs(job):
                self._show(job)
            elif not self._area(job).is_shown:
                self.started(job)

    def _show(self, job: str) -> None:
        area, last = self._area(job), self._last(job)
        run = self._screen.edge.bridge.runs.get(job)
        if run is not None and run.error is not None:
            if run.error.kind == "cancelled":
                area.hide()
        elif last is None:
            area.hide()
        elif isinstance(last, Smoked):
            self._show_trial(area, last)
        else:
            self._show_resolved(area, last)

    def _show_trial(self, area: Outcome, last: Smoked) -> None:
        details = trial_words.smoked_details(last, earlier=TRIAL not in self._screen.edge.bridge.runs)
        if not self.holds(last):
            area.stale(f"tried before the last change: {'answered' if last.ok else 'failed'}; F8 tries again")
        elif last.ok:
            area.done(f"tried: {trial_words.smoked_line(last)}", details)
        else:
            place = next((f" at line {problem.line}" for problem in last.problems if problem.line), "")
            area.failed(f"the trial failed{place}; ctrl+l shows all of it", details)

    def _show_resolved(self, area: Outcome, last: Resolved) -> None:
        line, more = trial_words.resolved_line(last), trial_words.resolved_details(last)
        if not self.holds(last):
            area.stale("resolved before the last change; ctrl+r asks again")
        elif last.ok:
            pinned = self._screen.session.situation().inputs.resolving == last.pinned_inputs
            area.done(f"{line}{', pinned' if pinned else '; ctrl+n pins them'}", more)
        else:
            area.failed(f"{line}; the resolver's words are among the problems", more)

    # jobs

    def person_is_busy(self) -> None:
        """The person does something else: leave the cursor where it is."""
        self._waiting = False

    def started(self, job: str) -> None:
        """Say that one began, or goes on."""
        run = self._screen.edge.bridge.runs.get(job)
        if job in AREAS and run is not None:
            said = [event.text for event in run.events if isinstance(event, Progress)]
            self._busy(job, said[-1] if said else "beginning")

    def heard(self, job: str, events: Sequence[Event]) -> None:
        """Say how one gets on."""
        said = [event.text for event in events if isinstance(event, Progress)]
        if job in AREAS and said and self._runs(job):
            self._busy(job, said[-1])

    def _busy(self, job: str, text: str) -> None:
        run = self._screen.edge.bridge.runs[job]
        self._area(job).busy(f"{text} · {STOPS[job]}", run.started)

    def ended(self, job: str, error: EdgeError | None) -> None:
        """Say what one came to; a trial that failed opens its line, where the person waits for it."""
        if job not in AREAS:
            return
        screen, area = self._screen, self._area(job)
        self._show(job)
        screen.show_problems()
        screen.load("inputs", screen.session.refresh_inputs)
        if error is not None:
            if error.kind == "cancelled":
                screen.status.say("Stopped.")
            else:
                area.failed(error.title)
                screen.fail(error, self.toggle_trial if job == TRIAL else self.toggle_resolve)
                if screen.is_current:
                    screen.edge.show_error(error, screen.last_retry)
            return
        last = self._last(job)
        if last is None or last.ok or not self._waiting or not screen.is_current:
            return
        problem = next(iter(last.problems), None)
        if problem is not None and problem.line:
            screen.show_problem(problem)

    def stop_trial(self) -> bool:
        """Stop the trial; False where none runs."""
        runs = self._runs(TRIAL)
        self._screen.edge.bridge.stop(TRIAL)
        return runs

    def toggle_trial(self) -> None:
        """Start a trial, or stop the one that runs."""
        if self._runs(TRIAL):
            self._screen.edge.bridge.stop(TRIAL)
            return
        missing = self._screen.next_ready()
        if missing:
            self._screen.status.problem(missing)
            return
        self._screen.when_saved(lambda: self._start(TRIAL))

    def toggle_resolve(self) -> None:
        """Ask the resolver, or stop it."""
        if self._runs(RESOLVE):
            self._screen.edge.bridge.stop(RESOLVE)
        elif not self._screen.plan.scoring.environment:
            self._screen.status.problem("First name an environment file.")
        else:
            self._screen.when_saved(lambda: self._start(RESOLVE))

    def _start(self, job: str) -> None:
        self._screen.last_error = None
        self._screen.say_checked()
        self._waiting = True
        self._screen.edge.run_job(job)

    def pin(self) -> None:
        """Write the versions that were resolved into the environment, in its editor."""
        from edgetui.core.conda import with_pins

        screen, last = self._screen, self._screen.results.resolved
        if last is None or not last.ok or not self.holds(last):
            screen.status.say("Nothing is resolved as the file is now: ctrl+r asks the resolver first.")
            return
        editor = screen.editor("environment")
        before = editor.text
        after = with_pins(before, last.pins, last.conda_pins)
        pairs = zip(before.splitlines(), after.splitlines(), strict=True)
        changed = [number for number, (a, b) in enumerate(pairs, 1) if a != b]
        if not changed:
            screen.status.say("All of them are pinned already.")
            return
        editor.put(after)
        screen.save("environment")
        screen.go_to("environment", changed[0])
        lines = f"{len(changed)} line{'' if len(changed) == 1 else 's'}"
        screen.notify(f"Pinned in {lines} of {screen.plan.scoring.environment}. ctrl+z takes it back.", markup=False)

    def show_log(self) -> None:
        """Show what a trial printed, and its answer in full."""
        from edgetui.ui.screens.log import LogScreen

        run, tried = self._screen.edge.bridge.runs.get(TRIAL), self._screen.results.tried
        if run is None and tried is None:
            self._screen.status.say("Nothing was tried yet: F8 tries.")
            return
        # Of a trial of an earlier start, what it came to is kept, and not its log.
        kept = [tried] if tried is not None else []
        self._screen.edge.push_screen(
            LogScreen("Trial", lambda: trial_words.trial_page(list(run.events) if run else kept))
        )
