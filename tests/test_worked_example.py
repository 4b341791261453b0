"""The worked example of handbook §9, figure by figure.

Harbor Bakery is a small group under ``wash``; its producer earns 4 %. Its transactions are those of
``examples/harbor_bakery.jsonl``, in the order received.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from domain.catalog import COMMANDS
from domain.client.post_payment import PaymentPosted
from domain.client.produce_invoice import InvoiceProduced
from domain.client.settle_commission import CommissionSettled
from domain.client.state import Client
from domain.dates import carrier_date
from domain.kernel import Event
from domain.money import dollars
from tests.domain.given import CARRIER, Story

EXAMPLE = Path(__file__).parents[1] / "examples" / "harbor_bakery.jsonl"
H1, H1_SPOUSE, *H1_CHILDREN = [f"202601000{number:02d}" for number in range(1, 7)]
H2, H3, H3_SPOUSE, H2_SPOUSE = [f"202601000{number:02d}" for number in range(7, 11)]
JANUARY, FEBRUARY, MARCH, APRIL, MAY, JUNE = [date(2026, month, 1) for month in range(1, 7)]


class _Told(NamedTuple):
    """What happened, with its days."""

    story: Story
    events: list[tuple[date, Event]]

    def invoice(self, month: date) -> InvoiceProduced:
        """The month's one invoice."""
        (invoice,) = (
            event
            for _, event in self.events
            if isinstance(event, InvoiceProduced) and event.month == month
        )
        return invoice

    def postings(self, month: date) -> list[tuple[int, date, str]]:
        """Day of the month, coverage month and dollars of each posting dated in a month."""
        posted = []
        for _, event in self.events:
            if isinstance(event, InvoiceProduced | PaymentPosted):
                on = event.run_on if isinstance(event, InvoiceProduced) else event.paid_on
                if (on.year, on.month) == (month.year, month.month):
                    posted += [(on.day, p.coverage_month, dollars(p.cents)) for p in event.postings]
        return posted

    def earned(self, posted_in: date) -> list[str]:
        """The lines of the statement that pays on what was posted in a month."""
        statement_month = date(posted_in.year, posted_in.month + 1, 1)
        return [
            dollars(line.commission_cents)
            for _, event in self.events
            if isinstance(event, CommissionSettled) and event.statement_month == statement_month
            for line in event.lines
        ]


def _told() -> _Told:
    """The whole story, each transaction accepted with what follows."""
    story, events = Story(Client(client_id="harbor-bakery")), []
    for line in EXAMPLE.read_bytes().splitlines():
        body: dict[str, Any] = msgspec.json.decode(line)
        on = carrier_date(datetime.fromisoformat(body["received_at"]))
        about = {key: value for key, value in body.items() if key not in _ENVELOPE}
        command = COMMANDS[body["type"]].model_validate(about)
        decided = story.when(command, received_on=on, actor=CARRIER)
        story = decided.is_accepted()
        events += [(on, event) for event in decided.events]
    return _Told(story, events)


_ENVELOPE = {"client_id", "key", "received_at"}


def _lines(invoice: InvoiceProduced) -> dict[str, str]:
    return {line.member_id: dollars(line.cents) for line in invoice.lines}


def _adjustments(invoice: InvoiceProduced) -> list[tuple[str, date, str]]:
    return [(each.member_id, each.month, dollars(each.cents)) for each in invoice.adjustments]


def _totals(invoice: InvoiceProduced) -> tuple[str, str, str, str]:
    return (
        dollars(invoice.prior_balance_cents),
        dollars(invoice.current_cents),
        dollars(invoice.adjustments_cents),
        dollars(invoice.total_cents),
    )


def test_the_worked_example_comes_out_to_the_cent() -> None:
    """Handbook §9: invoices, postings and commission of Harbor Bakery, January to June 2026."""
    told = _told()
    _january_to_march_are_billed_in_full_and_paid_on_the_1st(told)
    _april_bills_h2s_spouse_for_february_and_march_too(told)
    _may_carries_what_april_left_open(told)
    _june_takes_h3_back_and_leaves_a_credit(told)
    _commission_is_4_percent_of_what_was_posted(told)
    account = told.story.client.account
    assert account.billed_cents == account.posted_cents + account.open_cents
    assert account.funds_cents == account.posted_cents + account.credit_cents


