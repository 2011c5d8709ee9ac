"""The model file, read without executing any of it: what it needs, what it was made with, what it would run.

Why our own reader: fickling (LGPL, 0.5 MB) and picklescan look for code that a pickle runs; neither reads the versions in
it, nor gets past the raw arrays that joblib writes between a pickle's opcodes, nor bounds what it unpacks.
"""

from edgetui.core.model_file.fitness import check
from edgetui.core.model_file.reader import LIMIT, Facts, read

__all__ = ["LIMIT", "Facts", "check", "read"]
