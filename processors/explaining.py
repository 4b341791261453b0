"""Explaining a figure: what it followed from is read out of the client's history (handbook §4-§6).

Only the part of the history that matters is read: the events that name someone of the family, and
those about the client as a whole; or those that moved the account. So a large client's figure is
explained as soon as a small one's.

Every figure can be explained as known at a version of its client (``up_to_version``): what came
later is not there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

import msgspec

from domain.client import EVENT_TYPES
from domain.client.account import Posting
from domain.client.assign_agent_of_record import AgentOfRecordAssigned
from domain.client.bookings import Booked, posting_of
from domain.client.explaining import explain_premium
from domain.client.explaining_balance import explain_balance
from domain.client.explaining_commission import (
    Behind,
    explain_share,
    payment_of_share,
    year_before_cents,
)
from domain.client.explaining_commission import line_of as commission_line_of
from domain.client.explaining_invoices import Produced, explain_line, line_of
from domain.client.explaining_postings import explain_posting
from domain.client.open_client import ClientOpened
from domain.client.post_payment import CreditRefunded, PaymentBounced, PaymentPosted
from domain.client.produce_invoice import InvoiceAdjustment, InvoiceProduced
from domain.client.set_commission_terms import CommissionTermsSet
from domain.client.settle_commission import CommissionLine, CommissionSettled
from domain.client.sources import Sources
from domain.client.state import Client
from domain.explanation import Explanation
from domain.kernel import Event
from processors.ports import EventLog
from processors.receipts import Receipt
from schemas.envelope import Recorded

AnyEvent = TypeVar("AnyEvent", bound=Event)

_PREMIUM = [event for event in EVENT_TYPES if "premium_changes_from" in vars(event)]
_OF_FAMILIES = frozenset(event.type for event in _PREMIUM if "members" in vars(event))
_OF_CLIENT = frozenset(event.type for event in _PREMIUM) - _OF_FAMILIES | {ClientOpened.type}
"""What premium depends on: events that name members, and those about the client as a whole."""
_OF_COMMISSION = frozenset(
    event.type
    for event in (
        AgentOfRecordAssigned,
        CommissionTermsSet,
        CommissionSettled,
        PaymentPosted,
        PaymentBounced,
    )
)
_OF_ACCOUNT = frozenset(
    event.type for event in (InvoiceProduced, PaymentPosted, PaymentBounced, CreditRefunded)
)
_NEWEST = 2**62
"""A version beyond all."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A tree, and the transactions that it names, each as its first event has it."""

    tree: Explanation
    transactions: Mapping[str, Recorded]


