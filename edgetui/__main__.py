"""`python -m edgetui`."""

import sys

from edgetui.cli import main

sys.exit(main())
