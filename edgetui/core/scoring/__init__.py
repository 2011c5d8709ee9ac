"""The scoring script: judged by reading it, never by running it.

`contract` holds what the inference server itself refuses, `wrong_files` what a file is that is no scoring script at all,
`habits` and `variables` what the server takes and what cannot work on a device all the same.
"""

from edgetui.core.scoring.verdict import check

__all__ = ["check"]
