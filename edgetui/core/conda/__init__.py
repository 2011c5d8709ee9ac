"""The environment file (`myenv.yml`): read with line numbers, judged before anything is built, pinned with its comments kept."""

from edgetui.core.conda.document import Document, Entry, conda_packages, pip_requirements, python_version
from edgetui.core.conda.lint import check
from edgetui.core.conda.pins import with_pins

__all__ = ["Document", "Entry", "check", "conda_packages", "pip_requirements", "python_version", "with_pins"]
