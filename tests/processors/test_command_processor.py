"""Commands in, events and receipts appended, answers out: once, whatever happens on the way.

The tests run on the log in memory and on PostgreSQL. ``Faulty`` stands between the processor and
its log and lets appends and looks fail, before or after they took effect.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.in_memory import InMemoryEventLog
from domain.kernel import Actor, TransactionRefused
from processors.command_processor import CommandProcessor
from processors.ports import EventLog, LogUnavailable
from processors.receipts import KeyReused, Submission
from tests.processors.sending import (
    CARRIER,
    NOON,
    Faulty,
    SetClock,
    impossible,
    opening,
    send,
    subgroup,
    submit_many,
    versions,
)

STRANGER = Actor("portal-9", "portal", producer_id="P9")


@pytest.fixture(params=["memory", "postgres"])
def log(request: pytest.FixtureRequest) -> Iterator[EventLog]:
    """An empty log of each kind."""
    if request.param == "memory":
        yield InMemoryEventLog()
        return
    log = PostgresEventLog(request.getfixturevalue("database_url"))
    yield log
    log.close()


@pytest.fixture
def clock() -> SetClock:
    """The time of day."""
    return SetClock()


@pytest.fixture
def start(clock: SetClock) -> Iterator[Callable[[EventLog], CommandProcessor]]:
    """Starts processors, and closes them after the test."""
    started: list[CommandProcessor] = []

    def start_one(log: EventLog) -> CommandProcessor:
        started.append(CommandProcessor(log, clock, outage_patience_seconds=2.0))
        return started[-1]

    yield start_one
    for processor in started:
        processor.close()


Start = Callable[[EventLog], CommandProcessor]


class TestReceipts:
    """What the sender is told."""

    def test_a_receipt_says_what_happened(self, log: EventLog, start: Start) -> None:
        """Transaction, status, version, position, events and both instants."""
        answer = send(start(log), opening())[0]
        assert json.loads(answer.body) == {
            "transaction_id": opening().transaction_id,
            "client_id": "C1",
            "type": "open_client",
            "status": "accepted",
            "effective_on": "2026-01-01",
            "takes_effect_on": "2026-01-01",
            "received_at": "2026-01-05T17:00:00Z",
            "recorded_at": "2026-01-05T17:00:00Z",
            "client_version": 1,
            "events": [{"type": "client_opened", "version": 1}],
            "position": 1,
        }
        stored = log.receipt(answer.receipt.transaction_id)
        assert stored is not None
        assert stored.body == answer.body

    def test_a_refusal_is_recorded_with_its_rule(self, log: EventLog, start: Start) -> None:
        """The history shows who tried what, and which rule said no."""
        *_, answer = send(start(log), opening(), subgroup(1), impossible("k2"))
        assert answer.receipt.status == "refused"
        assert answer.receipt.code == "subgroup_exists"
        assert answer.receipt.client_version == 3
        last = log.history("C1", 2, 10)[0]
        assert isinstance(last.event, TransactionRefused)
        assert (last.event.code, last.cause.sender) == ("subgroup_exists", "carrier-1")
        assert last.cause.transaction_type == "add_subgroup"

    def test_what_already_holds_causes_no_event(self, log: EventLog, start: Start) -> None:
        """A repeat under a new key is accepted; its reader waits for what made it hold."""
        processor = start(log)
        send(processor, opening(), opening("C2", "open-2"))
        again, other = send(processor, opening(key="k9"), subgroup(5, client_id="C2"))
        assert again.receipt.status == "accepted"
        assert again.receipt.events == ()
        assert (again.receipt.client_version, again.receipt.position) == (1, 1)
        assert other.receipt.position == 3
        assert versions(log) == [1]

    def test_a_no_op_after_an_event_of_its_own_batch_points_at_that_event(
        self, log: EventLog, start: Start
    ) -> None:
        """The position is right even though nobody knew it when the no-op was decided."""
        answers = send(start(log), opening(), subgroup(1), subgroup(1, key="again"))
        assert [a.receipt.position for a in answers] == [1, 2, 2]

    def test_a_hidden_client_and_an_absent_one_answer_alike(
        self, log: EventLog, start: Start
    ) -> None:
        """A stranger learns nothing; the history of the client that exists keeps the attempt."""
        processor = start(log)
        send(processor, opening("C1"))
        hidden, absent = send(
            processor,
            subgroup(1, "a", "C1", STRANGER),
            subgroup(1, "b", "C9", STRANGER),
        )
        said = [json.loads(answer.body) for answer in (hidden, absent)]
        for one in said:
            one.pop("transaction_id")
            one["sentence"] = one["sentence"].replace(one.pop("client_id"), "…")
        assert said[0] == said[1]
        assert said[0]["code"] == "client_not_found"
        assert log.history("C1", 1, 10)[0].event == TransactionRefused(
            code="not_agent_of_record",
            sentence="Producer P9 is not the client's agent of record on 2026-01-05.",
        )
        assert not versions(log, "C9")


class TestReceivedInstant:
    """Received at never goes back within a client (handbook §1)."""

    def test_an_earlier_stated_instant_is_refused(self, log: EventLog, start: Start) -> None:
        """``received_out_of_order``, and the refusal itself does not turn the order round."""
        processor = start(log)
        earlier = NOON - timedelta(days=1)
        answer = send(processor, opening(), subgroup(1, received_at=earlier))[1]
        assert answer.receipt.code == "received_out_of_order"
        assert answer.receipt.received_at == NOON

    def test_a_refused_import_does_not_block_the_next(self, log: EventLog, start: Start) -> None:
        """An import may go on in 2020 after a mistake in it was refused."""
        processor = start(log)
        year_2025 = [datetime(2025, 11, day, tzinfo=UTC) for day in (3, 2, 4)]
        first = Submission(CARRIER, "C1", "open", opening().command, year_2025[0])
        answers = send(
            processor,
            first,
            subgroup(1, received_at=year_2025[1]),
            subgroup(2, received_at=year_2025[2]),
        )
        assert [a.receipt.status for a in answers] == ["accepted", "refused", "accepted"]

    def test_an_instant_in_the_future_is_refused(self, log: EventLog, start: Start) -> None:
        """``received_in_future``."""
        later = NOON + timedelta(seconds=1)
        answer = send(start(log), opening(), subgroup(1, received_at=later))[1]
        assert answer.receipt.code == "received_in_future"

    def test_a_clock_that_lags_behind_does_not_turn_the_order_round(
        self, log: EventLog, start: Start, clock: SetClock
    ) -> None:
        """Two machines' clocks differ a little; the client's order stands."""
        processor = start(log)
        send(processor, opening())
        clock.instant = NOON - timedelta(seconds=3)
        answer = send(processor, subgroup(1))[0]
        assert answer.receipt.status == "accepted"
        assert answer.receipt.received_at == NOON
        assert answer.receipt.recorded_at == clock.instant


class TestKeys:
    """The same key is the same transaction."""

    def test_i2_a_hundred_at_once_make_one_effect(self, log: EventLog, start: Start) -> None:
        """I2: one event and one receipt; everyone gets the same bytes, one of them as the first."""
        processor = start(log)
        send(processor, opening())
        answers = send(processor, *[subgroup(1) for _ in range(100)])
        assert len({answer.body for answer in answers}) == 1
        assert [answer.repeated for answer in answers].count(False) == 1
        assert versions(log) == [1, 2]

    def test_i2_a_repeat_long_after_gets_the_first_bytes(
        self, log: EventLog, start: Start, clock: SetClock
    ) -> None:
        """I2: also from another process, when more has happened."""
        first = send(start(log), opening(), subgroup(1))[1]
        clock.instant += timedelta(days=400)
        repeat = send(start(log), subgroup(2), subgroup(1))[1]
        assert repeat.body == first.body
        assert repeat.repeated
        assert versions(log) == [1, 2, 3]

    def test_a_refusal_is_repeated_too(self, log: EventLog, start: Start) -> None:
        """The first answer stands, also when the rule would say yes by now."""
        processor = start(log)
        refused = send(processor, subgroup(1, key="k"))[0]
        assert refused.receipt.code == "client_not_found"
        again = send(processor, opening(), subgroup(1, key="k"))[1]
        assert again.body == refused.body

    def test_other_content_under_the_key_is_refused(self, log: EventLog, start: Start) -> None:
        """In the same batch, soon after and long after."""
        processor = start(log)
        send(processor, opening())
        together = submit_many(processor, [subgroup(1, "k"), subgroup(2, "k")])
        assert together[0].result(30).receipt.status == "accepted"
        with pytest.raises(KeyReused):
            together[1].result(30)
        with pytest.raises(KeyReused):
            start(log).submit(subgroup(3, "k")).result(30)
        assert versions(log) == [1, 2]

    def test_another_senders_key_is_another_key(self, log: EventLog, start: Start) -> None:
        """Keys are each sender's own."""
        other = Actor("carrier-2", "carrier")
        answers = send(start(log), opening(), subgroup(1, "k"), subgroup(2, "k", actor=other))
        assert [a.receipt.status for a in answers] == ["accepted"] * 3


