"""Explaining out of the log: only the family's part of a history, and the same tree as by all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import pytest

from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.in_memory import InMemoryEventLog
from domain.client.explaining_invoices import line_of
from domain.client.produce_invoice import InvoiceProduced
from domain.client.settle_commission import CommissionSettled
from domain.explanation import Explanation
from domain.kernel import TransactionRefused
from processors.explaining import Explained, Explainer
from processors.ports import EventLog, NewEvent, NewReceipt
from processors.receipts import EventName, Receipt, receipt_head
from schemas.envelope import Recorded
from tests.adapters.served import EXAMPLE
from tests.billing.random_years import Life
from tests.domain.bills import APRIL, FEBRUARY, JANUARY, MARCH, MAY, paid
from tests.domain.explained import (
    adds_up,
    billed,
    line_number,
    opened,
    steps,
    tell,
    why_line,
    why_share,
)
from tests.domain.families import (
    ANNA,
    BEN,
    BEN_SPOUSE,
    CLEO,
    CLEO_CHILD,
    EVAN,
    add_anna,
    add_to_anna,
)
from tests.domain.given import OPENED
from tests.projections.histories import History
from tests.projections.random_histories import command

_SEEDS = range(1, 61)
"""Random years; each has some tens of lines."""
_BATCH = 10


@pytest.fixture(params=["memory", "postgres"])
def log(request: pytest.FixtureRequest) -> Iterator[EventLog]:
    """An empty log of each kind."""
    if request.param == "memory":
        yield InMemoryEventLog()
        return
    log = PostgresEventLog(request.getfixturevalue("database_url"))
    yield log
    log.close()


def fill(log: EventLog, history: History) -> None:
    """Put a history into a log as it happened, a transaction at a time, each with its receipt."""
    by_transaction: dict[str, list[Recorded]] = {}
    for recorded in history.events:
        by_transaction.setdefault(recorded.cause.transaction_id, []).append(recorded)
    for events in by_transaction.values():
        new = [NewEvent(e.client_id, e.version, e.cause, e.event) for e in events]
        log.append(new, [_receipt(events)], events[0].recorded_at, {})


def _receipt(events: Sequence[Recorded]) -> NewReceipt:
    first, cause = events[0], events[0].cause
    receipt = Receipt(
        transaction_id=cause.transaction_id,
        client_id=first.client_id,
        type=cause.transaction_type,
        status="refused" if isinstance(first.event, TransactionRefused) else "accepted",
        received_at=cause.received_at,
        recorded_at=first.recorded_at,
        client_version=events[-1].version,
        events=tuple(EventName(type(e.event).type, type(e.event).version) for e in events),
    )
    return NewReceipt(
        transaction_id=cause.transaction_id,
        sender=cause.sender,
        key=cause.key,
        client_id=first.client_id,
        content_hash=b"content",
        head=receipt_head(receipt),
        event_index=len(events),
        position=0,
    )


# ── Every line of a history ────────────────────────────────────────────────────────────────────


def every_invoice_line_is_explained(history: History, explainer: Explainer) -> int:
    """Each comes to its amount, adds up, and is explained as by the whole history; how many."""
    count = 0
    for run in history.events:
        if not isinstance(run.event, InvoiceProduced):
            continue
        number = 1
        while line := line_of(run.event, number):
            explained = explainer.invoice_line(run.cause.transaction_id, number)
            assert explained is not None
            assert explained.tree.cents == line.cents
            assert explained.tree == why_line(history.events, run, number)
            _is_sound(explained, history)
            number += 1
        count += number - 1
        assert explainer.invoice_line(run.cause.transaction_id, number) is None
    return count


def every_share_is_explained(history: History, explainer: Explainer) -> int:
    """Each payee's part of each line: likewise."""
    count = 0
    for settled in history.events:
        if not isinstance(settled.event, CommissionSettled):
            continue
        by = settled.cause.transaction_id
        for number, line in enumerate(settled.event.lines, start=1):
            assert explainer.settled_line(by, number) == (settled, line)
            for share in line.shares:
                taken_from = line.takes_back_from
                explained = explainer.commission_share(settled, number, share.payee_id, taken_from)
                assert explained is not None
                assert explained.tree.cents == share.cents
                wanted = settled, number, share.payee_id, taken_from
                assert explained.tree == why_share(history.events, *wanted)
                _is_sound(explained, history)
                count += 1
        assert explainer.settled_line(by, len(settled.event.lines) + 1) is None
    return count


def _is_sound(explained: Explained, history: History) -> None:
    """It adds up, and each transaction that it names is told with what it was."""
    adds_up(explained.tree)
    named = {by for each in steps(explained.tree) for by in each.transactions}
    assert explained.transactions.keys() == named
    for transaction_id, recorded in explained.transactions.items():
        assert (recorded.cause.transaction_id, recorded.cause.index) == (transaction_id, 1)
        assert recorded == history.events[recorded.position - 1]
    _is_about_no_ones_birth(explained.tree, history)


