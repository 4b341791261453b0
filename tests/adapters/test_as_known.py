"""What is read as of an earlier moment is what the live reads said at that moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest

from adapters.bootstrap import Application, open_application
from adapters.inbound.as_of import BILLS, BOOK, AsOf, roster_of, seen, seen_book
from adapters.outbound.billing_views import InvoiceLineView
from adapters.outbound.reading import NotFound
from adapters.outbound.rows_wanted import (
    OF_ACCOUNT,
    OF_CENSUS,
    OF_CLIENT,
    OF_OPEN_ITEMS,
    of_invoice,
    of_member,
)
from domain.dates import add_months
from processors.knowing import KnownInFuture, NotKnownThen
from processors.ports import NewEvent
from schemas.envelope import Recorded
from tests.projections.random_histories import MEMBERS, OPENED, random_history

DAYS = [date(2026, 3, 9), date(2026, 7, 31)]
Answers = dict[str, Any]


@pytest.fixture(scope="module")
def application(module_database_url: str) -> Iterator[Application]:
    """The whole system, whose projections move when they are told to."""
    with open_application(module_database_url) as application:
        application.projectors.start()
        yield application


def answers(application: Application, client_id: str, as_of: AsOf) -> Answers:
    """Everything that can be read as of a moment, by what was asked."""
    services = application.services
    see = lambda *asked: seen(services, client_id, None, as_of, *asked)  # noqa: E731  # short below
    on = as_of.day(services)
    page, bills = see([BOOK], OF_CLIENT), see([BOOK, BILLS], OF_ACCOUNT)
    asked: dict[str, Callable[[], Any]] = {
        "client": lambda: page.reads.client(client_id, None, on),
        "census": lambda: see([BOOK], OF_CENSUS).reads.census(client_id, None, on),
        "roster": lambda: roster_of(services, client_id, None, as_of),
        "account": lambda: bills.invoices.account(client_id, None, on, true_on=as_of.true_on),
        "tab": lambda: bills.invoices.tab(client_id, None, on, true_on=as_of.true_on),
        "invoices": lambda: bills.invoices.invoices(client_id, None, on, true_on=as_of.true_on),
        "open": lambda: see([BOOK, BILLS], OF_OPEN_ITEMS).invoices.open_items(client_id, None, on),
    }
    for member_id in MEMBERS:
        asked[member_id] = lambda member_id=member_id: see(
            [BOOK], of_member(member_id)
        ).reads.member(client_id, member_id, None, on)
    for month in (add_months(OPENED, n) for n in range(4)):
        asked[f"invoice {month}"] = lambda month=month: see(
            [BOOK, BILLS], of_invoice(month)
        ).invoices.invoice(client_id, month, None, on)
    return {
        **{name: answer_to(ask) for name, ask in asked.items()},
        **pages(application, client_id, as_of),
        "lines": [
            answer_to(lambda month=month: lines(application, client_id, month, as_of))
            for month in (add_months(OPENED, n) for n in range(4))
        ],
    }


def answer_to(ask: Callable[[], Any]) -> Any:
    """What is answered, or that there is nothing to answer."""
    try:
        return ask()
    except NotFound as nothing:
        return type(nothing).__name__


def pages(application: Application, client_id: str, as_of: AsOf) -> Answers:
    """A roster in pages of two, each as long as there is a next."""
    services, found = application.services, []
    cursor: str | None = None
    while True:
        try:
            page = roster_of(services, client_id, None, as_of, cursor=cursor, limit=2)
        except NotFound:
            return {"pages": None}
        found += page.items
        cursor = page.next
        if cursor is None:
            return {"pages": found}


def lines(
    application: Application, client_id: str, month: date, as_of: AsOf
) -> list[InvoiceLineView]:
    """An invoice's lines in pages of two, each as long as there is a next."""
    services, found = application.services, list[InvoiceLineView]()
    cursor: str | None = None
    while True:
        see = seen(services, client_id, None, as_of, [BOOK, BILLS], of_invoice(month))
        page = see.invoices.lines(client_id, month, None, see.today, cursor=cursor, limit=2)
        found += page.items
        cursor = page.next
        if cursor is None:
            return found


