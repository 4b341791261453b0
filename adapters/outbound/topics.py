"""The topics of this system: their names, and how each is kept at the broker."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

EVENTS = "ofrecord.events"
"""The log, for workers and whoever else follows it."""
COMMANDS = "ofrecord.commands"
"""Transactions that portals send over Kafka."""
RECEIPTS = "ofrecord.receipts"
"""What is answered to them."""
DEAD_LETTERS = "ofrecord.dead-letters"
"""What could not even be read of them."""

_FOR_EVER = {"retention.ms": "-1", "retention.bytes": "-1"}
_MONTH = {"retention.ms": str(30 * 24 * 3600 * 1000), "retention.bytes": "-1"}
_LARGE = {"max.message.bytes": str(64 * 1024 * 1024)}
"""An invoice of 20,000 members has a megabyte: more than Kafka takes unless told."""

_KEPT: Mapping[str, Mapping[str, str]] = {
    EVENTS: _FOR_EVER | _LARGE,
    COMMANDS: _MONTH,
    RECEIPTS: _MONTH,
    DEAD_LETTERS: _FOR_EVER,
}


class Topic(msgspec.Struct, frozen=True):
    """A topic to be made."""

    name: str
    partitions: int
    replication: int = -1
    """On how many brokers; -1: as many as the broker makes by itself."""

    @property
    def config(self) -> Mapping[str, str]:
        """How the broker keeps it."""
        kept = {"cleanup.policy": "delete", **_KEPT.get(self.name, _KEPT[EVENTS])}
        if self.replication > 1:  # one broker may be away, and what is acknowledged survives it
            kept["min.insync.replicas"] = str(self.replication - 1)
        return kept


def all_topics(partitions: int, replication: int) -> list[Topic]:
    """Every topic; events and commands in as many partitions as the clients."""
    return [
        Topic(EVENTS, partitions, replication),
        Topic(COMMANDS, partitions, replication),
        Topic(RECEIPTS, partitions, replication),
        Topic(DEAD_LETTERS, 1, replication),
    ]
