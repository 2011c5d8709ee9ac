"""What step 4 asks: who builds, for which platform, under which name and tag."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from edgetui.core import builders, rules
from edgetui.core.models import EngineState
from edgetui.core.plan import Image
from edgetui.ui.widgets.field import Field
from edgetui.ui.widgets.one_of import OneOf
from edgetui.ui.words import image as image_words


class ImageAnswers(Vertical):
    """The answers, each with what is wrong with it under it. `OneOf.Chosen` and `Field.Saved` tell the screen of new ones."""

    def __init__(self, image: Image, usual_name: str) -> None:
        super().__init__(id="answers")
        self._image = image
        self._usual_name = usual_name

    def compose(self) -> ComposeResult:
        """Compose two choices, and two texts in one row."""
        image = self._image
        yield OneOf(
            "Built by",
            image_words.builder_choices(None),
            image.builder,
            id="builder",
            help="Who builds the image: up and down choose. What is greyed says why it cannot be.",
        )
        yield OneOf(
            "Platform",
            image_words.platform_choices(image.builder),
            image.platform,
            id="platform",
            row=True,
            help="What the devices are: left and right choose. Step 6 shows each device's platform.",
        )
        with Horizontal(id="name-row"):
            yield Field(
                "Name",
                image.name,
                id="name",
                check=lambda text: rules.image_name(text) if text else "",
                placeholder=self._usual_name or "the model's name",
                help="The image's name in the registry: lower case letters, digits, `-`, `_`, `.`, `/`. Empty: the model's.",
            )
            yield Field(
                "Tag",
                image.tag,
                id="tag",
                check=rules.image_tag,
                placeholder="auto",
                help="`auto`, or a tag of your own. A tag that has other content already is refused.",
            )

    def put(self, image: Image, engine: EngineState | None) -> None:
        """Show the plan's answers, and what is wrong with them as far as is known."""
        self._image = image
        choices = image_words.builder_choices(engine)
        self.query_one("#builder", OneOf).put(image.builder, choices, image_words.builder_problem(image, engine))
        platforms = image_words.platform_choices(image.builder)
        self.query_one("#platform", OneOf).put(image.platform, platforms, builders.platform_problem(image))
        self.query_one("#name", Field).put(image.name)
        self.query_one("#tag", Field).put(image.tag)

    def wrong(self) -> bool:
        """Whether something must be corrected before a build; brings the person to it."""
        wrong = [field for field in self.query(Field) if not field.check()]
        if wrong:
            wrong[0].focus_input()
        # Not that no engine answers: it may be there by now, and the build says so if it is not.
        return bool(wrong or builders.platform_problem(self._image) or builders.builder_problem(self._image))

    def focus_on(self, key: str) -> None:
        """Bring the person to an answer."""
        if key in {"name", "tag"}:
            self.query_one(f"#{key}", Field).focus_input()
        else:
            self.query_one(f"#{key}", OneOf).focus()