def _january_to_march_are_billed_in_full_and_paid_on_the_1st(told: _Told) -> None:
    january = told.invoice(JANUARY)
    assert _lines(january) == {
        H1: "598.08",
        H1_SPOUSE: "590.40",
        H1_CHILDREN[0]: "399.84",
        H1_CHILDREN[1]: "367.20",
        H1_CHILDREN[2]: "367.20",
        H1_CHILDREN[3]: "0.00",  # the fourth child under 21
        H2: "491.52",
        H3: "1223.04",
        H3_SPOUSE: "1070.40",
    }
    families = {
        subscriber: dollars(
            sum(line.cents for line in january.lines if line.subscriber_id == subscriber)
        )
        for subscriber in (H1, H2, H3)
    }
    assert families == {H1: "2322.72", H2: "491.52", H3: "2293.44"}
    for month in (JANUARY, FEBRUARY, MARCH):
        invoice = told.invoice(month)
        assert _totals(invoice) == ("0.00", "5107.68", "0.00", "5107.68")
        assert invoice.lines == january.lines
        assert not invoice.adjustments
        assert invoice.due_on == month
        assert told.postings(month) == [(1, month, "5107.68")]


def _april_bills_h2s_spouse_for_february_and_march_too(told: _Told) -> None:
    april = told.invoice(APRIL)
    assert april.run_on == date(2026, 3, 15)
    assert _adjustments(april) == [(H2_SPOUSE, FEBRUARY, "503.04"), (H2_SPOUSE, MARCH, "503.04")]
    assert _totals(april) == ("0.00", "5610.72", "1006.08", "6616.80")
    assert _lines(april)[H2_SPOUSE] == "503.04"
    (change,) = april.changes
    assert (change.transaction_type, change.member_id) == ("add_dependent", H2_SPOUSE)
    assert (change.received_on, change.effective_on) == (date(2026, 3, 4), date(2026, 2, 9))
    assert told.postings(APRIL) == [
        (1, FEBRUARY, "503.04"),
        (1, MARCH, "503.04"),
        (1, APRIL, "1993.92"),
    ]


def _may_carries_what_april_left_open(told: _Told) -> None:
    may = told.invoice(MAY)
    assert may.run_on == date(2026, 4, 15)
    assert _totals(may) == ("3616.80", "5610.72", "0.00", "9227.52")


def _june_takes_h3_back_and_leaves_a_credit(told: _Told) -> None:
    june = told.invoice(JUNE)
    assert june.run_on == date(2026, 5, 15)
    assert _adjustments(june) == [
        (H3, APRIL, "-1223.04"),
        (H3, MAY, "-1223.04"),
        (H3_SPOUSE, APRIL, "-1070.40"),
        (H3_SPOUSE, MAY, "-1070.40"),
    ]
    assert _totals(june) == ("0.00", "3317.28", "-4586.88", "-1269.60")
    (change,) = june.changes
    assert (change.transaction_type, change.member_id) == ("remove_subscriber", H3)
    assert (change.received_on, change.effective_on) == (date(2026, 5, 10), date(2026, 3, 31))
    assert dollars(told.story.client.account.credit_cents) == "1269.60"
    assert told.postings(MAY) == [
        (1, APRIL, "3616.80"),
        (1, MAY, "5610.72"),
        (15, APRIL, "-2293.44"),
        (15, MAY, "-2293.44"),
        (15, JUNE, "3317.28"),
    ]


def _commission_is_4_percent_of_what_was_posted(told: _Told) -> None:
    for month in (JANUARY, FEBRUARY, MARCH):
        assert told.earned(posted_in=month) == ["204.31"]
    assert told.earned(posted_in=APRIL) == ["20.12", "20.12", "79.76"]
    assert told.earned(posted_in=MAY) == ["144.67", "224.43", "-91.74", "-91.74", "132.69"]
