"""The invoices: rows of what was billed and paid, and of what is open."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings

from domain.client.produce_invoice import InvoiceProduced
from domain.dates import carrier_date
from projections.invoice_rows import (
    AccountRow,
    FundsRow,
    InvoiceLineRow,
    InvoiceRow,
    OpenChargeRow,
    PostingRow,
)
from projections.invoices import Invoices
from projections.kernel import Scope
from tests.projections.histories import History, project, rows_of
from tests.projections.random_histories import command, histories

EXAMPLE = Path(__file__).parents[2] / "examples" / "harbor_bakery.jsonl"
HARBOR = "harbor-bakery"
JANUARY, FEBRUARY, MARCH, APRIL, MAY, JUNE = [date(2026, month, 1) for month in range(1, 7)]
H2, H3, H3_SPOUSE, H2_SPOUSE = [f"202601000{number:02d}" for number in range(7, 11)]
FACTS = (InvoiceRow, InvoiceLineRow, PostingRow, FundsRow)


def told(until: str = "2026-12-31") -> History:
    """The worked example of handbook §9, as far as it was received by a day."""
    history = History()
    for line in EXAMPLE.read_bytes().splitlines():
        body: dict[str, Any] = msgspec.json.decode(line)
        on = carrier_date(datetime.fromisoformat(body.pop("received_at")))
        about = {name: body[name] for name in body.keys() - {"client_id", "key"}}
        if on.isoformat() <= until:
            history.accept(command(about), on, HARBOR)
    return history


def send(history: History, on: str, **facts: Any) -> None:
    """A transaction that is accepted."""
    history.accept(command(facts), date.fromisoformat(on), HARBOR)


def account(history: History) -> AccountRow:
    """The one account there is."""
    (row,) = rows_of(project(Invoices(), history.events), AccountRow)
    return row


def invoice(history: History, month: date) -> InvoiceRow:
    """The invoice of a month."""
    rows = rows_of(project(Invoices(), history.events), InvoiceRow)
    return next(row for row in rows if row.month == month)


def lines(history: History, month: date) -> list[InvoiceLineRow]:
    """The lines of a month's invoice."""
    rows = rows_of(project(Invoices(), history.events), InvoiceLineRow)
    return [row for row in rows if row.invoice_month == month]


def last_touched(history: History) -> list[Scope]:
    """What the newest event changes."""
    recorded = history.events[-1]
    return list(Invoices().touched(history.clients[HARBOR], recorded))


# ── The worked example ─────────────────────────────────────────────────────────────────────────


def test_the_invoices_of_the_worked_example_come_out_to_the_cent() -> None:
    """Handbook §9: prior balance, current, adjustments and total of each month."""
    rows = rows_of(project(Invoices(), told().events), InvoiceRow)
    assert [
        (r.month, r.prior_balance_cents, r.current_cents, r.adjustments_cents, r.total_cents)
        for r in rows
    ] == [
        (JANUARY, 0, 5107_68, 0, 5107_68),
        (FEBRUARY, 0, 5107_68, 0, 5107_68),
        (MARCH, 0, 5107_68, 0, 5107_68),
        (APRIL, 0, 5610_72, 1006_08, 6616_80),
        (MAY, 3616_80, 5610_72, 0, 9227_52),
        (JUNE, 0, 3317_28, -4586_88, -1269_60),
    ]
    assert [row.run_on for row in rows] == [
        *(date(2025, 12, 15), date(2026, 1, 15), date(2026, 2, 15)),
        *(date(2026, 3, 15), date(2026, 4, 15), date(2026, 5, 15)),
    ]
    assert [row.due_on for row in rows] == [row.month for row in rows]


