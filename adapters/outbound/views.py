"""What readers get: the shapes of the read side, the same for HTTP and the command line.

Amounts are US dollars in a decimal string, such as "480.00"; dates are America/New_York calendar
dates; instants are UTC. ``last_day`` is included in what it ends, and null while nothing ends it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec

from domain.client.state import Relationship, Segment, Tier
from domain.kernel import Cause
from domain.money import dollars
from domain.types import PersonalDate, PersonalText

Money = Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]+\.[0-9]{2}$", examples=["480.00"])]
Status = Literal["accepted", "completed", "refused"]
Count = Annotated[int, msgspec.Meta(ge=0)]


def money(cents: int) -> Money:
    """Whole cents as dollars."""
    return dollars(cents)


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A shape that readers get."""


# ── A client ───────────────────────────────────────────────────────────────────────────────────


class AgentView(View, frozen=True, kw_only=True):
    """An agent of record, on these days."""

    producer_id: str
    agency_id: str
    payee: str
    first_day: date
    last_day: date | None


class SubgroupView(View, frozen=True, kw_only=True):
    """A billing and reporting part of a client."""

    subgroup_id: str
    name: str
    effective_on: date


class OfferView(View, frozen=True, kw_only=True):
    """A plan may be chosen in this subgroup, on these days."""

    subgroup_id: str
    first_day: date
    last_day: date | None


class RateView(View, frozen=True, kw_only=True):
    """What a plan costs a month from a day on, until its next rate."""

    first_day: date
    tier: Tier | None
    """Null: the base rate at age 21, where premium is by member."""
    monthly: Money


class PlanView(View, frozen=True, kw_only=True):
    """A plan that the client is or was offered."""

    plan_id: str
    name: str
    offers: list[OfferView]
    rates: list[RateView]


class AdministrationView(View, frozen=True, kw_only=True):
    """Who makes changes to this client, and whom to call about its bills (handbook §2)."""

    administered_by: str
    administered_here: bool
    """Today."""
    billing_contact: str


class ClientView(View, frozen=True, kw_only=True):
    """A client as a whole."""

    client_id: str
    name: PersonalText
    segment: Segment
    is_group: bool
    state: str
    rating_area: int
    part_month_rule: str
    effective_on: date
    plan_year_start: date
    terminated_on: date | None
    account_manager: str | None
    administration: AdministrationView
    agent_of_record: AgentView | None
    """Today's."""
    agents: list[AgentView]
    """All, also former and future ones, oldest first."""
    subgroups: list[SubgroupView]
    plans: list[PlanView]


# ── Members ────────────────────────────────────────────────────────────────────────────────────


class AddressView(View, frozen=True, kw_only=True):
    """A postal address; a dependent without one of their own shows the subscriber's."""

    line1: PersonalText
    line2: PersonalText | None
    city: PersonalText | None
    state: PersonalText | None
    zip: PersonalText | None


class CoverageView(View, frozen=True, kw_only=True):
    """A coverage span."""

    first_day: date
    last_day: date | None
    plan_id: str
    subgroup_id: str
    subscriber_id: str
    """Whose family it was in …"""
    relationship: Relationship
    """… and what the member was to that subscriber."""
    cobra_event: str | None
    """What gave the right to continue, in spans that are COBRA continuation."""


class PremiumView(View, frozen=True, kw_only=True):
    """A full monthly premium, before any part month, in these months (their 1sts)."""

    monthly: Money
    plan_id: str
    subgroup_id: str
    tier: Tier | None
    """By tier the line is the subscriber's, for the whole family."""
    first_month: date
    last_month: date | None


class RelativeView(View, frozen=True, kw_only=True):
    """Another member of the same family."""

    member_id: str
    relationship: Relationship


class MemberView(View, frozen=True, kw_only=True):
    """A member with every coverage span, and what their coverage costs now."""

    client_id: str
    member_id: str
    subscriber_id: str
    relationship: Relationship
    first_name: PersonalText
    middle_name: PersonalText | None
    last_name: PersonalText
    birth_date: PersonalDate
    address: AddressView | None
    email: PersonalText | None
    phone: PersonalText | None
    card_offer: str | None
    """Why a new ID card is due, until one is ordered."""
    card_ordered_on: date | None
    """When the ID card was ordered that is not mailed yet."""
    coverage: list[CoverageView]
    """Oldest first."""
    premium: PremiumView | None
    """This month's; null without coverage, and for dependents where premium is by tier."""
    family: list[RelativeView]