class Explainer:
    """Explains premiums, balances, postings and lines. May raise ``LogUnavailable``."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    # ── Premium ────────────────────────────────────────────────────────────────────────────────

    def premium(
        self, client_id: str, member_id: str, month: date, up_to_version: int | None = None
    ) -> Explained | None:
        """What a member costs in a month (its 1st); None for who is not known in the client."""
        history = self._family(client_id, up_to_version, {member_id})
        client, sources = _folded(client_id, history)
        if member_id not in client.members:
            return None
        return _explained(explain_premium(client, sources, member_id, month), history)

    # ── Invoices ───────────────────────────────────────────────────────────────────────────────

    def invoice_line(
        self, transaction_id: str, number: int, up_to_version: int | None = None
    ) -> Explained | None:
        """The line of the invoice that a run's transaction produced; None if there is none."""
        run = self._first_event(transaction_id, up_to_version)
        if run is None or not isinstance(run.event, InvoiceProduced):
            return None
        line = line_of(run.event, number)
        if line is None:
            return None
        names = {line.subscriber_id, line.member_id}
        history = self._family(run.client_id, run.version - 1, names)
        client, sources = _folded(run.client_id, history)
        earlier: Sequence[Recorded] = ()
        if isinstance(line, InvoiceAdjustment):
            # Large events: only those that say the month at all are read.
            earlier = self._log.selected(
                run.client_id, [InvoiceProduced.type], run.version - 1, [line.month.isoformat()]
            )
        tree = explain_line(
            client,
            sources,
            Produced(run.event, transaction_id),
            number,
            [Produced(e, t) for t, e in _of_type(InvoiceProduced, earlier)],
        )
        return _explained(tree, (*history, *earlier, run))

    def _family(
        self, client_id: str, up_to_version: int | None, names: Collection[str]
    ) -> list[Recorded]:
        """What premium of these members depends on, up to a version of the client, in order.

        Whoever is named together with them belongs to it, and who with those in turn.
        """
        version = _NEWEST if up_to_version is None else up_to_version
        head = self._log.head()  # all looks see one moment, whatever is appended meanwhile
        of_client = self._log.selected(client_id, _OF_CLIENT, version)
        found = {e.version: e for e in of_client if e.position <= head}
        known: set[str] = set()
        fresh = set(names)
        while fresh:
            of_fresh = [
                recorded
                for recorded in self._log.selected(client_id, _OF_FAMILIES, version, sorted(fresh))
                if recorded.position <= head
            ]
            found |= {recorded.version: recorded for recorded in of_fresh}
            known |= fresh
            fresh = {member for e in of_fresh for member in e.event.members()} - known
        return [found[each] for each in sorted(found)]

    # ── The account ────────────────────────────────────────────────────────────────────────────

    def balance(self, client_id: str, up_to_version: int | None = None) -> Explained:
        """What a client owes: all 0.00 before anything was billed or paid."""
        history = self._account(client_id, up_to_version)
        return _explained(explain_balance(client_id, _booked(history)), history)

    def posting_made(
        self, transaction_id: str, number: int, up_to_version: int | None = None
    ) -> tuple[Recorded, Posting] | None:
        """The posting of a payment or run, and its event; None if there is none."""
        made = self._first_event(transaction_id, up_to_version)
        if made is None or made.event.type not in _OF_ACCOUNT:
            return None
        (booked,) = _booked([made])
        posting = posting_of(booked.event, number)
        return None if posting is None else (made, posting)

    def posting(self, made: Recorded, number: int) -> Explained:
        """A posting that ``posting_made`` found; what came before it is all that it depends on."""
        before = self._account(made.client_id, made.version - 1)
        (booked,) = _booked([made])
        tree = explain_posting(made.client_id, _booked(before), booked, number)
        known = {e.cause.transaction_id for e in (*before, made)}
        causes = [self._first_event(each) for each in _named(tree) if each not in known]
        return _explained(tree, (*before, made, *(each for each in causes if each is not None)))

    def _account(self, client_id: str, up_to_version: int | None) -> Sequence[Recorded]:
        """What moved a client's account, up to a version of it, in order."""
        version = _NEWEST if up_to_version is None else up_to_version
        return self._log.selected(client_id, _OF_ACCOUNT, version)

    # ── Commissions ────────────────────────────────────────────────────────────────────────────

    def settled_line(
        self, transaction_id: str, number: int, up_to_version: int | None = None
    ) -> tuple[Recorded, CommissionLine] | None:
        """The line of a settlement, and its event; None if there is none."""
        settled = self._first_event(transaction_id, up_to_version)
        if settled is None or not isinstance(settled.event, CommissionSettled):
            return None
        line = commission_line_of(settled.event, number)
        return None if line is None else (settled, line)

    def commission_share(
        self, settled: Recorded, number: int, payee_id: str, takes_back_from: date | None
    ) -> Explained | None:
        """A payee's part of a line that ``settled_line`` found; None if the payee has none.

        What came before the settlement is all that it depends on.
        ``takes_back_from`` is the month of the statement that the payee's own statement names.
        """
        assert isinstance(settled.event, CommissionSettled)
        line = settled.event.lines[number - 1]
        history = self._before(settled, line)
        agents = dict(_of_type(AgentOfRecordAssigned, history))
        terms = dict(_of_type(CommissionTermsSet, history))[line.terms]
        postings = [
            (recorded.cause.transaction_id, recorded.event)
            for recorded in history
            if isinstance(recorded.event, InvoiceProduced | PaymentPosted | PaymentBounced)
        ]
        transaction_id = settled.cause.transaction_id
        earlier = [(by, event.lines) for by, event in _of_type(CommissionSettled, history)]
        earlier.append((transaction_id, settled.event.lines[: number - 1]))
        is_graded = terms.terms.kind == "graded"
        behind = Behind(
            client_id=settled.client_id,
            agent=agents[line.agent],
            terms=terms,
            posting=dict(postings)[line.posting],
            year_before_cents=year_before_cents(postings, line) if is_graded else None,
            takes_back_from=takes_back_from,
            paid_by=payment_of_share(earlier, line.coverage_month, payee_id),
        )
        tree = explain_share(settled.event, transaction_id, line, payee_id, behind)
        return None if tree is None else _explained(tree, (*history, settled))

    def _before(self, settled: Recorded, line: CommissionLine) -> list[Recorded]:
        """What a line was computed from. Invoices are large: read only where they say something."""
        client_id, version = settled.client_id, settled.version - 1
        history = list(self._log.selected(client_id, _OF_COMMISSION, version))
        known = {e.cause.transaction_id for e in history}
        if line.terms_kind == "graded":
            history += self._log.selected(client_id, [InvoiceProduced.type], version)
        elif line.posting not in known and (run := self._first_event(line.posting)):
            history.append(run)
        return sorted(history, key=lambda recorded: recorded.version)

    def _first_event(
        self, transaction_id: str, up_to_version: int | None = None
    ) -> Recorded | None:
        """The first event of a transaction; None if it is not known or caused none.

        None also where it came after a version of its client.
        """
        stored = self._log.receipt(transaction_id)
        if stored is None:
            return None
        receipt = msgspec.json.decode(stored.body, type=Receipt)
        found = self._log.follow(receipt.position - 1, 1)
        if not found or found[0].cause.transaction_id != transaction_id:
            return None
        if found[0].cause.index > 1:  # a receipt names the position of the last one
            found = self._log.follow(found[0].position - found[0].cause.index, 1)
        is_known = up_to_version is None or found[0].version <= up_to_version
        return found[0] if is_known else None