def test_an_invoice_counts_its_lines_and_names_its_event() -> None:
    """Position and version are the event's own; subscribers are those of the month itself."""
    history = told()
    (recorded,) = (
        e for e in history.events if isinstance(e.event, InvoiceProduced) and e.event.month == JUNE
    )
    row = invoice(history, JUNE)
    assert (row.line_count, row.adjustment_count, row.subscriber_count) == (8, 4, 2)
    assert (row.position, row.client_version) == (recorded.position, recorded.version)
    assert row.transaction_id == recorded.cause.transaction_id
    assert row.recorded_at == datetime(2026, 5, 15, 17, 0, 1, tzinfo=UTC)


def test_a_months_own_lines_show_who_is_billed_and_the_fourth_child_at_0() -> None:
    """In order of subscriber and member; no cause, for nothing changed."""
    january = lines(told(), JANUARY)
    assert [row.number for row in january] == list(range(1, 10))
    assert [row.cents for row in january] == [
        *(598_08, 590_40, 399_84, 367_20, 367_20, 0),
        *(491_52, 1223_04, 1070_40),
    ]
    assert january[8] == InvoiceLineRow(
        client_id=HARBOR,
        invoice_month=JANUARY,
        number=9,
        kind="current",
        month=JANUARY,
        subscriber_id=H3,
        member_id=H3_SPOUSE,
        plan_id="SILVER",
        subgroup_id="MAIN",
        tier=None,
        cents=1070_40,
        billed_before_cents=None,
        taken_cents=None,
        cause_transaction_id=None,
        cause_type=None,
        cause_received_on=None,
        cause_effective_on=None,
        cause_member_id=None,
    )


def test_an_adjustment_names_what_was_billed_before_and_the_transaction_behind_it() -> None:
    """June takes back April and May of H3 and spouse, who left on 31 March; all of it was paid."""
    history = told()
    (removal,) = (
        e.cause.transaction_id
        for e in history.events
        if e.cause.transaction_type == "remove_subscriber"
    )
    adjusted = [row for row in lines(history, JUNE) if row.kind == "adjustment"]
    assert [(row.number, row.member_id, row.month, row.cents) for row in adjusted] == [
        (9, H3, APRIL, -1223_04),
        (10, H3, MAY, -1223_04),
        (11, H3_SPOUSE, APRIL, -1070_40),
        (12, H3_SPOUSE, MAY, -1070_40),
    ]
    for row in adjusted:
        assert row.billed_before_cents == row.taken_cents == -row.cents
        assert (row.cause_transaction_id, row.cause_type) == (removal, "remove_subscriber")
        assert row.cause_received_on == date(2026, 5, 10)
        assert row.cause_effective_on == date(2026, 3, 31)
        assert row.cause_member_id == H3


def test_the_postings_of_the_worked_example() -> None:
    """Handbook §9: by payment and run, in the order posted."""
    rows = rows_of(project(Invoices(), told().events), PostingRow)
    assert [(r.posted_on, r.source, r.coverage_month, r.cents) for r in rows] == [
        (JANUARY, "payment", JANUARY, 5107_68),
        (FEBRUARY, "payment", FEBRUARY, 5107_68),
        (MARCH, "payment", MARCH, 5107_68),
        (APRIL, "payment", FEBRUARY, 503_04),
        (APRIL, "payment", MARCH, 503_04),
        (APRIL, "payment", APRIL, 1993_92),
        (MAY, "payment", APRIL, 3616_80),
        (MAY, "payment", MAY, 5610_72),
        (date(2026, 5, 15), "run", APRIL, -2293_44),
        (date(2026, 5, 15), "run", MAY, -2293_44),
        (date(2026, 5, 15), "run", JUNE, 3317_28),
    ]


