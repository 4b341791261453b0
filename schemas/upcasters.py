"""How an event published in an older version reads in the next one.

Keyed by (type, old version); each takes the old version's data and returns the next version's.
Applied wherever an old event can appear: loading, following, replay, export.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTERS: dict[tuple[str, int], Upcaster] = {}
