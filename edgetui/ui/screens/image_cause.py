"""Why a build of step 4 failed, what to do, and the way to where it is mended."""

from __future__ import annotations

from textual import getters
from textual.widgets import Static

from edgetui.core.errors import EdgeError
from edgetui.jobs.build_place import Place
from edgetui.ui.app import EdgeApp
from edgetui.ui.screens.image_answers import ImageAnswers
from edgetui.ui.widgets.texts import put
from edgetui.ui.words import image as image_words

# Where to mend what is in none of the files.
_STEPS = {"registry": "credentials", "model": "model", "workspace": "workspace"}


class ImageCause(Static):
    """The cause in one line and the remedy in the next; takes no room where nothing failed."""

    edge = getters.app(EdgeApp)

    def __init__(self) -> None:
        super().__init__("", id="cause", markup=False)
        self._failure: EdgeError | None = None
        self._place: Place | None = None  # in a file of step 3

    def put(self, failure: EdgeError | None) -> None:
        """Show why the build failed; None: it did not."""
        if failure is not self._failure:
            self._failure, self._place = failure, None
        self._show()

    def put_place(self, place: Place | None) -> None:
        """Say in which line of which file it is mended."""
        self._place = place
        self._show()

    @property
    def mendable(self) -> bool:
        """Whether there is a place to go to."""
        return self._failure is not None and bool(image_words.mending(self._place, self._failure.field))

    def mend(self, answers: ImageAnswers) -> None:
        """Go there: a line of a file, another step, or one of step 4's `answers`."""
        section, _, key = (self._failure.field if self._failure else "").partition(".")
        if self._place is not None:
            self.edge.open_step("script", at=(self._place.name, self._place.line))
        elif section in _STEPS:
            self.edge.open_step(_STEPS[section])
        elif section == "image" and key in image_words.ANSWERS:
            answers.focus_on(key)

    def _show(self) -> None:
        words = image_words.cause(self._failure, self._place) if self._failure else ""
        self.display = bool(words)
        put(self, words)
