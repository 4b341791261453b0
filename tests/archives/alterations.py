"""Ways to alter a log by hand, in the database; each says what the verifier must call it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import psycopg

from adapters.outbound.proof_store import PostgresProofStore
from processors.merkle import GrowingTree, leaf_hash
from processors.proof_ports import Checkpoint, StoredReceipt
from processors.proving import receipt_hashes
from schemas.leaves import NO_RECEIPT, cause_of, leaf_data
from schemas.notes import TreeHead, checkpoint_text, sign_note
from tests.archives.house import ORIGIN, House

Connection = psycopg.Connection[Any]


@dataclass
class Altering:
    """A log that is being altered, and what is picked at random."""

    conn: Connection
    random: Random
    house: House
    early: int
    """The size of the earlier checkpoint."""
    size: int
    """The number of events, all of which are proven."""

    def any_position(self) -> int:
        """One of the log's positions.

        But for refusals that must not tell their sender of the client: their receipts name no
        place, so that where such an event was cannot be told.
        """
        while True:
            at = self.random.randint(1, self.size)
            if not self._is_hidden(at):
                return at

    def _is_hidden(self, at: int) -> bool:
        return b'"role":"portal"' in self.event(at)[3]

    def run(self, statement: str, *facts: Any) -> Any:
        """Run a statement."""
        return self.conn.execute(statement, facts)

    def event(self, position: int) -> Sequence[Any]:
        """The event at a position: client, version, topic, state."""
        return self.run(
            "SELECT originator_id, originator_version, topic, state FROM stored_events"
            " WHERE notification_id = %s", position,
        ).fetchone()  # type: ignore[no-any-return]  # fmt: skip  # psycopg's rows are of any type

    def set(self, column: str, value: Any, position: int) -> None:
        """Change a column of an event."""
        self.run(
            f"UPDATE stored_events SET {column} = %s WHERE notification_id = %s", value, position
        )

    def set_receipt(self, column: str, value: Any, transaction_id: str) -> None:
        """Change a column of a receipt."""
        self.run(
            f"UPDATE receipts SET {column} = %s WHERE transaction_id = %s", value, transaction_id
        )

    def a_transaction(self) -> str:
        """A transaction that caused an event."""
        return cause_of(self.event(self.any_position())[3]).transaction_id

    def receipt(self, transaction_id: str) -> Sequence[Any]:
        """A receipt: key, content hash, body."""
        return self.run(
            "SELECT key, content_hash, body FROM receipts WHERE transaction_id = %s", transaction_id
        ).fetchone()  # type: ignore[no-any-return]  # psycopg's rows are of any type

    def shift(self, first: int, by: int) -> None:
        """Renumber all positions from one on."""
        for step in (10_000_000, by - 10_000_000):
            self.run(
                "UPDATE stored_events SET notification_id = notification_id + %s"
                " WHERE notification_id >= %s", step, first,
            )  # fmt: skip


# ── Events ─────────────────────────────────────────────────────────────────────────────────────


def state_data(a: Altering) -> set[str]:
    """Something else is said to have happened."""
    at = a.any_position()
    state = bytes(a.event(at)[3])
    end = state.rindex(b"}}")
    a.set("state", state[:end] + b',"x":%d' % a.random.randint(0, 99) + state[end:], at)
    return {"changed"}


def state_bytes(a: Altering) -> set[str]:
    """Bytes that are no text any more."""
    at = a.any_position()
    state = bytearray(a.event(at)[3])
    state[a.random.randrange(len(state) - 2, len(state))] = 0xFF
    a.set("state", bytes(state), at)
    return {"changed"}


def topic(a: Altering) -> set[str]:
    """Another type of event."""
    a.set("topic", f"contact_changed.v{a.random.randint(2, 9)}", a.any_position())
    return {"changed"}


def client(a: Altering) -> set[str]:
    """Another client's event."""
    a.set("originator_id", f"other-{a.random.randint(0, 99)}", a.any_position())
    return {"changed"}


def recorded_at(a: Altering) -> set[str]:
    """Another instant, or none that there is."""
    then = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=a.random.randint(0, 10**7))
    a.set("recorded_at", a.random.choice([then, "infinity", "0044-03-15 BC"]), a.any_position())
    return {"changed"}


def version(a: Altering) -> set[str]:
    """Another version."""
    a.set("originator_version", a.random.randint(100, 10**9), a.any_position())
    return {"renumbered"}


def position(a: Altering) -> set[str]:
    """Another position."""
    a.set("notification_id", a.random.choice([0, -5, a.size + 7, 2**60]), a.any_position())
    return {"renumbered"}


def delete(a: Altering) -> set[str]:
    """An event less."""
    at = a.random.randint(1, a.size - 1)
    a.run("DELETE FROM stored_events WHERE notification_id = %s", at)
    return {"deleted"}