def test_the_account_and_open_items_after_a_part_payment() -> None:
    """3,000.00 paid on 6,616.80: the rest of April is open, in line order."""
    history = told("2026-04-02")
    assert account(history) == AccountRow(
        client_id=HARBOR,
        billed_cents=3 * 5107_68 + 6616_80,
        posted_cents=3 * 5107_68 + 3000_00,
        open_cents=3616_80,
        funds_cents=3 * 5107_68 + 3000_00,
        credit_cents=0,
        balance_cents=3616_80,
        first_month=JANUARY,
        billed_through=APRIL,
        next_month=MAY,
        ends_on=None,
        has_changes=False,
        last_run_on=date(2026, 3, 15),
    )
    table = rows_of(project(Invoices(), history.events), OpenChargeRow)
    assert {row.month for row in table} == {APRIL}
    assert sum(row.open_cents for row in table) == 3616_80
    assert [(row.member_id, row.open_cents) for row in table][-2:] == [
        (H3, 1223_04),
        (H3_SPOUSE, 1070_40),
    ]


def test_a_credit_stays_when_more_is_taken_back_than_is_billed() -> None:
    """The end of the worked example: nothing open, 1,269.60 in hand."""
    history = told()
    row = account(history)
    assert (row.open_cents, row.credit_cents, row.balance_cents) == (0, 1269_60, -1269_60)
    assert rows_of(project(Invoices(), history.events), OpenChargeRow) == []


# ── Payments of every kind ─────────────────────────────────────────────────────────────────────


def test_funds_are_payments_credits_refunds_and_what_bounced() -> None:
    """Each with its sign; what bounced names the payment, and its postings are taken back."""
    history = told("2026-04-02")
    paid = history.events[-1].cause.transaction_id
    send(history, "2026-04-03", type="post_payment", kind="credit", amount="4000.00")
    send(history, "2026-04-04", type="post_payment", kind="refund", amount="83.20")
    bounced = {"type": "post_payment", "kind": "bounced", "payment": paid, "reference": "NSF"}
    send(history, "2026-04-06", **bounced)
    funds = rows_of(project(Invoices(), history.events), FundsRow)[3:]
    assert [(row.kind, row.cents, row.reference, row.payment) for row in funds] == [
        ("payment", 3000_00, "ACH 20260401-0004", None),
        ("credit", 4000_00, None, None),
        ("refund", -83_20, None, None),
        ("bounced", -3000_00, "NSF", paid),
    ]
    assert [row.paid_on.day for row in funds] == [1, 3, 4, 6]
    postings = rows_of(project(Invoices(), history.events), PostingRow)
    assert [(r.source, r.coverage_month, r.cents, r.number) for r in postings[6:]] == [
        ("credit", APRIL, 3616_80, 1),
        ("bounced", APRIL, -2700_00, 1),
    ]
    assert account(history).open_cents == 2700_00


# ── What the next run needs to know ────────────────────────────────────────────────────────────


def test_an_account_says_that_an_earlier_month_has_to_be_put_right() -> None:
    """From the change until the invoice that bills it."""
    assert not account(told("2026-05-09")).has_changes
    assert account(told("2026-05-10")).has_changes
    assert not account(told("2026-05-15")).has_changes


def test_an_account_says_when_its_client_ends() -> None:
    """The last covered day."""
    history = told()
    send(history, "2026-06-06", type="terminate_client", last_day="2026-06-30")
    assert account(history).ends_on == date(2026, 6, 30)


def test_a_client_of_another_administrator_has_no_month_to_bill_until_it_comes_over() -> None:
    """A small group is billed here from its first renewal on or after 2024-06-01 (§2)."""
    history = History()
    opened = told("2025-12-01").events[0].event
    assert opened.type == "client_opened"
    facts = {
        "type": "open_client",
        "name": "Harbor Bakery",
        "segment": "small_group",
        "county": "New London",
        "part_month_rule": "wash",
        "effective_on": "2023-08-01",
        "full_time_employees": "3",
        "part_time_hours": "180",
    }
    send(history, "2023-07-01", **facts)
    assert (account(history).first_month, account(history).next_month) == (None, None)
    send(history, "2024-07-01", type="renew_client", effective_on="2024-08-01", rates={})
    august = date(2024, 8, 1)
    assert (account(history).first_month, account(history).next_month) == (august, august)


# ── How little is touched ──────────────────────────────────────────────────────────────────────


