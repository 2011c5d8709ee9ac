"""What is said when the person wants to leave while something runs."""

from __future__ import annotations

import pytest

from edgetui.ui.words.leaving import question

GOES_ON = "The build of the image goes on in Azure, and the next start watches it again."
KEPT = " The plan and what was done so far are kept."


@pytest.mark.parametrize(
    ("stopped", "left", "said"),
    [
        (["smoke"], [], "edgetui is still trying the script. Leaving stops that."),
        (
            ["smoke", "resolve", "image"],
            [],
            "edgetui is still trying the script, resolving the environment and building the image. Leaving stops that.",
        ),
        ([], ["image"], GOES_ON),
        (
            ["deploy"],
            ["image"],
            f"edgetui is still deploying. Leaving stops that. What was applied to a device stays applied. {GOES_ON}",
        ),
    ],
)
def test_the_question_names_what_runs_and_what_becomes_of_it(stopped: list[str], left: list[str], said: str) -> None:
    assert question(stopped, left) == said + KEPT


def test_a_build_in_a_sandbox_ends_with_it() -> None:
    said = question([], ["image"], sandbox=True)
    assert said.startswith("The build of the image ends with the sandbox. Where that goes on,")
    assert said.endswith("watches the build again." + KEPT)
    assert question(["smoke"], [], sandbox=True) == question(["smoke"], [])