class TestNeighbours:
    """Commands share a commit and nothing else."""

    def test_a_fault_of_the_program_fails_one_command_only(
        self, log: EventLog, start: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The command at fault raises; those before and behind it are answered."""
        processor = start(log)
        send(processor, opening())
        kind = type(subgroup(1).command)
        decide = kind.decide

        def faulty(self: Any, *args: Any) -> Any:
            if self.subgroup_id == "S3":
                raise ZeroDivisionError
            return decide(self, *args)

        monkeypatch.setattr(kind, "decide", faulty)
        futures = submit_many(processor, [subgroup(n) for n in range(1, 6)])
        wait(futures, timeout=30)
        assert [type(f.exception()) for f in futures].count(ZeroDivisionError) == 1
        assert isinstance(futures[2].exception(), ZeroDivisionError)
        assert versions(log) == [1, 2, 3, 4, 5]

    def test_two_processes_on_one_client_lose_nothing(self, log: EventLog, start: Start) -> None:
        """I1: both append to the same clients at once; who loses the race decides again."""
        one, other = start(log), start(log)
        send(one, opening("A", "open-a"), opening("B", "open-b"))
        futures = []
        for number in range(1, 61):
            processor = one if number % 2 else other
            futures.append(processor.submit(subgroup(number, client_id="AB"[number % 3 > 0])))
        assert {f.result(30).receipt.status for f in futures} == {"accepted"}
        for client_id, count in (("A", 20), ("B", 40)):
            assert versions(log, client_id) == list(range(1, count + 2))

    def test_a_no_op_is_decided_again_when_another_process_was_faster(
        self, log: EventLog, start: Start
    ) -> None:
        """A stale memory must not call done what another process has changed."""
        stale, fresh = start(log), start(log)
        send(stale, opening(), subgroup(1))
        send(fresh, subgroup(2))
        answer = send(stale, subgroup(1, key="again"))[0]
        assert answer.receipt.client_version == 3


class TestOutages:
    """The log goes away, before or after a commit."""

    @pytest.mark.parametrize("fault", ["before", "after", "race"])
    def test_i1_an_ambiguous_commit_resolves_to_the_first_receipt(
        self, log: EventLog, start: Start, fault: str
    ) -> None:
        """I1: whether or not the commit took effect, there is one effect and one receipt."""
        processor = start(Faulty(log, ["", fault]))
        answers = send(processor, opening())
        answers += send(processor, subgroup(1))
        assert [a.receipt.status for a in answers] == ["accepted", "accepted"]
        stored = log.receipt(answers[1].receipt.transaction_id)
        assert stored is not None
        assert stored.body == answers[1].body
        assert versions(log) == [1, 2]

    def test_a_long_outage_is_told_and_leaves_nothing_half_done(
        self, log: EventLog, start: Start
    ) -> None:
        """The sender is told; sending again later has one effect."""
        faulty = Faulty(log)
        processor = start(faulty)
        send(processor, opening())
        faulty.faults = ["after"] + ["before"] * 1000
        # What was appended is found by a look even while nothing can be appended.
        assert send(processor, subgroup(1))[0].receipt.client_version == 2
        with pytest.raises(LogUnavailable):
            processor.submit(subgroup(2)).result(30)
        faulty.faults = []
        assert send(processor, subgroup(2))[0].receipt.client_version == 3
        assert versions(log) == [1, 2, 3]

    def test_closing_answers_what_was_submitted(self, log: EventLog, start: Start) -> None:
        """Nothing that was taken in is dropped; after that, nothing is taken in."""
        processor = start(log)
        futures = submit_many(processor, [opening(), *[subgroup(n) for n in range(1, 300)]])
        processor.close()
        assert all(future.done() for future in futures)
        assert versions(log) == list(range(1, 301))
        with pytest.raises(RuntimeError, match="closed"):
            processor.submit(opening())


@settings(max_examples=60, deadline=None)
@given(
    sent=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1)), min_size=1, max_size=25),
    faults=st.lists(st.sampled_from(["", "", "before", "after", "race"]), max_size=25),
    rounds=st.integers(1, 3),
)
def test_i1_i2_any_interleaving_of_retries_and_faults(
    sent: list[tuple[int, int]], faults: list[str], rounds: int
) -> None:
    """I1, I2, I3: whatever fails and is sent again, by whichever of two processes."""
    log = InMemoryEventLog()
    clock = SetClock()
    processors = [
        CommandProcessor(Faulty(log, faults[i::2]), clock, outage_patience_seconds=2.0)
        for i in range(2)
    ]
    try:
        bodies: dict[int, set[bytes]] = {}
        send(processors[0], opening())
        for _ in range(rounds):
            futures = [(n, processors[which].submit(subgroup(n))) for n, which in sent]
            for number, future in futures:
                bodies.setdefault(number, set()).add(future.result(30).body)
    finally:
        for processor in processors:
            processor.close()
    assert all(len(different) == 1 for different in bodies.values())
    assert versions(log) == list(range(1, len(bodies) + 2))


def test_a_long_history_leaves_snapshots_behind(log: EventLog, start: Start) -> None:
    """After enough events a snapshot is kept, and a new process starts from it."""
    processor = start(log)
    send(processor, opening(), *[subgroup(n) for n in range(1, 1100)])
    processor.close()
    snapshot = log.read([], {"C1": None}).snapshots["C1"]
    assert snapshot.version >= 500
    assert send(start(log), subgroup(2000))[0].receipt.client_version == 1101