def test_what_costs_nothing_touches_nothing() -> None:
    """A new name or a settled commission changes no row of billing."""
    history = told()
    assert last_touched(history) == []  # the settlement of June
    name = {"first": "Ada", "last": "Moor"}
    send(history, "2026-06-06", type="change_name", member_id=H2, name=name)
    assert last_touched(history) == []


def test_a_payment_touches_the_months_it_reaches_alone() -> None:
    """The open charges of other months stay as they are."""
    history = told("2026-04-01")
    months = [ids[1] for table, ids in last_touched(history) if table is OpenChargeRow]
    assert months == [FEBRUARY, MARCH, APRIL]


def test_facts_derive_from_their_event_alone() -> None:
    """The same rows whatever the client is like now."""
    history = told()
    recorded = next(e for e in history.events if isinstance(e.event, InvoiceProduced))
    stranger = History()
    stranger.accept(command({**_opening(), "type": "open_client"}), JANUARY, HARBOR)
    for scope in Invoices().touched(history.clients[HARBOR], recorded):
        if scope[0] in FACTS:
            rows = Invoices().rows(stranger.clients[HARBOR], scope, recorded)
            assert rows == Invoices().rows(history.clients[HARBOR], scope, recorded) != []


def _opening() -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.json.decode(EXAMPLE.read_bytes().splitlines()[0])
    return {name: facts[name] for name in facts.keys() - {"client_id", "key", "received_at"}}


# ── Any history ────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=150, deadline=None)
@given(history=histories())
def test_i5_rows_of_billing_hold_the_identities_and_none_is_stale(history: History) -> None:
    """One event at a time: what is in the rows is what the clients' accounts say in the end."""
    table = project(Invoices(), history.events, [1] * len(history.events))
    assert len(rows_of(table, AccountRow)) == len(history.clients)
    for row in rows_of(table, AccountRow):
        now = history.clients[row.client_id].account

        def of(kind: type[Any], client_id: str = row.client_id) -> list[Any]:
            return [found for found in rows_of(table, kind) if found.client_id == client_id]

        is_open = {(r.month, r.subscriber_id, r.member_id): r.open_cents for r in of(OpenChargeRow)}
        assert is_open == {
            (month, subscriber_id, member_id): cents
            for month, of_month in now.open.items()
            for subscriber_id, charges in of_month.items()
            for member_id, cents in charges.items()
        }
        assert sum(r.cents for r in of(InvoiceLineRow)) == row.billed_cents == now.billed_cents
        assert sum(r.cents for r in of(PostingRow)) == row.posted_cents == now.posted_cents
        assert sum(r.cents for r in of(FundsRow)) == row.funds_cents == now.funds_cents
        assert row.billed_cents == row.posted_cents + sum(is_open.values())
        assert row.funds_cents == row.posted_cents + row.credit_cents
        assert row.balance_cents == row.open_cents - row.credit_cents
        assert row.has_changes == bool(now.due)


@settings(max_examples=60, deadline=None)
@given(history=histories())
def test_an_invoice_is_the_sum_of_its_lines(history: History) -> None:
    """And its number of lines, and what was owed before it."""
    table = project(Invoices(), history.events)
    found = rows_of(table, InvoiceLineRow)
    for row in rows_of(table, InvoiceRow):
        own = [r for r in found if (r.client_id, r.invoice_month) == (row.client_id, row.month)]
        by_kind = {
            kind: [r.cents for r in own if r.kind == kind] for kind in ("current", "adjustment")
        }
        assert [r.number for r in own] == list(range(1, len(own) + 1))
        assert len(by_kind["current"]) == row.line_count
        assert len(by_kind["adjustment"]) == row.adjustment_count
        assert sum(by_kind["current"]) == row.current_cents
        assert sum(by_kind["adjustment"]) == row.adjustments_cents
        parts = (row.prior_balance_cents, row.current_cents, row.adjustments_cents)
        assert row.total_cents == sum(parts)
