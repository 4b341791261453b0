"""The book of business: who the clients and their people are, what they are offered, what it costs.

Rows derive from the domain's ``Client``. Whatever depends on "today" is stored as spans of dates
or months, and the reader picks the day: today's book, or that of any other date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest

from domain.client.add_dependent import DependentAdded
from domain.client.add_subgroup import SubgroupAdded
from domain.client.add_subscriber import SubscriberAdded
from domain.client.administration import administered_here_from
from domain.client.approve_exception import ExceptionApproved
from domain.client.assign_agent_of_record import AgentOfRecordAssigned
from domain.client.change_address import AddressChanged
from domain.client.change_contact import ContactChanged
from domain.client.change_division import DivisionChanged
from domain.client.change_name import NameChanged
from domain.client.change_plan import PlanChanged
from domain.client.confirm_id_card import IdCardConfirmed
from domain.client.correct_birth_date import BirthDateCorrected
from domain.client.coverage import people_of, spans_of, subscriber_of
from domain.client.elect_cobra import CobraElected
from domain.client.offer_plan import PlanOffered
from domain.client.open_client import ClientOpened
from domain.client.order_id_card import IdCardOffered, IdCardOrdered
from domain.client.post_payment import CreditRefunded, PaymentBounced, PaymentPosted
from domain.client.premium import premium_spans
from domain.client.produce_invoice import InvoiceProduced
from domain.client.reinstate_member import MemberReinstated
from domain.client.remove_dependent import DependentRemoved
from domain.client.remove_subscriber import SubscriberRemoved
from domain.client.renew_client import ClientRenewed
from domain.client.set_commission_terms import CommissionTermsSet
from domain.client.settle_commission import CommissionSettled
from domain.client.state import Client
from domain.client.terminate_client import ClientTerminated
from domain.dates import previous_day
from domain.kernel import Event, TransactionRefused
from domain.streams import Stream
from projections.book_rows import (
    AgentRow,
    ClientRow,
    CoverageRow,
    MemberRow,
    OfferRow,
    PremiumRow,
    RateRow,
    SubgroupRow,
)
from projections.kernel import Row, Scope
from schemas.envelope import Recorded

# ── The fold: which rows an event changes ──────────────────────────────────────────────────────


class BookOfBusiness:
    """The projection of clients, their people, coverage and premium."""

    name = "book_of_business"
    tables: tuple[type[Row], ...] = (
        ClientRow,
        SubgroupRow,
        OfferRow,
        RateRow,
        AgentRow,
        MemberRow,
        CoverageRow,
        PremiumRow,
    )
    needs_client = True
    revision = 1
    derived = tables
    facts: tuple[type[Event], ...] | None = ()

    def scopes(self, client: Stream) -> Iterator[Scope]:
        """Everything about the client and everyone who is or was in it."""
        if not isinstance(client, Client) or not client.is_open:
            return
        client_id = client.client_id
        yield ClientRow, (client_id,)
        yield AgentRow, (client_id,)
        yield from _all_subgroups(client)
        for plan_id in client.plans:
            yield OfferRow, (client_id, plan_id)
            yield RateRow, (client_id, plan_id)
        for member_id in client.members:
            yield MemberRow, (client_id, member_id)
            yield CoverageRow, (client_id, member_id)
        for subscriber_id in client.families:
            yield PremiumRow, (client_id, subscriber_id)

    def touched(self, client: Stream | None, recorded: Recorded) -> Iterable[Scope]:
        """What the event changes: as little as it may, since each scope is derived anew."""
        if not isinstance(client, Client):
            return []  # a payee has no people, coverage or premium
        client_id = client.client_id
        match event := recorded.event:
            case AddressChanged():
                return _at_the_address_of(client, event.member_id)
            case NameChanged() | ContactChanged():
                return [(MemberRow, (client_id, event.member_id))]
            case IdCardOffered() | IdCardOrdered() | IdCardConfirmed():
                return [(MemberRow, (client_id, event.member_id))]
            case SubscriberAdded() | SubscriberRemoved() | CobraElected():
                return _family(client, event.member_id)
            case PlanChanged() | DivisionChanged():
                return _family(client, event.member_id)
            case DependentAdded() | DependentRemoved() | MemberReinstated():
                return _family(client, event.subscriber_id)
            case BirthDateCorrected():
                return _membership(client, event.member_id)
            case ClientOpened():
                return [(ClientRow, (client_id,)), *_all_subgroups(client)]
            case SubgroupAdded():
                return [(SubgroupRow, (client_id, event.subgroup_id))]
            case PlanOffered():
                return [(table, (client_id, event.plan_id)) for table in (OfferRow, RateRow)]
            case AgentOfRecordAssigned():
                return [(AgentRow, (client_id,))]
            case ClientRenewed():
                return [
                    (ClientRow, (client_id,)),
                    *((RateRow, (client_id, plan_id)) for plan_id in event.rates),
                    *((PremiumRow, (client_id, family)) for family in client.families),
                ]
            case ClientTerminated():
                return [(ClientRow, (client_id,)), *_everyone(client)]
        if _is_not_of_the_book(event):
            return []
        raise AssertionError(f"no case for {event.type}")

    def rows(self, client: Stream | None, scope: Scope, recorded: Recorded | None) -> Sequence[Row]:
        """All rows of a scope, derived from the client alone."""
        assert isinstance(client, Client)
        table, (_, *ids) = scope
        return list(_DERIVE[table](client, *ids))


def _is_not_of_the_book(event: Event) -> bool:
    """Whether it changes no row: what is refused, allowed, billed, paid or earned."""
    match event:
        case TransactionRefused() | ExceptionApproved():
            return True
        case InvoiceProduced() | PaymentPosted() | CreditRefunded() | PaymentBounced():
            return True
        case CommissionTermsSet() | CommissionSettled():
            return True
    return False


def _at_the_address_of(client: Client, member_id: str) -> Iterator[Scope]:
    """The member, and the dependents who live there because they have no address of their own."""
    yield MemberRow, (client.client_id, member_id)
    family = client.families.get(member_id)
    for member in people_of(client, family) if family else ():
        if member.address is None and member.subscriber_id == member_id:
            yield MemberRow, (client.client_id, member.member_id)


def _family(client: Client, subscriber_id: str) -> Iterator[Scope]:
    """Everything about everyone who is or was in the family."""
    for member_id in client.families[subscriber_id].member_ids:
        yield from _membership(client, member_id)


def _membership(client: Client, member_id: str) -> Iterator[Scope]:
    """The member, their coverage, and the premium of each family they are or were in.

    A former family counts: what is unbroken, and so the age of rating, may reach over from one to
    the other (§4).
    """
    client_id, member = client.client_id, client.members[member_id]
    yield MemberRow, (client_id, member_id)
    yield CoverageRow, (client_id, member_id)
    yield PremiumRow, (client_id, member.subscriber_id)
    for period in member.periods:
        yield PremiumRow, (client_id, subscriber_of(member, period))


def _everyone(client: Client) -> Iterator[Scope]:
    for member_id in client.members:
        yield from _membership(client, member_id)


def _all_subgroups(client: Client) -> Iterator[Scope]:
    return ((SubgroupRow, (client.client_id, subgroup_id)) for subgroup_id in client.subgroups)


# ── The rows of a scope, from the client's state ───────────────────────────────────────────────


def _client(client: Client) -> Iterator[Row]:
    yield ClientRow(
        client_id=client.client_id,
        name=client.name,
        segment=client.segment,
        state=client.state,
        rating_area=client.rating_area,
        part_month_rule=client.part_month_rule,
        is_group=client.is_group,
        effective_on=client.effective_on,
        plan_year_start=client.plan_years[-1],
        administered_here_from=administered_here_from(client),
        terminated_on=client.terminated_on,
        account_manager=client.account_manager,
    )


def _subgroup(client: Client, subgroup_id: str) -> Iterator[Row]:
    subgroup = client.subgroups[subgroup_id]
    yield SubgroupRow(
        client_id=client.client_id,
        subgroup_id=subgroup_id,
        name=subgroup.name,
        effective_on=subgroup.effective_on,
    )


def _offers(client: Client, plan_id: str) -> Iterator[Row]:
    plan = client.plans[plan_id]
    for subgroup_id, offers in plan.offers.items():
        for offer in offers:
            yield OfferRow(
                client_id=client.client_id,
                plan_id=plan_id,
                subgroup_id=subgroup_id,
                first_day=offer.first_day,
                last_day=offer.last_day,
                plan_name=plan.name,
            )


def _rates(client: Client, plan_id: str) -> Iterator[Row]:
    for entry in client.plans[plan_id].rates:
        by_tier: list[tuple[str, int]] = [*(entry.rate.tier_cents or {}).items()]
        for tier, cents in by_tier or [("", entry.rate.base_cents or 0)]:
            yield RateRow(
                client_id=client.client_id,
                plan_id=plan_id,
                first_day=entry.first_day,
                tier=tier,
                monthly_cents=cents,
            )


def _agents(client: Client) -> Iterator[Row]:
    for agent, successor in zip_longest(client.agents, client.agents[1:]):
        yield AgentRow(
            client_id=client.client_id,
            first_day=agent.first_day,
            last_day=previous_day(successor.first_day) if successor else None,
            producer_id=agent.producer_id,
            agency_id=agent.agency_id,
            payee=agent.payee,
            segment=client.segment,
            client_name=client.name,
        )


def _member(client: Client, member_id: str) -> Iterator[Row]:
    member = client.members[member_id]
    address = member.address or client.members[member.subscriber_id].address
    contact = member.contact
    latest = member.periods[-1] if member.periods else None
    yield MemberRow(
        client_id=client.client_id,
        member_id=member_id,
        subscriber_id=member.subscriber_id,
        relationship=member.relationship,
        first_name=member.name.first,
        middle_name=member.name.middle,
        last_name=member.name.last,
        birth_date=member.birth_date,
        address_line1=address.line1 if address else None,
        address_line2=address.line2 if address else None,
        city=address.city if address else None,
        state=address.state if address else None,
        zip=address.zip if address else None,
        email=contact.email if contact else None,
        phone=contact.phone if contact else None,
        first_day=latest.first_day if latest else None,
        last_day=latest.last_day if latest else None,
        card_offer=member.card_offer,
        card_ordered_on=member.open_card.ordered_on if member.open_card else None,
    )


def _coverage(client: Client, member_id: str) -> Iterator[Row]:
    for span in spans_of(client, client.members[member_id]):
        yield CoverageRow(
            client_id=client.client_id,
            member_id=member_id,
            first_day=span.first_day,
            last_day=span.last_day,
            plan_id=span.plan_id,
            subgroup_id=span.subgroup_id,
            subscriber_id=span.subscriber_id,
            relationship=span.relationship,
            cobra_event=span.cobra,
        )


def _premium(client: Client, subscriber_id: str) -> Iterator[Row]:
    for span in premium_spans(client, client.families[subscriber_id]):
        yield PremiumRow(
            client_id=client.client_id,
            subscriber_id=subscriber_id,
            member_id=span.member_id,
            first_month=span.first_month,
            last_month=span.last_month,
            monthly_cents=span.monthly_cents,
            plan_id=span.plan_id,
            subgroup_id=span.subgroup_id,
            tier=span.tier,
        )


_DERIVE: dict[type[Row], Callable[..., Iterator[Row]]] = {
    ClientRow: _client,
    SubgroupRow: _subgroup,
    OfferRow: _offers,
    RateRow: _rates,
    AgentRow: _agents,
    MemberRow: _member,
    CoverageRow: _coverage,
    PremiumRow: _premium,
}