def books(application: Application, as_of: AsOf) -> Answers:
    """The books of the producers of random histories, in pages, and in numbers."""
    services, found = application.services, {}
    for producer_id in ("P1", "P2"):
        on = as_of.day(services)
        cursor, items = None, []
        while True:
            reads = seen_book(services, producer_id, as_of, None, cursor, 2)
            page = reads.book(producer_id, on, cursor=cursor, limit=1)
            items += page.items
            cursor = page.next
            if cursor is None:
                break
        summary = seen_book(services, producer_id, as_of).book_summary(producer_id, on)
        found[producer_id] = (items, summary)
    return found


def recorded_as(name: str, recorded: Recorded) -> NewEvent:
    """The event, in the history of a client of that name."""
    return NewEvent(
        f"{name}-{recorded.client_id}", recorded.version, recorded.cause, recorded.event
    )


@pytest.mark.parametrize("seed", range(3))
def test_as_known_at_a_position_reads_say_what_they_said_when_it_was_the_newest(
    application: Application, seed: int
) -> None:
    """On several days, of each kind of read, in random histories stopped at random places."""
    log, name, random = application.services.log, f"s{seed}", Random(seed)
    history = random_history(seed, 40)
    first = log.head()
    stops = {first + random.randint(1, len(history.events)) for _ in range(3)}
    said: dict[tuple[int, date, str], Answers] = {}
    for position, recorded in enumerate(history.events, start=first + 1):
        log.append([recorded_as(name, recorded)], [], recorded.recorded_at, {})
        if position in stops:
            assert application.projectors.wait_until_applied(position, 60)
            for day in DAYS:
                for client_id in (f"{name}-C1", f"{name}-C2"):
                    said[position, day, client_id] = answers(application, client_id, AsOf(day))
                said[position, day, "books"] = books(application, AsOf(day))
    assert application.projectors.wait_until_applied(log.head(), 60)
    for (position, day, whose), live in said.items():
        as_of = AsOf(day, position)
        if whose == "books":
            assert books(application, as_of) == live
            continue
        try:
            assert answers(application, whose, as_of) == live
        except NotKnownThen:
            assert live["client"] == "NotFound"


def test_the_open_balance_of_a_day_is_the_account_of_everything_dated_until_then(
    application: Application,
) -> None:
    """On a day after everything, that of today; before everything, nothing."""
    log = application.services.log
    history = random_history(4711, 60)
    for recorded in history.events:
        log.append([recorded_as("b", recorded)], [], recorded.recorded_at, {})
    assert application.projectors.wait_until_applied(log.head(), 60)
    invoices = application.services.invoices
    for client_id in ("b-C1", "b-C2"):
        account = invoices.account(client_id, None, DAYS[0])
        assert invoices.account(client_id, None, DAYS[0], true_on=date(2099, 1, 1)) == account
        before = invoices.account(client_id, None, DAYS[0], true_on=date(2025, 1, 1))
        assert (before.billed, before.payments, before.balance) == ("0.00", "0.00", "0.00")


def test_the_future_and_the_time_before_a_client_are_not_answered(
    application: Application,
) -> None:
    """By position and by instant."""
    log = application.services.log
    (first, *_) = random_history(7, 10).events
    position = log.append([recorded_as("f", first)], [], first.recorded_at, {})
    assert application.projectors.wait_until_applied(position, 60)
    client_id = f"f-{first.client_id}"
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    for future in (position + 1, in_an_hour):
        with pytest.raises(KnownInFuture):
            seen(application.services, client_id, None, AsOf(None, future), [BOOK], OF_CLIENT)
        with pytest.raises(KnownInFuture):
            seen_book(application.services, "P1", AsOf(None, future))
    for too_early in (position - 1, datetime(1900, 1, 1, tzinfo=UTC)):
        with pytest.raises(NotKnownThen):
            seen(application.services, client_id, None, AsOf(None, too_early), [BOOK], OF_CLIENT)
