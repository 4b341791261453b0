"""What a first start shows: Harbor Bakery, a small made-up book, and a key for each role."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from adapters.inbound.simulation.book import simulate
from adapters.inbound.submitting import CLI, submit_lines
from adapters.outbound.api_keys import ApiKeys, split_token
from adapters.services import Services
from domain.types import Role

HARBOR_BAKERY = Path(__file__).parents[2] / "examples" / "harbor_bakery.jsonl"
"""The handbook's worked example as transactions (§9); there in a clone, not in a wheel."""
HARBOR_BAKERYS_PRODUCER = "P-100"

_SEED = 1
_KEYS: dict[Role, tuple[str | None, tuple[str, ...]]] = {
    "portal": (HARBOR_BAKERYS_PRODUCER, ()),
    "carrier": (None, ("backfill",)),
    "auditor": (None, ()),
    "operations": (None, ()),
}
"""The producer that the role's key speaks for, and its permissions."""


def load_demonstration(services: Services, folder: Path, clients: int) -> bool:
    """Load it into an empty log; true if that was done now.

    A start that was killed meanwhile leaves a mark, and the next one goes on: the transactions'
    keys make sure that nothing is done twice.
    """
    begun, done = folder / "demonstration.begun", folder / "demonstration.done"
    if clients == 0 or done.exists() or (services.log.head() > 0 and not begun.exists()):
        return False
    begun.touch()
    if HARBOR_BAKERY.exists():
        lines = HARBOR_BAKERY.read_bytes().splitlines()
        # As the command line would: who submits the file of the README again repeats it.
        for outcome in submit_lines(services.commands, ((CLI, line) for line in lines)):
            assert outcome.answer is not None, outcome.problem
    simulate(services.commands, clients, _SEED)
    begun.rename(done)
    return True


# ── Keys ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class DemonstrationKey:
    """A key to try things with."""

    role: Role
    token: str
    producer_id: str | None


def demonstration_keys(keys: ApiKeys, path: Path) -> list[DemonstrationKey]:
    """A key for each role: those in the file if they still open the door, else new ones.

    The database has only hashes of keys, so the file, readable by its owner alone, is what later
    starts can show them from.
    """
    stored: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    tokens: dict[Role, str] = {}
    for role, (producer_id, permissions) in _KEYS.items():
        token = stored.get(role, "")
        if not _opens(keys, token):
            token = keys.create(role, f"demo-{role}", producer_id, permissions).token
        tokens[role] = token
    if tokens != stored:
        _write_for_owner(path, json.dumps(tokens, indent=2) + "\n")
    return [DemonstrationKey(role, tokens[role], _KEYS[role][0]) for role in _KEYS]


def _opens(keys: ApiKeys, token: str) -> bool:
    parts = split_token(token)
    key = keys.find(parts[0]) if parts else None
    return parts is not None and key is not None and key.opened_by(parts[1])


def _write_for_owner(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    new.replace(path)
