"""The invoices: what clients were billed and why, what they paid, and what is open (handbook §5).

Invoices, lines, postings and funds are facts: their rows derive from the one event that recorded
them. The account and the open charges derive from the client's state, for the months that an event
bills or pays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date

from domain.client.account import Posting
from domain.client.add_dependent import DependentAdded
from domain.client.add_subgroup import SubgroupAdded
from domain.client.add_subscriber import SubscriberAdded
from domain.client.approve_exception import ExceptionApproved
from domain.client.assign_agent_of_record import AgentOfRecordAssigned
from domain.client.billing import first_billed_month
from domain.client.change_address import AddressChanged
from domain.client.change_contact import ContactChanged
from domain.client.change_division import DivisionChanged
from domain.client.change_name import NameChanged
from domain.client.change_plan import PlanChanged
from domain.client.confirm_id_card import IdCardConfirmed
from domain.client.correct_birth_date import BirthDateCorrected
from domain.client.elect_cobra import CobraElected
from domain.client.offer_plan import PlanOffered
from domain.client.open_client import ClientOpened
from domain.client.order_id_card import IdCardOffered, IdCardOrdered
from domain.client.post_payment import CreditRefunded, PaymentBounced, PaymentPosted
from domain.client.produce_invoice import InvoiceProduced
from domain.client.reinstate_member import MemberReinstated
from domain.client.remove_dependent import DependentRemoved
from domain.client.remove_subscriber import SubscriberRemoved
from domain.client.renew_client import ClientRenewed
from domain.client.set_commission_terms import CommissionTermsSet
from domain.client.settle_commission import CommissionSettled
from domain.client.state import Client
from domain.client.terminate_client import ClientTerminated
from domain.dates import add_months
from domain.kernel import Event, TransactionRefused
from domain.streams import Stream
from projections.invoice_rows import (
    AccountRow,
    FundsRow,
    InvoiceLineRow,
    InvoiceRow,
    OpenChargeRow,
    PostingRow,
)
from projections.kernel import Row, Scope
from schemas.envelope import Recorded

# ── The fold: which rows an event changes ──────────────────────────────────────────────────────


class Invoices:
    """The projection of invoices, charges and payments."""

    name = "invoices"
    tables: tuple[type[Row], ...] = (
        AccountRow,
        InvoiceRow,
        InvoiceLineRow,
        OpenChargeRow,
        PostingRow,
        FundsRow,
    )
    needs_client = True
    revision = 1
    derived: tuple[type[Row], ...] = (AccountRow, OpenChargeRow)
    facts: tuple[type[Event], ...] | None = (
        InvoiceProduced,
        PaymentPosted,
        PaymentBounced,
        CreditRefunded,
    )

    def scopes(self, client: Stream) -> Iterator[Scope]:
        """The account, and the months in which something is open."""
        if isinstance(client, Client) and client.is_open:
            yield AccountRow, (client.client_id,)
            for month in client.account.open:
                yield OpenChargeRow, (client.client_id, month)

    def touched(self, client: Stream | None, recorded: Recorded) -> Iterable[Scope]:
        """What the event changes: its own facts, the account, and the months it bills or pays."""
        if not isinstance(client, Client):
            return []  # a payee is billed nothing
        account = (AccountRow, (client.client_id,))
        match event := recorded.event:
            case InvoiceProduced():
                return [account, *_of_invoice(recorded, event)]
            case PaymentPosted() | PaymentBounced():
                return [account, _funds(recorded), *_of_postings(recorded, event.postings)]
            case CreditRefunded():
                return [account, _funds(recorded)]
            case ClientOpened() | ClientRenewed() | ClientTerminated():
                return [account]  # the first month to be billed, and the last
            case SubscriberAdded() | SubscriberRemoved() | CobraElected() | MemberReinstated():
                return [account]  # whether an earlier month costs what was billed
            case DependentAdded() | DependentRemoved() | BirthDateCorrected():
                return [account]
            case PlanOffered() | PlanChanged() | DivisionChanged():
                return [account]
            case AddressChanged() | NameChanged() | ContactChanged() | SubgroupAdded():
                return []
            case IdCardOffered() | IdCardOrdered() | IdCardConfirmed():
                return []
            case AgentOfRecordAssigned() | CommissionTermsSet() | CommissionSettled():
                return []
            case TransactionRefused() | ExceptionApproved():
                return []
        raise AssertionError(f"no case for {event.type}")

    def rows(self, client: Stream | None, scope: Scope, recorded: Recorded | None) -> Sequence[Row]:
        """All rows of a scope, from the client's state or, for facts, from the event alone."""
        assert isinstance(client, Client)
        table, ids = scope
        if table is AccountRow:
            return [_account(client)]
        if table is OpenChargeRow:
            return list(_open_charges(client, ids[1]))
        assert recorded is not None
        return list(_FACTS[table](recorded))


def _of_invoice(recorded: Recorded, event: InvoiceProduced) -> Iterator[Scope]:
    client_id = recorded.client_id
    yield InvoiceRow, (client_id, event.month)
    yield InvoiceLineRow, (client_id, event.month)
    yield from _of_postings(recorded, event.postings)
    for month in {event.month, *(adjustment.month for adjustment in event.adjustments)}:
        yield OpenChargeRow, (client_id, month)


def _of_postings(recorded: Recorded, postings: Sequence[Posting]) -> Iterator[Scope]:
    if postings:
        yield PostingRow, (recorded.client_id, recorded.position)
    for posting in postings:
        yield OpenChargeRow, (recorded.client_id, posting.coverage_month)