def _is_about_no_ones_birth(tree: Explanation, history: History) -> None:
    """No birth date is told, unless coverage began or changed on that day."""
    told = str(list(steps(tree)))
    for client in history.clients.values():
        for member in client.members.values():
            if member.birth_date.year < 2024:
                assert member.birth_date.isoformat() not in told


def _batches() -> list[range]:
    return [_SEEDS[n : n + _BATCH] for n in range(0, len(_SEEDS), _BATCH)]


@pytest.mark.parametrize("seeds", _batches(), ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}")
def test_every_figure_of_random_years_is_explained(seeds: range) -> None:
    """Each line's tree comes to the line's amount, and every sentence of it can be reckoned."""
    explained = 0
    for seed in seeds:
        life = Life(seed, lambda client, events: None).live(Random(seed).randint(6, 14))
        log = InMemoryEventLog()
        fill(log, life.history)
        try:
            explained += every_invoice_line_is_explained(life.history, Explainer(log))
            explained += every_share_is_explained(life.history, Explainer(log))
        except Exception as wrong:
            raise AssertionError(f"seed {seed}: {wrong!r}") from wrong
    assert explained > 20 * len(seeds)


def test_every_figure_of_the_worked_example_is_explained(log: EventLog) -> None:
    """Harbor Bakery's (handbook §9): 61 lines of six invoices, 11 of five settlements."""
    history = History()
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        body: dict[str, Any] = json.loads(line)
        received_on = datetime.fromisoformat(body.pop("received_at")).astimezone(UTC).date()
        facts = {name: v for name, v in body.items() if name not in ("client_id", "key")}
        history.accept(command(facts), received_on)
    fill(log, history)
    assert every_invoice_line_is_explained(history, Explainer(log)) == 61
    assert every_share_is_explained(history, Explainer(log)) == 11


# ── Only what matters is read ──────────────────────────────────────────────────────────────────


def watched(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> list[Recorded]:
    """The events of clients that the log gives out from now on."""
    given: list[Recorded] = []
    selected = log.selected

    def noted(*asked: Any) -> Sequence[Recorded]:
        found = selected(*asked)
        given.extend(found)
        return found

    monkeypatch.setattr(log, "selected", noted)
    return given


def two_families() -> History:
    """Anna's with Ben, who joins late; and Evan's, with an invoice of each month."""
    history = opened()
    tell(history, add_anna(CLEO_CHILD), OPENED)
    tell(history, add_anna(member_id=EVAN), OPENED)
    billed(history, JANUARY, FEBRUARY, MARCH)
    tell(history, add_to_anna(BEN_SPOUSE, FEBRUARY), date(2026, 2, 20))
    billed(history, APRIL)
    return history


def test_only_the_familys_events_are_read(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ben's February: those that name Anna, Cleo or Ben, the client's own, one invoice."""
    history = two_families()
    fill(log, history)
    read = watched(log, monkeypatch)
    number = line_number(history, APRIL, BEN, FEBRUARY)
    assert Explainer(log).invoice_line(f"t{history.sent}", number) is not None
    members = {member for e in read for member in e.event.members()}
    assert members == {ANNA, BEN, CLEO}
    invoices = [e.event.month for e in read if isinstance(e.event, InvoiceProduced)]
    assert invoices == [FEBRUARY]


def test_what_came_after_the_run_is_not_in_it(log: EventLog) -> None:
    """Anna's birth date is corrected after April's run: April's line keeps its age."""
    history = two_families()
    run, number = f"t{history.sent}", line_number(history, APRIL, ANNA)
    tell(history, "correct_birth_date", date(2026, 3, 20), member_id=ANNA, birth_date="1980-01-01")
    billed(history, MAY)
    fill(log, history)
    explained = Explainer(log).invoice_line(run, number)
    assert explained is not None
    assert explained.tree.cents == 598_08


# ── What there is not ──────────────────────────────────────────────────────────────────────────


def test_there_is_no_such_line(log: EventLog) -> None:
    """Of no run, of another transaction, of one that was refused or changed nothing."""
    history = two_families()
    run = f"t{history.sent}"
    history.send(paid("1.00", date(2027, 1, 1)), date(2026, 3, 16))  # refused: in future
    tell(history, paid("5000.00"), date(2026, 3, 16))
    fill(log, history)
    explainer = Explainer(log)
    for transaction_id in ("t1", f"t{history.sent - 1}", f"t{history.sent}", "unknown"):
        assert explainer.invoice_line(transaction_id, 1) is None
        assert explainer.settled_line(transaction_id, 1) is None
    assert explainer.settled_line(run, 1) is None
    for number in (-1, 0, 99):
        assert explainer.invoice_line(run, number) is None
