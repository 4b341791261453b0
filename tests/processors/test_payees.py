"""Payees' streams beside clients' in one log: the same receipts, versions, order and repeats."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.in_memory import InMemoryEventLog
from domain.catalog import COMMANDS, PAYEE_COMMANDS
from domain.kernel import Actor, Command, TransactionRefused
from domain.payee.access import COMMISSION_RUN
from domain.payee.state import Payee
from processors.client_cache import Entry
from processors.command_processor import CommandProcessor
from processors.ports import EventLog, Snapshot
from processors.projected_clients import ProjectedClients
from processors.receipts import Submission
from processors.snapshotting import Snapshotter
from projections.catalog import PROJECTIONS
from tests.domain.examples import like_example
from tests.processors.sending import CARRIER, SetClock, opening, send, versions

STREAM = "payee:A-200"
PRINCIPAL = Actor("portal-1", "portal", producer_id="P-100")
STRANGER = Actor("portal-9", "portal", producer_id="P-900")


RUN = Actor(COMMISSION_RUN, "carrier")


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
def processor(log: EventLog) -> Iterator[CommandProcessor]:
    """A processor on the log."""
    processor = CommandProcessor(log, SetClock())
    yield processor
    processor.close()


def to_payee(
    name: str, key: str = "", actor: Actor = CARRIER, payee_id: str = "A-200", **changes: object
) -> Submission:
    """A payee's action, like its example."""
    command: Command = like_example(PAYEE_COMMANDS[name], **changes)
    return Submission(actor, f"payee:{payee_id}", key or f"{actor.sender}-{name}", command)


def statement(after: int, through: int, month: str, **changes: object) -> Submission:
    """The statement of a month, of lines between two positions."""
    facts = {"month": month, "run_on": month, "after_position": after, "through_position": through}
    return to_payee("produce_statement", f"run-{month}", RUN, **facts, **changes)


def test_payees_and_clients_share_one_log(log: EventLog, processor: CommandProcessor) -> None:
    """One order of positions; versions of each of their own."""
    answers = send(
        processor,
        to_payee("register_payee"),
        opening(),
        to_payee("share_statements", actor=PRINCIPAL),
        statement(0, 2, "2026-01-01"),
    )
    told = [(a.receipt.client_id, a.receipt.status, a.receipt.client_version) for a in answers]
    assert told == [
        (STREAM, "accepted", 1),
        ("C1", "accepted", 1),
        (STREAM, "accepted", 2),
        (STREAM, "accepted", 3),
    ]
    assert [recorded.position for recorded in log.follow(0, 10)] == [1, 2, 3, 4]
    assert (versions(log, STREAM), versions(log)) == ([1, 2, 3], [1])


def test_i2_a_statement_that_is_asked_for_again_is_answered_again(
    log: EventLog, processor: CommandProcessor
) -> None:
    """The same key gets the same bytes; another run of the month gets no second statement."""
    first = send(processor, statement(0, 2, "2026-01-01"))[0]
    again = send(processor, statement(0, 2, "2026-01-01"))[0]
    assert (again.body, again.repeated) == (first.body, True)
    day = "2026-01-01"
    other = to_payee("produce_statement", "another run", RUN, month=day, run_on=day)
    answer = send(processor, other)[0].receipt
    assert (answer.status, answer.events, versions(log, STREAM)) == ("accepted", (), [1])


def test_another_process_goes_on_where_the_payee_stands(
    log: EventLog, processor: CommandProcessor
) -> None:
    """What is in the log is folded into a payee, whoever wrote it; carried amounts too."""
    send(processor, to_payee("register_payee"), statement(0, 2, "2025-12-01", lines_cents=-500))
    other = CommandProcessor(log, SetClock())
    try:
        send(other, statement(2, 3, "2026-01-01", lines_cents=1200))
        refused = send(processor, statement(2, 9, "2025-11-01"))[0].receipt
    finally:
        other.close()
    assert refused.code == "statement_out_of_order"
    assert versions(log, STREAM) == [1, 2, 3, 4]
    payee = log.load({STREAM: 3})[STREAM]
    assert isinstance(payee, Payee)
    assert (payee.version, payee.through_position, payee.kind) == (3, 3, "agency")
    assert payee.paid_cents_by_year == {"2025": 0, "2026": 700}
    assert log.load({"payee:A-9": 0})["payee:A-9"] == Payee("payee:A-9")


