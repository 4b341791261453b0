"""Commissions: what clients' postings earned, the payees, and the statements that paid them.

Stateless: each row depends on the one event that writes it. Which lines a statement pays is said by
positions of the log (see ``commission_rows``), so a statement reads the same whatever comes later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from domain.client.add_dependent import DependentAdded
from domain.client.add_subgroup import SubgroupAdded
from domain.client.add_subscriber import SubscriberAdded
from domain.client.approve_exception import ExceptionApproved
from domain.client.assign_agent_of_record import AgentOfRecordAssigned
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
from domain.client.settle_commission import CommissionLine, CommissionSettled
from domain.client.terminate_client import ClientTerminated
from domain.kernel import Event, TransactionRefused
from domain.payee.produce_statement import StatementProduced
from domain.payee.register_payee import PayeeRegistered
from domain.payee.share_statements import StatementsShared
from domain.payee.state import Payee
from domain.streams import Stream
from projections.commission_rows import (
    CommissionLineRow,
    PayeeReaderRow,
    PayeeRow,
    PrincipalRow,
    SettlementRow,
    StatementRow,
)
from projections.kernel import Row, Scope
from schemas.envelope import Recorded


class Commissions:
    """The projection of commission lines, payees and statements."""

    name = "commissions"
    tables: tuple[type[Row], ...] = (
        CommissionLineRow,
        SettlementRow,
        StatementRow,
        PayeeRow,
        PrincipalRow,
        PayeeReaderRow,
    )
    needs_client = False
    revision = 1
    derived: tuple[type[Row], ...] = ()
    facts: tuple[type[Event], ...] | None = (
        CommissionSettled,
        StatementProduced,
        PayeeRegistered,
        StatementsShared,
    )

    def scopes(self, client: Stream) -> Iterable[Scope]:
        """None: every row is written by an event."""
        return ()

    def touched(self, client: Stream | None, recorded: Recorded) -> Iterable[Scope]:
        """The rows that the event writes: they depend on nothing else."""
        stream = recorded.client_id
        match event := recorded.event:
            case CommissionSettled():
                lines: Scope = CommissionLineRow, (stream, recorded.position)
                return [lines, (SettlementRow, (stream,))]
            case StatementProduced():
                return [(StatementRow, (stream, event.month))]
            case PayeeRegistered():
                return [(PayeeRow, (stream,)), (PrincipalRow, (stream, recorded.position))]
            case StatementsShared():
                return [(PayeeReaderRow, (stream, event.reader_id))]
            case AddressChanged() | AgentOfRecordAssigned() | BirthDateCorrected():
                return []
            case ClientOpened() | ClientRenewed() | ClientTerminated():
                return []
            case CobraElected() | CommissionTermsSet() | ContactChanged():
                return []
            case CreditRefunded() | DependentAdded() | DependentRemoved():
                return []
            case DivisionChanged() | ExceptionApproved() | IdCardConfirmed():
                return []
            case IdCardOffered() | IdCardOrdered() | InvoiceProduced():
                return []
            case MemberReinstated() | NameChanged() | PaymentBounced():
                return []
            case PaymentPosted() | PlanChanged() | PlanOffered():
                return []
            case SubgroupAdded() | SubscriberAdded() | SubscriberRemoved():
                return []
            case TransactionRefused():
                return []
        raise AssertionError(f"no case for {event.type}")

    def rows(self, client: Stream | None, scope: Scope, recorded: Recorded | None) -> Sequence[Row]:
        """The rows of the scope, from the event that wrote it last."""
        assert recorded is not None
        table, _ = scope
        match event := recorded.event:
            case CommissionSettled():
                if table is SettlementRow:
                    return [_settlement(event, recorded)]
                return list(_lines(event, recorded))
            case StatementProduced():
                return [_statement(event, recorded)]
            case PayeeRegistered():
                return [
                    _principal(event, recorded)
                    if table is PrincipalRow
                    else _payee(event, recorded)
                ]
            case StatementsShared():
                return [_reader(event, recorded)] if event.allowed else []
        raise AssertionError(f"no rows for {event.type}")


# ── Of a client ────────────────────────────────────────────────────────────────────────────────


def _lines(event: CommissionSettled, recorded: Recorded) -> Iterable[CommissionLineRow]:
    for number, line in enumerate(event.lines, start=1):
        for payee_id, cents in _by_payee(line).items():
            yield CommissionLineRow(
                client_id=recorded.client_id,
                position=recorded.position,
                number=number,
                payee_id=payee_id,
                statement_month=event.statement_month,
                coverage_month=line.coverage_month,
                posted_on=line.posted_on,
                posted_cents=line.posted_cents,
                subscriber_months=line.subscriber_months,
                terms_kind=line.terms_kind,
                rate=line.rate,
                terms_transaction_id=line.terms,
                agent_transaction_id=line.agent,
                producer_id=line.producer_id,
                commission_cents=line.commission_cents,
                share_cents=cents,
                takes_back_from=line.takes_back_from,
                posting_transaction_id=line.posting,
                transaction_id=recorded.cause.transaction_id,
            )


def _by_payee(line: CommissionLine) -> dict[str, int]:
    """What each payee gets of a line; one who has several shares gets them together."""
    cents: dict[str, int] = {}
    for share in line.shares:
        cents[share.payee_id] = cents.get(share.payee_id, 0) + share.cents
    return cents


def _settlement(event: CommissionSettled, recorded: Recorded) -> SettlementRow:
    return SettlementRow(
        client_id=recorded.client_id,
        statement_month=event.statement_month,
        position=recorded.position,
    )


# ── Of a payee ─────────────────────────────────────────────────────────────────────────────────


def _statement(event: StatementProduced, recorded: Recorded) -> StatementRow:
    return StatementRow(
        client_id=recorded.client_id,
        month=event.month,
        payee_id=_payee_of(recorded.client_id),
        run_on=event.run_on,
        after_position=event.after_position,
        through_position=event.through_position,
        line_count=event.line_count,
        lines_cents=event.lines_cents,
        brought_forward_cents=event.brought_forward_cents,
        paid_cents=event.paid_cents,
        carried_cents=event.carried_cents,
        pay_by=event.pay_by,
        account_ending=event.account_ending,
        position=recorded.position,
        recorded_at=recorded.recorded_at,
    )


def _payee(event: PayeeRegistered, recorded: Recorded) -> PayeeRow:
    return PayeeRow(
        client_id=recorded.client_id,
        payee_id=_payee_of(recorded.client_id),
        kind=event.kind,
        principal_id=event.principal_id,
        pay_by=event.pay_by,
        account_ending=event.account_ending,
        is_registered=True,
    )


def _principal(event: PayeeRegistered, recorded: Recorded) -> PrincipalRow:
    return PrincipalRow(
        client_id=recorded.client_id,
        position=recorded.position,
        principal_id=event.principal_id,
    )


def _reader(event: StatementsShared, recorded: Recorded) -> PayeeReaderRow:
    return PayeeReaderRow(
        client_id=recorded.client_id,
        reader_id=event.reader_id,
        payee_id=_payee_of(recorded.client_id),
        position=recorded.position,
    )


def _payee_of(stream: str) -> str:
    """The payee whose stream this is."""
    return Payee(stream).payee_id
