"""What one sender sends in order stays in order, also when the log goes away in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from structlog.testing import capture_logs

from adapters.inbound.submitting import IN_FLIGHT, InOrder
from adapters.outbound.in_memory import InMemoryEventLog
from processors.command_processor import CommandProcessor
from processors.ports import LogUnavailable
from processors.receipts import Answer, Submission
from tests.processors.sending import (
    Faulty,
    SetClock,
    opening,
    send,
    subgroup,
    submit_many,
    versions,
)


@pytest.fixture
def log() -> Faulty:
    """A log that can be made to fail."""
    return Faulty(InMemoryEventLog())


@pytest.fixture
def processor(log: Faulty) -> Iterator[CommandProcessor]:
    """A processor that gives a database up at the first failure."""
    processor = CommandProcessor(log, SetClock(), outage_patience_seconds=0.0)
    yield processor
    processor.close()


def _failed(future: Future[Answer]) -> bool:
    return isinstance(future.exception(30), LogUnavailable)


def test_an_outage_takes_the_later_lines_of_its_client_with_it(
    log: Faulty, processor: CommandProcessor
) -> None:
    """Also those that come after the log is back; another client's lines go on."""
    in_order = InOrder(processor)
    log.faults = ["before"]
    assert _failed(in_order.submit(opening("C1", "open-1")))
    later = [in_order.submit(subgroup(n, f"one-{n}", "C1")) for n in (1, 2)]
    other = in_order.submit(opening("C2", "open-2"))
    assert [_failed(future) for future in later] == [True, True]
    assert other.result(30).receipt.status == "accepted"
    assert versions(log, "C1") == []


def test_sending_all_again_is_as_if_nothing_had_happened(
    log: Faulty, processor: CommandProcessor
) -> None:
    """No line was decided without the one before it: all are accepted now."""
    lines = [opening(), *[subgroup(n) for n in range(1, 6)]]
    log.faults = ["before"]
    in_order = InOrder(processor)
    for line in lines:
        assert _failed(in_order.submit(line))
    again = InOrder(processor)
    answers = [again.submit(line).result(30) for line in lines]
    assert {answer.receipt.status for answer in answers} == {"accepted"}
    assert versions(log) == [1, 2, 3, 4, 5, 6]


def test_a_refusal_does_not_stop_what_follows(processor: CommandProcessor) -> None:
    """It is an answer like any other."""
    in_order = InOrder(processor)
    first: Submission = subgroup(1, "too-early")
    assert in_order.submit(first).result(30).receipt.code == "client_not_found"
    assert in_order.submit(opening()).result(30).receipt.status == "accepted"


def test_clients_that_were_answered_are_forgotten(processor: CommandProcessor) -> None:
    """However many clients a file has, memory holds those on their way."""
    in_order = InOrder(processor)
    for number in range(4 * IN_FLIGHT):
        in_order.submit(opening(f"C{number}", f"open-{number}")).result(30)
    assert len(in_order._last) <= IN_FLIGHT


def test_a_sender_who_goes_away_fails_nobody(log: Faulty, processor: CommandProcessor) -> None:
    """What was submitted cannot be taken back, and nobody notices that it was tried."""
    with capture_logs() as said:
        futures = submit_many(processor, [opening(), *[subgroup(n) for n in range(1, 200)]])
        assert not any(future.cancel() for future in futures)
        answers = [future.result(30) for future in futures]
    assert not any(answer.repeated for answer in answers)
    assert said == []


def test_a_repeat_is_answered_once_though_its_batch_is_tried_again(
    log: Faulty, processor: CommandProcessor
) -> None:
    """A lost race of its neighbours is no fault of the program."""
    send(processor, opening(), subgroup(1))
    log.faults = ["race", "race"] * 3
    with capture_logs() as said:
        futures = submit_many(processor, [subgroup(n % 7 + 1) for n in range(200)])
        assert {future.result(30).receipt.status for future in futures} == {"accepted"}
    assert [line for line in said if line["event"] == "command.failed"] == []
