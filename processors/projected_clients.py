"""Clients and payees as a projection has applied them: what the next event is folded into."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from domain.streams import Stream, new_stream, weight
from processors.ports import EventLog
from schemas.envelope import Recorded, Unreadable


class Gap(Exception):
    """An event of a client came although an earlier one had not."""

    def __init__(self, expected_version: int) -> None:
        super().__init__(f"expected version {expected_version}")
        self.expected_version = expected_version


class ProjectedClients:
    """State and version of the clients and payees used last, bounded by how many members they have.

    They are copies of their own: the projection may be behind the command processor. For a
    projection that needs no state (``with_state`` false) only versions are kept.
    """

    def __init__(self, log: EventLog, with_state: bool, members_limit: int) -> None:
        self._log = log
        self._with_state = with_state
        self._limit = members_limit
        self._states: dict[str, Stream] = {}
        self._versions: OrderedDict[str, int] = OrderedDict()
        self._before: dict[str, int] = {}
        self._weights: dict[str, int] = {}
        self._weight = 0

    def begin(self, events: Sequence[Recorded]) -> None:
        """Have every client of ``events`` as it was before its first one there."""
        self._before = {}
        missing: dict[str, int] = {}
        for recorded in events:
            client_id = recorded.client_id
            if client_id not in self._before:
                version = self._versions.setdefault(client_id, recorded.version - 1)
                self._before[client_id] = version
                if self._with_state and client_id not in self._states:
                    missing[client_id] = version
        known = {client_id: version for client_id, version in missing.items() if version}
        loaded = self._log.load(known) if known else {}
        for client_id in missing:
            self._states[client_id] = loaded.get(client_id) or new_stream(client_id)

    def state(self, client_id: str) -> Stream | None:
        """The state of the client or payee; None where the projection needs none."""
        return self._states.get(client_id)

    def apply(self, recorded: Recorded) -> bool:
        """Fold an event in; false if it has been already. Raises ``Gap`` if one is missing."""
        expected = self._versions[recorded.client_id] + 1
        if recorded.version < expected:
            return False
        if recorded.version > expected:
            raise Gap(expected)
        if isinstance(recorded.event, Unreadable):
            raise LookupError
        if self._with_state:
            recorded.evolve(self._states[recorded.client_id])
        self._versions[recorded.client_id] = recorded.version
        return True

    def commit(self) -> None:
        """What was folded in since ``begin`` is applied; those used longest ago may have to go."""
        for client_id in self._before:
            self._versions.move_to_end(client_id)
            state = self._states.get(client_id)
            weighs = weight(state) if state else 1
            self._weight += weighs - self._weights.get(client_id, 0)
            self._weights[client_id] = weighs
        while self._weight > self._limit:
            client_id, _ = self._versions.popitem(last=False)
            self._states.pop(client_id, None)
            self._weight -= self._weights.pop(client_id, 0)

    def roll_back(self) -> None:
        """What was folded in since ``begin`` is not applied: states that may hold it are dropped,
        versions are what they were.
        """
        self._versions.update(self._before)
        for client_id in self._before:
            self._states.pop(client_id, None)
