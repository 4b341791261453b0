"""How the interpreter is set for a long-running process of several threads."""

from __future__ import annotations

import gc
import sys

_SWITCH_SECONDS = 0.0005
"""The default of 5 ms is how long a thread that folds may keep one waiting that has an answer."""
_COLLECT_AFTER = (50_000, 20, 50)
"""Histories and clients in memory are many small objects without cycles: at the default of 700 the
collector walks them again and again, for a third of the time of a command."""


def tune_interpreter() -> None:
    """Set thread switching and garbage collection; call once, when the process starts."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.set_threshold(*_COLLECT_AFTER)
