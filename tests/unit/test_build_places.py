"""From a failed build's words to the line that has to change."""

from __future__ import annotations

import pytest

from edgetui.core import build_places
from edgetui.core.errors import EdgeError
from edgetui.jobs.build_place import Place, place
from tests.unit.memory_ports import World, plan

ENVIRONMENT = """\
# what the module needs
dependencies:
  - python=3.11
  - pip:
      - numpy==1.26.4
      - Scikit_Learn==99.0
      - no-such==1
"""


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (("there is no no-such==1 for this Python and platform",), 7),
        (("the packages do not fit together", "ERROR: scikit-learn 99.0 depends on numpy>=2"), 6),
        (("nothing named", "numpy-1.26.4-py311_0 is not there"), 5),
        (("Because you require python>=3.13",), 3),
        (("a command of the build ended with code 1", "pip failed"), 0),
    ],
)
def test_the_package_that_is_named_first_is_the_line(said: tuple[str, ...], line: int) -> None:
    assert build_places.environment_line(ENVIRONMENT, *said) == line


def test_a_file_that_is_no_yaml_is_told_by_its_own_line() -> None:
    assert build_places.environment_line("dependencies:\n  - [a\n", "failed") > 1


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ('  File "/var/azureml-app/score.py", line 4, in init\n  File "/x/score.py", line 12, in load\nKeyError', 12),
        ("score.py:7:3: invalid syntax", 7),
        ("underscore.py:7: nothing of ours", 0),
    ],
)
def test_the_innermost_line_of_the_script_counts(said: str, line: int) -> None:
    assert build_places.script_line("src/score.py", said) == line


def test_a_failure_is_placed_in_the_file_that_its_field_names() -> None:
    world = World()
    world.files["/plan/myenv.yml"] = ENVIRONMENT
    ports = world.ports()
    log = ["Collecting numpy==1.26.4", "ERROR: No matching distribution found for no-such==1"]
    failed = EdgeError("The build failed", field="scoring.environment")
    assert place(plan(), failed, log, ports) == Place("environment", "myenv.yml", 7)
    crashed = EdgeError("The build failed", 'File "score.py", line 3, in <module>')
    assert place(plan(), crashed, [], ports) == Place("script", "score.py", 3)
    assert place(plan(), EdgeError("denied", field="registry.credential"), log, ports) is None