def _folded(client_id: str, history: Iterable[Recorded]) -> tuple[Client, Sources]:
    """The part of a client's state that premium depends on; bills are not folded in."""
    client, sources = Client(client_id), Sources()
    for recorded in history:
        recorded.event.evolve(client, recorded.cause)
        sources.note(recorded.event, recorded.cause)
    return client, sources


def _booked(history: Iterable[Recorded]) -> list[Booked]:
    """What moved the account, of a history."""
    return [
        Booked(e.event, e.cause)
        for e in history
        if isinstance(e.event, InvoiceProduced | PaymentPosted | PaymentBounced | CreditRefunded)
    ]


def _of_type(kind: type[AnyEvent], history: Iterable[Recorded]) -> list[tuple[str, AnyEvent]]:
    return [
        (recorded.cause.transaction_id, recorded.event)
        for recorded in history
        if isinstance(recorded.event, kind)
    ]


def _explained(tree: Explanation, history: Iterable[Recorded]) -> Explained:
    first: dict[str, Recorded] = {}
    for recorded in history:
        first.setdefault(recorded.cause.transaction_id, recorded)
    return Explained(tree, {each: first[each] for each in _named(tree)})


def _named(tree: Explanation) -> Iterable[str]:
    """The transactions that a tree names, each once, from the root down."""
    found: dict[str, Any] = dict.fromkeys(tree.transactions)
    for child in tree.children:
        found |= dict.fromkeys(_named(child))
    return found