def test_a_hidden_payee_is_answered_like_one_that_there_is_not(
    log: EventLog, processor: CommandProcessor
) -> None:
    """The sender learns nothing; the history keeps the attempt, under the rule's own name."""
    send(processor, to_payee("register_payee"))
    hidden, absent = send(
        processor,
        to_payee("share_statements", "hidden", STRANGER),
        to_payee("share_statements", "absent", STRANGER, payee_id="A-999"),
    )
    told = [json.loads(answer.body.replace(b"A-999", b"A-200")) for answer in (hidden, absent)]
    for receipt in told:
        del receipt["transaction_id"]
    assert told[0] == told[1]
    assert (told[0]["code"], told[0]["client_version"]) == ("payee_not_found", None)
    assert not versions(log, "payee:A-999")
    kept = log.history(STREAM, 1, 10)[0].event
    assert isinstance(kept, TransactionRefused)
    assert kept.code == "not_the_payee"
    assert "4417" not in kept.sentence


def test_a_client_has_no_payees_actions_and_a_payee_none_of_a_client() -> None:
    """It cannot even be submitted."""
    share = like_example(PAYEE_COMMANDS["share_statements"])
    with pytest.raises(ValueError, match="share_statements"):
        Submission(CARRIER, "A-200", "key", share)
    with pytest.raises(ValueError, match="open_client"):
        Submission(CARRIER, STREAM, "key", like_example(COMMANDS["open_client"]))


def test_no_snapshot_is_taken_of_a_payee() -> None:
    """However much has happened to it."""
    saved: list[Snapshot] = []
    log = InMemoryEventLog()
    log.save_snapshot = saved.append  # type: ignore[method-assign]  # to see what is saved
    snapshotter = Snapshotter(log)
    snapshotter.consider(Entry(Payee(STREAM, version=10_000), 0))
    snapshotter.close()
    assert not saved


def test_a_projection_that_needs_state_gets_the_payee(
    log: EventLog, processor: CommandProcessor
) -> None:
    """Folded from where it stopped, and loaded where it starts in the middle."""
    send(processor, to_payee("register_payee"), opening(), statement(0, 1, "2026-01-01"))
    events = log.follow(0, 10)
    for start in (0, 2):
        states = ProjectedClients(log, with_state=True, members_limit=10)
        states.begin(events[start:])
        assert all(states.apply(recorded) for recorded in events[start:])
        states.commit()
        payee = states.state(STREAM)
        assert isinstance(payee, Payee)
        assert (payee.version, payee.through_position) == (2, 1)


def test_every_projection_can_follow_a_payee(log: EventLog, processor: CommandProcessor) -> None:
    """The book of business leaves it out; its transactions are shown like others."""
    send(
        processor,
        to_payee("register_payee"),
        to_payee("share_statements"),
        to_payee("share_statements", "hidden", STRANGER),
        statement(0, 1, "2026-01-01"),
    )
    events = log.follow(0, 10)
    assert len(events) == 4
    shown = {}
    for projection in PROJECTIONS:
        payee = Payee(STREAM)
        rows = []
        for recorded in events:
            recorded.evolve(payee)
            state = payee if projection.needs_client else None
            for scope in projection.touched(state, recorded):
                rows += projection.rows(state, scope, recorded)
        shown[projection.name] = rows
    assert shown["book_of_business"] == []
    assert [row.client_id for row in shown["transactions"]] == [STREAM] * 4
    assert [row.outcome for row in shown["transactions"]].count("refused") == 1