def _funds(recorded: Recorded) -> Scope:
    return FundsRow, (recorded.client_id, recorded.position)


# ── Rows of the client's state ─────────────────────────────────────────────────────────────────


def _account(client: Client) -> AccountRow:
    account = client.account
    first_month, billed_through = first_billed_month(client), account.billed_through
    next_month = first_month
    if first_month is not None and billed_through is not None:
        next_month = add_months(billed_through, 1)
    return AccountRow(
        client_id=client.client_id,
        billed_cents=account.billed_cents,
        posted_cents=account.posted_cents,
        open_cents=account.open_cents,
        funds_cents=account.funds_cents,
        credit_cents=account.credit_cents,
        balance_cents=account.balance_cents,
        first_month=first_month,
        billed_through=billed_through,
        next_month=next_month,
        ends_on=client.terminated_on,
        has_changes=bool(account.due),
        last_run_on=account.last_run_on,
    )


def _open_charges(client: Client, month: date) -> Iterator[OpenChargeRow]:
    for subscriber_id, charges in client.account.open.get(month, {}).items():
        for member_id, cents in charges.items():
            yield OpenChargeRow(
                client_id=client.client_id,
                month=month,
                subscriber_id=subscriber_id,
                member_id=member_id,
                open_cents=cents,
            )


# ── Rows of one event ──────────────────────────────────────────────────────────────────────────


def _invoice(recorded: Recorded) -> Iterator[Row]:
    event = recorded.event
    assert isinstance(event, InvoiceProduced)
    yield InvoiceRow(
        client_id=recorded.client_id,
        month=event.month,
        run_on=event.run_on,
        due_on=event.due_on,
        prior_balance_cents=event.prior_balance_cents,
        current_cents=event.current_cents,
        adjustments_cents=event.adjustments_cents,
        total_cents=event.total_cents,
        line_count=len(event.lines),
        adjustment_count=len(event.adjustments),
        subscriber_count=len({line.subscriber_id for line in event.lines}),
        position=recorded.position,
        client_version=recorded.version,
        transaction_id=recorded.cause.transaction_id,
        recorded_at=recorded.recorded_at,
    )


def _lines(recorded: Recorded) -> Iterator[Row]:
    event = recorded.event
    assert isinstance(event, InvoiceProduced)
    for number, line in enumerate(event.lines, start=1):
        yield InvoiceLineRow(
            client_id=recorded.client_id,
            invoice_month=event.month,
            number=number,
            kind="current",
            month=event.month,
            subscriber_id=line.subscriber_id,
            member_id=line.member_id,
            plan_id=line.plan_id,
            subgroup_id=line.subgroup_id,
            tier=line.tier,
            cents=line.cents,
            billed_before_cents=None,
            taken_cents=None,
            cause_transaction_id=None,
            cause_type=None,
            cause_received_on=None,
            cause_effective_on=None,
            cause_member_id=None,
        )
    yield from _adjustments(recorded.client_id, event)


def _adjustments(client_id: str, event: InvoiceProduced) -> Iterator[Row]:
    changes = {change.transaction_id: change for change in event.changes}
    for number, adjusted in enumerate(event.adjustments, start=len(event.lines) + 1):
        cause = changes[adjusted.transaction_id]
        yield InvoiceLineRow(
            client_id=client_id,
            invoice_month=event.month,
            number=number,
            kind="adjustment",
            month=adjusted.month,
            subscriber_id=adjusted.subscriber_id,
            member_id=adjusted.member_id,
            plan_id=adjusted.plan_id,
            subgroup_id=adjusted.subgroup_id,
            tier=adjusted.tier,
            cents=adjusted.cents,
            billed_before_cents=adjusted.billed_before_cents,
            taken_cents=adjusted.taken_cents,
            cause_transaction_id=cause.transaction_id,
            cause_type=cause.transaction_type,
            cause_received_on=cause.received_on,
            cause_effective_on=cause.effective_on,
            cause_member_id=cause.member_id,
        )


def _postings(recorded: Recorded) -> Iterator[Row]:
    event = recorded.event
    if isinstance(event, InvoiceProduced):
        source, posted_on = "run", event.run_on
    else:
        assert isinstance(event, PaymentPosted | PaymentBounced)
        source = event.kind if isinstance(event, PaymentPosted) else "bounced"
        posted_on = event.paid_on
    for number, posting in enumerate(event.postings, start=1):
        yield PostingRow(
            client_id=recorded.client_id,
            position=recorded.position,
            number=number,
            coverage_month=posting.coverage_month,
            posted_on=posted_on,
            cents=posting.cents,
            subscriber_months=posting.subscriber_months,
            source=source,
            transaction_id=recorded.cause.transaction_id,
        )


def _movement(recorded: Recorded) -> Iterator[Row]:
    event = recorded.event
    payment = None
    match event:
        case PaymentPosted():
            kind, cents = str(event.kind), event.cents
        case PaymentBounced():
            kind, cents, payment = "bounced", -event.cents, event.payment
        case CreditRefunded():
            kind, cents = "refund", -event.cents
        case _:
            raise AssertionError(f"{event.type} moves no funds")
    yield FundsRow(
        client_id=recorded.client_id,
        position=recorded.position,
        kind=kind,
        cents=cents,
        paid_on=event.paid_on,
        reference=event.reference,
        transaction_id=recorded.cause.transaction_id,
        payment=payment,
        recorded_at=recorded.recorded_at,
    )


_FACTS: dict[type[Row], Callable[[Recorded], Iterator[Row]]] = {
    InvoiceRow: _invoice,
    InvoiceLineRow: _lines,
    PostingRow: _postings,
    FundsRow: _movement,
}
