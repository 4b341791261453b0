"""What every event log must do. The test classes of each log inherit this suite."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest

from domain.client.state import Client
from domain.kernel import Cause, TransactionRefused
from processors.ports import EventLog, NewEvent, NewReceipt, Snapshot, VersionConflict
from processors.receipts import with_position
from schemas.snapshots import FORM, encode_client

NOON = datetime(2026, 3, 4, 17, 0, 0, 123_456, tzinfo=UTC)


def cause(transaction_id: str = "t1") -> Cause:
    """Who did it: the same sender always."""
    return Cause(transaction_id, "change_address", "portal-1", "portal", "key-1", NOON)


def new(client_id: str, version: int, code: str = "x") -> NewEvent:
    """An event that says ``code``."""
    return NewEvent(client_id, version, cause(), TransactionRefused(code=code, sentence="ä\u2028é"))


def receipt(
    transaction_id: str, event_index: int | None = None, position: int = 0, content: bytes = b"c"
) -> NewReceipt:
    """A receipt of a transaction."""
    return NewReceipt(
        transaction_id, "portal-1", "key", "C1", content, b'{"a":1', event_index, position
    )


class EventLogContract:
    """Inherit, and provide ``log`` as a fixture."""

    @pytest.fixture
    def log(self) -> EventLog:
        """An empty log."""
        raise NotImplementedError

    def test_an_empty_log_has_nothing(self, log: EventLog) -> None:
        """Head 0, no events, no receipts."""
        assert log.head() == 0
        assert not log.follow(0, 10)
        assert log.receipt("t1") is None
        assert log.recorded_at(1) is None

    def test_i3_positions_and_versions_have_no_gaps(self, log: EventLog) -> None:
        """I3: positions are 1..n over all clients, versions 1..n in each."""
        assert log.append([new("A", 1), new("B", 1), new("A", 2)], [], NOON, {}) == 1
        with pytest.raises(VersionConflict):
            log.append([new("A", 2)], [], NOON, {})
        assert log.append([new("B", 2)], [], NOON, {}) == 4
        followed = log.follow(0, 10)
        assert [e.position for e in followed] == [1, 2, 3, 4]
        assert [(e.client_id, e.version) for e in followed] == [
            ("A", 1), ("B", 1), ("A", 2), ("B", 2),
        ]  # fmt: skip
        assert log.head() == 4

    def test_an_event_comes_back_as_it_was_stored(self, log: EventLog) -> None:
        """Cause, event, position, version and recorded instant survive to the microsecond."""
        stored = new("A", 1, "some_code")
        log.append([stored], [], NOON, {})
        (back,) = log.follow(0, 10)
        assert (back.client_id, back.version, back.position) == ("A", 1, 1)
        assert back.recorded_at == NOON
        assert back.recorded_at.tzinfo is not None
        assert (back.cause, back.event) == (stored.cause, stored.event)
        assert log.recorded_at(1) == NOON

    def test_following_pages_from_any_position(self, log: EventLog) -> None:
        """``follow`` starts after the position and stops at the limit."""
        log.append([new("A", v) for v in range(1, 8)], [], NOON, {})
        assert [e.position for e in log.follow(2, 3)] == [3, 4, 5]
        assert not log.follow(7, 3)

    def test_a_clients_history_is_its_own(self, log: EventLog) -> None:
        """``history`` pages through one client, and stops at a version where asked."""
        log.append([new("A", 1), new("B", 1), new("A", 2), new("A", 3)], [], NOON, {})
        assert [e.version for e in log.history("A", 0, 10)] == [1, 2, 3]
        assert [e.version for e in log.history("A", 1, 1)] == [2]
        assert [e.version for e in log.history("A", 0, 10, up_to_version=2)] == [1, 2]
        assert not log.history("C", 0, 10)

    def test_events_are_selected_by_type_version_and_whom_they_name(self, log: EventLog) -> None:
        """In order; an id counts only as a whole text of the event's data."""
        codes = ["anna", "ben", "anna-marie", "anna"]
        log.append([new("A", n, code) for n, code in enumerate(codes, start=1)], [], NOON, {})
        log.append([new("B", 1, "anna")], [], NOON, {})
        refused = [TransactionRefused.type]
        assert [e.version for e in log.selected("A", refused, 3)] == [1, 2, 3]
        assert [e.version for e in log.selected("A", refused, 4, ["anna"])] == [1, 4]
        assert [e.version for e in log.selected("A", refused, 4, ["anna", "ben"])] == [1, 2, 4]
        assert [e.version for e in log.selected("A", refused, 3, ["anna"])] == [1]
        assert not log.selected("A", refused, 4, ["cleo"])
        assert not log.selected("A", refused, 4, [])
        assert not log.selected("A", ["transaction"], 4)

    def test_a_taken_version_stores_nothing_of_the_append(self, log: EventLog) -> None:
        """All or nothing: neither the neighbour's event nor a receipt stays."""
        log.append([new("A", 1)], [], NOON, {})
        with pytest.raises(VersionConflict):
            log.append([new("B", 1), new("A", 1)], [receipt("t1", 1)], NOON, {})
        assert log.head() == 1
        assert log.receipt("t1") is None

    def test_i2_one_receipt_for_each_transaction(self, log: EventLog) -> None:
        """I2: a transaction that has its receipt cannot take effect again."""
        log.append([new("A", 1)], [receipt("t1", 1)], NOON, {})
        with pytest.raises(VersionConflict):
            log.append([new("A", 2)], [receipt("t1", 1)], NOON, {})
        assert log.head() == 1

    def test_a_decision_without_events_fails_when_its_client_has_moved_on(
        self, log: EventLog
    ) -> None:
        """A no-op rests on the version it was decided on."""
        log.append([new("A", 1)], [], NOON, {})
        log.append([], [receipt("t1", position=1)], NOON, {"A": 1, "Z": 0})
        with pytest.raises(VersionConflict):
            log.append([], [receipt("t2")], NOON, {"A": 0})
        assert log.receipt("t1") is not None
        assert log.receipt("t2") is None

    def test_receipts_get_the_position_of_their_event(self, log: EventLog) -> None:
        """The log writes the position; with none of its own a receipt keeps the one it has."""
        log.append([new("A", 1)], [], NOON, {})
        log.append([new("A", 2), new("B", 1)], [receipt("t1", 2), receipt("t2", None, 1)], NOON, {})
        first, second = log.receipt("t1"), log.receipt("t2")
        assert first is not None
        assert first.body == with_position(b'{"a":1', 3) == b'{"a":1,"position":3}'
        assert first.content_hash == b"c"
        assert second is not None
        assert second.body == b'{"a":1,"position":1}'

    def test_one_look_finds_receipts_and_newer_events(self, log: EventLog) -> None:
        """``read`` answers for a whole batch: known transactions, and events since a version."""
        log.append([new("A", 1), new("A", 2), new("B", 1)], [receipt("t1", 1)], NOON, {})
        read = log.read(["t1", "t9"], {"A": 1, "B": None, "C": None})
        assert set(read.receipts) == {"t1"}
        assert [(e.client_id, e.version) for e in read.events] == [("A", 2), ("B", 1)]
        assert not read.snapshots

    def test_a_snapshot_replaces_the_history_before_it(self, log: EventLog) -> None:
        """Of an unknown client the newest snapshot comes, with the events after it."""
        log.append([new("A", v) for v in range(1, 5)], [], NOON, {})
        self._snapshot(log, "A", 3)
        read = log.read([], {"A": None})
        assert read.snapshots["A"].version == 3
        assert [e.version for e in read.events] == [4]

    def test_a_snapshot_of_another_form_is_ignored(self, log: EventLog) -> None:
        """A state declared otherwise cannot be read; the history can."""
        log.append([new("A", 1), new("A", 2)], [], NOON, {})
        log.save_snapshot(Snapshot("A", 2, "another form", b"?"))
        read = log.read([], {"A": None})
        assert not read.snapshots
        assert [e.version for e in read.events] == [1, 2]
        assert log.load({"A": 2})["A"].version == 2

    def test_clients_load_as_they_were_at_a_version(self, log: EventLog) -> None:
        """``load`` uses a snapshot that is old enough, and never one that is too new."""
        log.append([new("A", v) for v in range(1, 7)], [], NOON, {})
        for version in (2, 4, 6):
            self._snapshot(log, "A", version)
        loaded = log.load({"A": 5, "B": 0})
        assert (loaded["A"].version, loaded["A"].position) == (5, 5)
        assert loaded["B"] == Client("B")
        assert log.load({"A": 1})["A"].version == 1
        assert log.load({"A": 6})["A"].version == 6

    def test_of_a_long_history_one_snapshot_in_so_many_events_stays(self, log: EventLog) -> None:
        """The first of each stretch, and the two newest; so any earlier moment is near one."""
        for version in (10, 20, 25_010, 25_020, 50_000, 50_010, 50_020, 50_030):
            client = Client("A", version=version)
            log.save_snapshot(Snapshot("A", version, FORM, encode_client(client)))
        asked = (15, 24_999, 25_015, 49_999, 50_005, 50_025, 50_040)
        found = [log.load({"A": version})["A"].version for version in asked]
        assert found == [10, 10, 25_010, 25_010, 50_000, 50_020, 50_030]

    def test_waiting_ends_when_the_log_grows(self, log: EventLog) -> None:
        """``wait`` is woken by an append, answers at once for the past, and gives up in time."""
        assert log.wait(0, 0.01) is False
        threading.Timer(0.05, lambda: log.append([new("A", 1)], [], NOON, {})).start()
        began = time.monotonic()
        assert log.wait(0, 20.0) is True
        assert time.monotonic() - began < 15
        assert log.wait(0, 0.0) is True
        assert log.wait(1, 0.01) is False

    def test_i3_appending_threads_never_break_the_order(self, log: EventLog) -> None:
        """I3: several writers at once; a reader that follows sees every event once, in order."""
        failures: list[BaseException] = []

        def write(client_id: str) -> None:
            try:
                for version in range(1, 26):
                    log.append([new(client_id, version)], [], NOON, {})
            except BaseException as error:  # noqa: BLE001 - told by the assertion below
                failures.append(error)

        writers = [threading.Thread(target=write, args=(f"C{i}",)) for i in range(4)]
        for writer in writers:
            writer.start()
        seen: list[tuple[int, str, int]] = []
        deadline = time.monotonic() + 30
        while len(seen) < 100 and time.monotonic() < deadline:
            log.wait(len(seen), 0.5)
            seen += [(e.position, e.client_id, e.version) for e in log.follow(len(seen), 7)]
        for writer in writers:
            writer.join()
        assert not failures
        assert [position for position, _, _ in seen] == list(range(1, 101))
        for i in range(4):
            assert [v for _, client, v in seen if client == f"C{i}"] == list(range(1, 26))

    @staticmethod
    def _snapshot(log: EventLog, client_id: str, version: int) -> None:
        client = log.load({client_id: version})[client_id]
        log.save_snapshot(Snapshot(client_id, version, FORM, encode_client(client)))
