"""The rows of the book of business: one class, one table; one field, one column.

Whatever depends on "today" is stored as spans of dates or months, and the reader picks the day.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from domain.types import PersonalDate, PersonalText
from projections.kernel import Row


class ClientRow(Row, frozen=True, kw_only=True):
    """A client as a whole."""

    table: ClassVar[str] = "client"
    key: ClassVar[tuple[str, ...]] = ("client_id",)
    scope: ClassVar[tuple[str, ...]] = ("client_id",)

    client_id: str
    name: PersonalText
    segment: str
    state: str
    rating_area: int
    part_month_rule: str
    is_group: bool
    effective_on: date
    plan_year_start: date
    """First day of the latest plan year known; may be in future once a renewal is recorded."""
    administered_here_from: date | None
    """The first day on which this system administers the client; None while another does (§2)."""
    terminated_on: date | None
    """The last covered day of everyone, once terminated."""
    account_manager: str | None


class SubgroupRow(Row, frozen=True, kw_only=True):
    """A billing and reporting part of a client."""

    table: ClassVar[str] = "subgroup"
    key: ClassVar[tuple[str, ...]] = ("client_id", "subgroup_id")
    scope: ClassVar[tuple[str, ...]] = ("client_id", "subgroup_id")

    client_id: str
    subgroup_id: str
    name: str
    effective_on: date


class OfferRow(Row, frozen=True, kw_only=True):
    """A plan may be chosen in a subgroup on these days."""

    table: ClassVar[str] = "offer"
    key: ClassVar[tuple[str, ...]] = ("client_id", "plan_id", "subgroup_id", "first_day")
    scope: ClassVar[tuple[str, ...]] = ("client_id", "plan_id")

    client_id: str
    plan_id: str
    subgroup_id: str
    first_day: date
    last_day: date | None
    plan_name: str


class RateRow(Row, frozen=True, kw_only=True):
    """What a plan costs from a day on, until the plan's next first day."""

    table: ClassVar[str] = "rate"
    key: ClassVar[tuple[str, ...]] = ("client_id", "plan_id", "first_day", "tier")
    scope: ClassVar[tuple[str, ...]] = ("client_id", "plan_id")

    client_id: str
    plan_id: str
    first_day: date
    tier: str
    """EMP, ESP, ECH or FAM; empty for the base rate, at age 21, of a plan priced by member."""
    monthly_cents: int


class AgentRow(Row, frozen=True, kw_only=True):
    """An agent of record of a client, from the 1st of a month on.

    Segment and client name are repeated here, so that one index answers a producer's book.
    """

    table: ClassVar[str] = "agent"
    key: ClassVar[tuple[str, ...]] = ("client_id", "first_day")
    scope: ClassVar[tuple[str, ...]] = ("client_id",)
    indexes: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("producer_id", "segment", "client_id", "first_day"),
    )

    client_id: str
    first_day: date
    last_day: date | None
    """The day before the next agent's first; None for the latest."""
    producer_id: str
    agency_id: str
    payee: str
    """Whom the carrier pays: ``agency`` or ``producer``."""
    segment: str
    client_name: PersonalText


class MemberRow(Row, frozen=True, kw_only=True):
    """A member of a client: everyone who was ever enrolled, also if cancelled from inception."""

    table: ClassVar[str] = "member"
    key: ClassVar[tuple[str, ...]] = ("client_id", "member_id")
    scope: ClassVar[tuple[str, ...]] = ("client_id", "member_id")
    indexes: ClassVar[tuple[tuple[str, ...], ...]] = (("client_id", "subscriber_id", "member_id"),)

    client_id: str
    member_id: str
    subscriber_id: str
    relationship: str
    first_name: PersonalText
    middle_name: PersonalText | None
    last_name: PersonalText
    birth_date: PersonalDate
    address_line1: PersonalText | None
    """The member's own address, or the subscriber's where a dependent has none of their own."""
    address_line2: PersonalText | None
    city: PersonalText | None
    state: PersonalText | None
    zip: PersonalText | None
    email: PersonalText | None
    phone: PersonalText | None
    first_day: date | None
    """First day of the latest unbroken coverage; None if all coverage was cancelled."""
    last_day: date | None
    """Its last covered day; None while it is open-ended."""
    card_offer: str | None
    """The reason for which a new ID card is due, until one is ordered."""
    card_ordered_on: date | None
    """When the ID card was ordered that is not confirmed as mailed yet."""


class CoverageRow(Row, frozen=True, kw_only=True):
    """A coverage span: a member in one plan and subgroup, without a gap, COBRA apart."""

    table: ClassVar[str] = "coverage"
    key: ClassVar[tuple[str, ...]] = ("client_id", "member_id", "first_day")
    scope: ClassVar[tuple[str, ...]] = ("client_id", "member_id")
    indexes: ClassVar[tuple[tuple[str, ...], ...]] = (("client_id", "subscriber_id", "member_id"),)

    client_id: str
    member_id: str
    first_day: date
    last_day: date | None
    plan_id: str
    subgroup_id: str
    subscriber_id: str
    """Whose family it was in: a former member may have returned in another one …"""
    relationship: str
    """… and what the member was to that subscriber."""
    cobra_event: str | None
    """What gave the right to continue, in spans that are COBRA continuation."""


class PremiumRow(Row, frozen=True, kw_only=True):
    """The full monthly premium of a member (by tier: of the subscriber) in a run of months.

    Before any part month; months without coverage have no row. Children who don't pay because
    three older ones do have a row at 0.
    """

    table: ClassVar[str] = "premium"
    key: ClassVar[tuple[str, ...]] = ("client_id", "subscriber_id", "member_id", "first_month")
    scope: ClassVar[tuple[str, ...]] = ("client_id", "subscriber_id")

    client_id: str
    subscriber_id: str
    member_id: str
    first_month: date
    last_month: date | None
    """The 1st of the last month of the run; None if nothing known ends it."""
    monthly_cents: int
    plan_id: str
    subgroup_id: str
    tier: str | None
    """EMP, ESP, ECH or FAM (large group); None where premium is by member."""
