"""Step 3, the workbench: script, environment and sample, checked at each save, resolved and tried before anything is built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from edgetui.core.errors import EdgeError
from edgetui.core.events import Checked, Event
from edgetui.core.models import Problem
from edgetui.jobs.edit_files import NAMES, Name
from edgetui.ui.screens.script_files import TITLES
from edgetui.ui.screens.script_starts import StartsScreen
from edgetui.ui.widgets.outcome import Outcome
from edgetui.ui.widgets.problem_list import FIX_KEY, ProblemList, counted
from edgetui.ui.workbench import Trials

UNCHECKED = "not checked yet: F9 starts from a template"


class ScriptScreen(StartsScreen):
    """Three files in tabs; below what is wrong with them, and what trial and resolver came to."""

    step_id = "script"
    HELP = f"""
    # Script

    Three files: the **script** that answers requests, the **environment** that it needs, and a **sample** to ask it.
    **F7** goes to the next file, **Esc** leaves an editor. What you change is saved when you pause or leave.
    **F9** starts from a template that fits your model. **F4** opens the file in your own editor (`$VISUAL` or `$EDITOR`).

    After each change all is checked, as the inference server and pip will see it. **F6** goes to the next problem,
    **{FIX_KEY}** mends one that says so. Errors must go before the image can be built; warnings may stay.

    **F8** tries the script here: on the real inference server, in an environment of its own, with your model file and the
    sample. **ctrl+l** shows the whole log and answer. **F9** stops it.

    **ctrl+r** asks the resolver whether the environment can be made for the device, **ctrl+n** then pins what it found.

    **ctrl+g** lists the samples that you keep: F8 asks with all of them, and one is sent to the device at the end.
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "reload", "Check", id="script.check", tooltip="Read all files again and check", show=False),
        Binding("f6", "problem(1)", "Problem", id="script.problem", tooltip="Go to the next problem", show=False),
        Binding("shift+f6,f18", "problem(-1)", "Problem before", id="script.problem_before", show=False,
                tooltip="Go to the problem before", key_display="shift+F6"),
        Binding(FIX_KEY, "fix", "Mend", id="script.fix", tooltip="Mend the problem as it says", show=False),
        Binding("f8", "try", "Try", id="script.try", tooltip="Try the script on the inference server; again stops it"),
        Binding("f9", "template", "Template", id="script.template",
                tooltip="Start from a template for your model; while a trial runs, stop it"),
        Binding("ctrl+r", "resolve", "Resolve", id="script.resolve",
                tooltip="Ask whether the environment can be made for the device; again stops it"),
        Binding("ctrl+n", "pin", "Pin", id="script.pin", tooltip="Pin the versions that were resolved", show=False),
        Binding("ctrl+l", "trial_log", "Trial's log", id="script.log", tooltip="Log and answer of the trial", show=False),
    ]  # fmt: skip

    problems = getters.query_one("#problems", ProblemList)

    def __init__(self, at: tuple[Name, int] | None = None) -> None:
        """Open with a file in front, the cursor on a line of it (from 1), where `at` names them."""
        super().__init__()
        self._goal = at
        self.trials = Trials(self)
        self._check_again = False
        self._checked: tuple[Problem, ...] | None = None  # what the check found; None before the first one
        self._counts: Counter[tuple[str, str]] = Counter()  # problems by file, as the plan writes it, and severity
        self._at: Problem | None = None  # the one that the person was brought to last
        self._to_mend: Problem | None = None  # once the files are saved and checked

    def body(self) -> ComposeResult:
        """Compose files, problems and outcomes."""
        yield from self.compose_files()
        yield ProblemList(id="problems")
        yield Outcome(id="trial")
        yield Outcome(id="resolved")

    def show(self) -> None:
        """Show the plan's paths, and what trial and resolver came to."""
        super().show()
        self.trials.show()

    def loaded(self, what: str, value: Any) -> None:
        """Take what a job did."""
        super().loaded(what, value)
        if what == "inputs":
            self.trials.show()
            if self._checked is not None:
                self.show_problems()
            if "checked" in self.status.text and not self.job_runs:
                self.say_checked()

    # checking

    def files_ready(self) -> None:
        """Check what was read, see what it leaves of trial and resolver, and go where the person was sent."""
        self.load("inputs", self.session.refresh_inputs)
        self._check()
        if self._goal is not None:
            goal, self._goal = self._goal, None
            self.go_to(*goal)

    def file_saved(self, name: Name) -> None:  # noqa: ARG002 - whichever it was, all are checked
        """Check what was saved, and see what it leaves of trial and resolver."""
        self.load("inputs", self.session.refresh_inputs)
        self._check()

    def file_edited(self, name: Name) -> None:
        """Show on the tab that there is something to save."""
        self.trials.person_is_busy()
        self._label(name)

    @property
    def _checkable(self) -> bool:
        files = self.plan.scoring
        opened = [self._files.opened[name] for name in NAMES[:2] if name in self._files.opened]
        return bool(files.script and files.environment) and not any(one.missing for one in opened)

    def _check(self) -> None:
        if not self._checkable:
            self.problems.say(UNCHECKED)
            return
        self._check_again = self.job_runs
        self.run_job()

    def job_started(self, job: str) -> None:
        """Say that a trial or the resolver is at work."""
        self.trials.started(job)

    def job_events(self, job: str, events: Sequence[Event]) -> None:
        """Show what the check found, and how trial and resolver get on."""
        if job != self.own_job:
            self.trials.heard(job, events)
            return
        for event in events:
            if isinstance(event, Checked):
                self._checked = event.problems
                self.show_problems()

    def job_ended(self, job: str, error: EdgeError | None) -> None:
        """Say how a job ended; a file that cannot be read is said under its path."""
        if job != self.own_job:
            self.trials.ended(job, error)
        elif self._check_again:
            self._check()
        elif error is not None:
            self.problems.say("not checked")
            self.fail(error, self._check)
            for name in NAMES:
                if error.field == f"scoring.{name}":
                    self.field(name).show_problem(f"{error.title}. {error.remedy}")
        else:
            self.last_error = None
            self.say_checked()
            self._mend_now()

    def say_checked(self) -> None:
        """Say how the files stand, once they are checked."""
        results = self.results
        if not results.checked_inputs:
            return
        if results.errors:
            self.status.problem(f"{counted(results.errors, 0)} to fix; F6 goes to the next problem")
            return
        found = f", {counted(0, results.warnings)}" if results.warnings else ""
        tried = results.tried if self.trials.holds(results.tried) else None
        if tried and not tried.ok:
            self.status.problem(f"checked{found}, but the trial failed: correct it, F8 tries again")
        else:
            self.status.done(f"checked{found}; {'' if tried else 'F8 tries it, '}F3 goes on")

    def next_ready(self) -> str:
        """Hold Next back while something must be fixed first."""
        missing = self.step.missing(self.plan)
        if missing:
            return f"First {missing}, or press F9 to start from a template."
        errors = self.results.errors
        return f"First fix {'the error' if errors == 1 else f'the {errors} errors'} below." if errors else ""

    # problems

    def show_problems(self) -> None:
        """Show all problems, of check, trial and resolver, below and at their lines."""
        found = (*(self._checked or ()), *self.trials.problems)
        self.problems.show(found)
        if not found and not self._checkable:
            self.problems.say(UNCHECKED)
        self._counts = Counter((problem.file, problem.severity) for problem in found)
        for name in NAMES:
            self.editor(name).mark(problem for problem in found if self._file_of(problem) == name)
            self._label(name)

    def show_problem(self, problem: Problem) -> None:
        """Bring the person to the line of a problem."""
        self._at = problem
        self.problems.point_to(problem)
        self.go_to(self._file_of(problem), problem.line)

    @on(ProblemList.Picked)
    def _go_to_problem(self, event: ProblemList.Picked) -> None:
        event.stop()
        self.show_problem(event.problem)

    def action_problem(self, step: int) -> None:
        """Go to the next problem, from where the cursor is; an error that is said in the last line is shown first."""
        if self.last_error is not None and step > 0:
            self.action_details()
            return
        found = sorted(self.problems.problems, key=self._place)
        if not found:
            self.status.say("No problem was found.")
            return
        here = (NAMES.index(self.active), self.editor(self.active).cursor_location[0] + 1)
        if self._at in found and self._place(self._at) == here:
            index = found.index(self._at) + step
        elif step > 0:
            index = next((n for n, problem in enumerate(found) if self._place(problem) >= here), 0)
        else:
            index = sum(self._place(problem) < here for problem in found) - 1
        self.show_problem(found[index % len(found)])

    def action_fix(self) -> None:
        """Mend the problem at the cursor, or the chosen one, as soon as what is typed is saved and checked."""
        here = (NAMES.index(self.active), self.editor(self.active).cursor_location[0] + 1)
        fixable = [problem for problem in self.problems.problems if problem.fix]
        at_cursor = [problem for problem in fixable if self._place(problem) == here]
        chosen = [problem for problem in fixable if problem is self.problems.chosen]
        first, second = (chosen, at_cursor) if self.problems.has_focus else (at_cursor, chosen)
        wanted = [*first, *second, *(fixable if len(fixable) == 1 else ())]
        if not wanted:
            words = "Go to the one to mend first: F6." if fixable else "No problem here has a fix of its own."
            self.status.say(words)
            return
        self._to_mend = wanted[0]
        if self._files.unsaved or self.job_runs:
            self.when_saved(self._check)
        else:
            self._mend_now()

    def _mend_now(self) -> None:
        wanted, self._to_mend = self._to_mend, None
        if wanted is None:
            return
        same = [p for p in self._checked or () if p.fix and (p.file, p.rule) == (wanted.file, wanted.rule)]
        problem = next((p for p in same if p == wanted), same[0] if same else None)
        if problem is None or problem.fix is None:
            return
        fix, name = problem.fix, self._file_of(problem)
        editor = self.editor(name)
        lines = editor.text.split("\n")
        if 0 < fix.line <= len(lines):
            ending = "\r" if lines[fix.line - 1].endswith("\r") else ""
            lines[fix.line - 1] = fix.text.replace("\n", f"{ending}\n") + ending
            editor.put("\n".join(lines))
            line = fix.line + fix.text.count("\n")
            self.go_to(name, line)
            self.save(name)
            self.notify(f"{fix.title}: done in {fix.file}:{line}. ctrl+z takes it back.", markup=False)

    def _place(self, problem: Problem) -> tuple[int, int]:
        return NAMES.index(self._file_of(problem)), problem.line or 1

    def _file_of(self, problem: Problem) -> Name:
        return next((name for name in NAMES if getattr(self.plan.scoring, name) == problem.file), "script")

    def _label(self, name: Name) -> None:
        file = getattr(self.plan.scoring, name)
        errors, warnings = self._counts[file, "error"], self._counts[file, "warning"]
        words = [TITLES[name]]
        if self.editor(name).dirty:
            words.append("unsaved")
        elif errors or warnings:
            words.append(counted(errors, warnings))
        self.tabs.get_tab(f"tab-{name}").label = " · ".join(words)

    # keys

    def action_try(self) -> None:
        """Try the script, or stop the trial."""
        self.trials.toggle_trial()

    def stop_trial(self) -> bool:
        """Stop the trial; False where none runs."""
        return self.trials.stop_trial()

    def action_resolve(self) -> None:
        """Resolve the environment, or stop that."""
        self.trials.toggle_resolve()

    def action_pin(self) -> None:
        """Pin what was resolved."""
        self.when_saved(self.trials.pin)

    def action_trial_log(self) -> None:
        """Show log and answer of the trial."""
        self.trials.show_log()