class RosterLine(View, frozen=True, kw_only=True):
    """A covered member, as the roster shows them."""

    subgroup_id: str
    subscriber_id: str
    member_id: str
    relationship: Relationship
    first_name: PersonalText
    last_name: PersonalText
    birth_date: PersonalDate
    plan_id: str
    first_day: date
    last_day: date | None
    cobra_event: str | None
    tier: Tier | None
    monthly: Money | None


class Roster(View, frozen=True, kw_only=True):
    """A page of those who are covered on a day, family by family."""

    client_id: str
    on: date
    items: list[RosterLine]
    next: str | None


# ── The census ─────────────────────────────────────────────────────────────────────────────────


class HeadCount(View, frozen=True, kw_only=True):
    """How many are covered in one part of the client."""

    name: str
    subscribers: Count
    members: Count


class Census(View, frozen=True, kw_only=True):
    """Who is covered on a day, in numbers only."""

    client_id: str
    on: date
    subscribers: Count
    members: Count
    by_subgroup: list[HeadCount]
    by_plan: list[HeadCount]
    by_relationship: list[HeadCount]
    by_tier: list[HeadCount]
    """Families by their tier that month; empty where premium is by member."""
    by_age: list[HeadCount]


# ── A producer's book ──────────────────────────────────────────────────────────────────────────


class BookLine(View, frozen=True, kw_only=True):
    """A client in a producer's book."""

    segment: Segment
    client_id: str
    name: PersonalText
    state: str
    is_group: bool
    effective_on: date
    plan_year_start: date
    terminated_on: date | None
    agency_id: str
    agent_since: date
    subscribers: Count
    members: Count


class Book(View, frozen=True, kw_only=True):
    """A page of the clients whose agent of record a producer is on a day, by segment."""

    producer_id: str
    on: date
    items: list[BookLine]
    next: str | None


class SegmentCount(View, frozen=True, kw_only=True):
    """How many clients of a segment are in a book."""

    segment: Segment
    clients: Count


class BookSummary(View, frozen=True, kw_only=True):
    """A producer's book in numbers, on a day."""

    producer_id: str
    on: date
    clients: Count
    by_segment: list[SegmentCount]


# ── Transactions ───────────────────────────────────────────────────────────────────────────────


class FulfilmentView(View, frozen=True, kw_only=True):
    """What a transaction asked to be mailed."""

    kind: str
    member_id: str
    confirmed_at: datetime | None


class TransactionView(View, frozen=True, kw_only=True):
    """A transaction and what came of it."""

    transaction_id: str
    client_id: str
    type: str
    status: Status
    overdue: bool
    """Accepted more than 24 hours ago and still not completed."""
    code: str | None
    sentence: str | None
    effective_on: date | None
    takes_effect_on: date | None
    received_at: datetime
    recorded_at: datetime
    position: Count
    client_version: int | None
    event_count: Count
    """0: it asked for what held already."""
    sender: str | None
    """Null if it caused no event: such a transaction is known by its receipt alone."""
    role: str | None
    producer_id: str | None
    correlation_id: str | None
    fulfilment: FulfilmentView | None


class Transactions(View, frozen=True, kw_only=True):
    """A page of transactions, newest first."""

    items: list[TransactionView]
    next: str | None


class OverdueLine(View, frozen=True, kw_only=True):
    """A transaction that should be completed by now. No personal data."""

    transaction_id: str
    client_id: str
    type: str
    position: Count
    received_at: datetime
    waits_for: list[str]
    """Projections that have not applied it, and what is not confirmed as mailed."""


class Overdue(View, frozen=True, kw_only=True):
    """A page of overdue transactions, oldest first."""

    items: list[OverdueLine]
    next: str | None


class CodeCount(View, frozen=True, kw_only=True):
    """How often a rule said no."""

    code: str
    count: Count


class WorkCounts(View, frozen=True, kw_only=True):
    """Transactions in numbers, for operations."""

    overdue: Count
    since: datetime
    """The refusals counted here were received at or after this instant."""
    refused: list[CodeCount]


# ── The raw history ────────────────────────────────────────────────────────────────────────────


class HistoryEvent(View, frozen=True, kw_only=True):
    """An event of a client's history, in its current version."""

    position: Count
    version: Count
    recorded_at: datetime
    type: str
    type_version: Count
    cause: Cause
    """The transaction behind it."""
    data: dict[str, Any]


class History(View, frozen=True, kw_only=True):
    """A stretch of a client's history, oldest first."""

    client_id: str
    items: list[HistoryEvent]
    next_after_version: int | None