def delete_and_renumber(a: Altering) -> set[str]:
    """An event less, and no gap."""
    at = a.random.randint(1, a.size - 1)
    a.run("DELETE FROM stored_events WHERE notification_id = %s", at)
    a.shift(at + 1, -1)
    return {"deleted", "renumbered"}


def insert(a: Altering) -> set[str]:
    """An event more, in the middle or before the first."""
    at = a.random.randint(0, a.size)
    if at:
        a.shift(at, 1)
    _insert(a, at)
    return {"inserted", "renumbered"} if at else {"inserted"}  # which leaves 1 … n as they were


def insert_at_end(a: Altering) -> set[str]:
    """An event more at the end: it may as well have happened since."""
    _insert(a, a.size + 1)
    return {"unproven", "receipt deleted"}  # for it never had one


def _insert(a: Altering, at: int) -> None:
    """An event of a transaction that never was, like one that is there."""
    client_id, _, topic, state = a.event(a.size if at > a.size else at + 1)
    made_up = b"%032x" % a.random.getrandbits(128)
    state = state.replace(cause_of(state).transaction_id.encode(), made_up)
    a.run(
        "INSERT INTO stored_events SELECT originator_id, (SELECT max(originator_version) + 1"
        "  FROM stored_events WHERE originator_id = %s), %s, %s, %s, recorded_at"
        " FROM stored_events WHERE originator_id = %s LIMIT 1",
        client_id, topic, state, at, client_id,
    )  # fmt: skip


def _two(a: Altering) -> list[int]:
    one = other = a.any_position()
    while other == one:
        other = a.any_position()
    return [one, other]


def swap_positions(a: Altering) -> set[str]:
    """Two events change places."""
    one, other = _two(a)
    for old, new in ((one, -1), (other, one), (-1, other)):
        a.set("notification_id", new, old)
    return {"swapped"}


def swap_versions(a: Altering) -> set[str]:
    """Two events of a client change versions."""
    client_id = a.event(a.any_position())[0]
    versions = a.run(
        "SELECT originator_version FROM stored_events WHERE originator_id = %s"
        " AND position('\"role\":\"portal\"'::bytea IN state) = 0", client_id,
    ).fetchall()  # fmt: skip
    if len(versions) < 2:
        return swap_positions(a)
    (one,), (other,) = a.random.sample(versions, 2)
    for old, new in ((one, -1), (other, one), (-1, other)):
        a.run(
            "UPDATE stored_events SET originator_version = %s"
            " WHERE originator_id = %s AND originator_version = %s", new, client_id, old,
        )  # fmt: skip
    return {"swapped"}


def swap_states(a: Altering) -> set[str]:
    """What happened at two places changes them."""
    one, other = _two(a)
    states = a.event(one)[3], a.event(other)[3]
    a.set("state", states[1], one)
    a.set("state", states[0], other)
    return {"swapped"}


def truncate(a: Altering) -> set[str]:
    """The last events are gone."""
    a.run("DELETE FROM stored_events WHERE notification_id > %s", a.random.randint(0, a.size - 1))
    return {"truncated"}


# ── Receipts ───────────────────────────────────────────────────────────────────────────────────


def receipt_column(a: Altering) -> set[str]:
    """Who sent it, of whom, or when, is another in the receipt."""
    column, value = a.random.choice(
        [("sender", "x"), ("client_id", "x"), ("recorded_at", "2020-01-01Z")]
    )
    a.set_receipt(column, value, a.a_transaction())
    return {"receipt changed"}


def receipt_answer(a: Altering) -> set[str]:
    """Another answer is said to have been given."""
    known = a.a_transaction()
    body = bytes(a.receipt(known)[2])
    old, new = a.random.choice(
        [(b'"position":', b'"position":9'), (b'"transaction_id":"', b'"x":"')]
    )
    a.set_receipt("body", body.replace(old, new), known)
    return {"receipt changed"}


def receipt_hash(a: Altering) -> set[str]:
    """Something else was asked, or under another key: the event's leaf does not tell which."""
    column, value = a.random.choice([("content_hash", b"x" * 16), ("key", "x")])
    a.set_receipt(column, value, a.a_transaction())
    return {"changed"}


def receipt_delete(a: Altering) -> set[str]:
    """A receipt less."""
    a.run("DELETE FROM receipts WHERE transaction_id = %s", a.a_transaction())
    return {"receipt deleted"}


def receipt_renamed(a: Altering) -> set[str]:
    """A receipt of another transaction."""
    a.set_receipt("transaction_id", "0" * 32, a.a_transaction())
    return {"receipt deleted", "receipt changed"}


def receipt_insert(a: Altering) -> set[str]:
    """A receipt more, of an event that is another's."""
    known = "f" * 32
    a.run(
        "INSERT INTO receipts SELECT %s, sender, key, client_id, content_hash, body, recorded_at"
        " FROM receipts WHERE transaction_id = %s", known, a.a_transaction(),
    )  # fmt: skip
    return {"receipt changed"}


def receipt_swap(a: Altering) -> set[str]:
    """Two receipts change their answers."""
    known = {a.a_transaction() for _ in range(20)}
    one, other = sorted(known)[:2]
    answers = a.receipt(one)[1:], a.receipt(other)[1:]
    for which, (asked, body) in ((one, answers[1]), (other, answers[0])):
        a.set_receipt("content_hash", asked, which)
        a.set_receipt("body", body, which)
    return {"receipt swapped"}


# ── With the tree, and with the key ────────────────────────────────────────────────────────────


def _rebuilt(a: Altering, *, signed: bool) -> None:
    """The tree made anew over what is there now; and signed, by whoever has the key."""
    rows = a.run(
        "SELECT notification_id, originator_version, recorded_at, originator_id, topic, state"
        " FROM stored_events ORDER BY notification_id"
    ).fetchall()
    stored = a.run(
        "SELECT transaction_id, sender, key, client_id, content_hash, body, recorded_at"
        " FROM receipts"
    ).fetchall()
    hashes = receipt_hashes({row[0]: StoredReceipt(*row) for row in stored})
    tree = GrowingTree()
    tiles = tree.append(
        leaf_hash(
            leaf_data(
                *row[:5],
                cause_of(row[5]).sender,
                hashes.get(cause_of(row[5]).transaction_id, NO_RECEIPT),
                row[5],
            )
        )
        for row in rows
    )
    kept = a.run("SELECT size, root, note, made_at FROM checkpoints ORDER BY size").fetchall()
    a.run("DELETE FROM tree_tiles")
    a.run("DELETE FROM checkpoints")
    head = TreeHead(ORIGIN, len(rows), tree.root())
    note = sign_note(checkpoint_text(head), a.house.keys.signers())
    made = Checkpoint(len(rows), tree.root(), note, datetime.now(UTC))
    PostgresProofStore(_Pool(a.conn)).extend(0, tiles, made)  # type: ignore[arg-type]  # as a pool
    if not signed:
        a.run("DELETE FROM checkpoints")
        for row in kept:
            a.run(
                "INSERT INTO checkpoints (size, root, note, made_at) VALUES (%s, %s, %s, %s)", *row
            )


class _Pool:
    def __init__(self, conn: Connection) -> None:
        self.conn = conn

    def connection(self) -> Any:
        """The one there is."""
        return nullcontext(self.conn)


_SMALL: tuple[Callable[[Altering], set[str]], ...] = (state_data, topic, client, version)


def fork(a: Altering) -> set[str]:
    """History is rewritten before the earlier checkpoint, and all of it signed again."""
    within = Altering(a.conn, a.random, a.house, a.early, a.early)
    a.random.choice((*_SMALL, delete_and_renumber, swap_states))(within)
    _rebuilt(a, signed=True)
    return {"forked"}


def cut_and_sign(a: Altering) -> set[str]:
    """The log is cut off before the earlier checkpoint, and signed again."""
    a.run("DELETE FROM stored_events WHERE notification_id > %s", a.random.randint(1, a.early - 1))
    _rebuilt(a, signed=True)
    return {"truncated"}


def tiles_too(a: Altering) -> set[str]:
    """The tree is rewritten to fit what was altered, but not signed: the key is elsewhere."""
    a.random.choice((*_SMALL, delete_and_renumber, swap_states))(a)
    _rebuilt(a, signed=False)
    events, last = a.run("SELECT count(*), max(notification_id) FROM stored_events").fetchone()
    return {"truncated" if events == last < a.size else "altered"}


def cut_with_tiles(a: Altering) -> set[str]:
    """The log is cut off, and the tree with it, but not signed."""
    a.run("DELETE FROM stored_events WHERE notification_id > %s", a.random.randint(1, a.size - 1))
    _rebuilt(a, signed=False)
    return {"truncated"}


ALTERATIONS: tuple[Callable[[Altering], set[str]], ...] = (
    *(state_data, state_bytes, topic, client, recorded_at, version, position),
    *(delete, delete_and_renumber, insert, insert_at_end, truncate),
    *(swap_positions, swap_versions, swap_states),
    *(receipt_column, receipt_answer, receipt_hash, receipt_delete, receipt_renamed),
    *(receipt_insert, receipt_swap),
    *(fork, cut_and_sign, tiles_too, cut_with_tiles),
)
"""Each is called with a log that is as it should be; returns the kinds that must be found."""


def may_be_told(alter: Callable[[Altering], set[str]]) -> set[str]:
    """The kinds that may be found besides: where the tree does not tell, all that looks odd."""
    if alter in (fork, cut_and_sign, tiles_too, cut_with_tiles):
        return {"deleted", "renumbered", "receipt changed", "receipt inserted", "receipt deleted"}
    # Where a hidden refusal that comes next was, nothing tells; renumbered: before the first.
    hidden = {delete_and_renumber: {"changed"}, insert: {"renumbered", "receipt deleted"}}
    return hidden.get(alter, set())
