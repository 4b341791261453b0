"""A client as its history left it: what ``decide`` looks at and ``evolve`` changes in place.

Plain records, encoded as they are for snapshots. Everything that one family's decisions need hangs
off the family, so that deciding for one member of a 20,000-member group never walks the others.
Timelines are short lists in order of their first day. Money is integer cents.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from msgspec import Struct, field

from domain.client.account import Account
from domain.types import Instant, PersonalDate, PersonalText

Segment = Literal[
    "large_group",
    "small_group",
    "ffs",
    "solo",
    "exchange_direct",
    "exchange",
    "medicare_advantage",
]
Relationship = Literal["subscriber", "spouse", "domestic_partner", "child"]
PartMonthRule = Literal["full_month", "wash", "daily"]
CobraEvent = Literal["termination", "disability", "dependent_event"]
CardReason = Literal["new", "lost", "name_change", "plan_change"]
Tier = Literal["EMP", "ESP", "ECH", "FAM"]

GROUP_SEGMENTS: frozenset[Segment] = frozenset({"large_group", "small_group", "ffs"})
HOUSEHOLD = "household"
"""The one subgroup of an individual account: made when it opens, never named by senders."""


# ── Values shared by commands, events and state ────────────────────────────────────────────────


class PersonName(Struct, frozen=True, omit_defaults=True):
    """A person's name."""

    first: PersonalText
    last: PersonalText
    middle: PersonalText | None = None


class Address(Struct, frozen=True, omit_defaults=True):
    """A postal address in the United States."""

    line1: PersonalText
    city: PersonalText
    state: PersonalText
    zip: PersonalText
    line2: PersonalText | None = None


class ContactPoints(Struct, frozen=True, omit_defaults=True):
    """How a member is reached."""

    email: PersonalText | None = None
    phone: PersonalText | None = None


class Rate(Struct, frozen=True, omit_defaults=True):
    """What a plan costs in a plan year, in cents a month: by member, or by tier (large group)."""

    base_cents: int | None = None
    """For age 21 in the client's rating area."""
    tier_cents: dict[Tier, int] | None = None


class Share(Struct, frozen=True):
    """A payee's share of the commission, in hundredths of a percent; shares add up to 10,000."""

    payee_id: str
    basis_points: int


class Band(Struct, frozen=True):
    """A band of graded terms: the percent on premium posted in the year up to a bound."""

    percent: str
    """A decimal, such as "4" or "2.5"."""
    up_to_cents: int | None = None
    """None in the last band."""


class CommissionTerms(Struct, frozen=True, omit_defaults=True):
    """How commission is computed for coverage months from ``first_month`` on (handbook §6)."""

    kind: Literal["percent", "pmpm", "graded"]
    percent: str | None = None
    pmpm_cents: int | None = None
    bands: tuple[Band, ...] = ()


# ── Timelines: each entry holds from its first day until the next entry ────────────────────────


class PlanFrom(Struct, frozen=True):
    """The family's plan from a day on."""

    first_day: date
    plan_id: str
    transaction_id: str


class DivisionFrom(Struct, frozen=True):
    """The family's subgroup from a day on."""

    first_day: date
    subgroup_id: str
    transaction_id: str


class RateFrom(Struct, frozen=True):
    """A plan's rate from a day on (the start of coverage, or of a plan year)."""

    first_day: date
    rate: Rate
    transaction_id: str


class AgentFrom(Struct, frozen=True, omit_defaults=True):
    """The agent of record from the 1st of a month on."""

    first_day: date
    producer_id: str
    agency_id: str
    payee: Literal["agency", "producer"]
    shares: tuple[Share, ...]
    licence_number: str
    transaction_id: str


class TermsFrom(Struct, frozen=True):
    """Commission terms from the 1st of a month on."""

    first_day: date
    terms: CommissionTerms
    transaction_id: str


class Offer(Struct, frozen=True, omit_defaults=True):
    """A plan may be chosen in a subgroup on these days."""

    first_day: date
    last_day: date | None
    transaction_id: str


class Plan(Struct):
    """A plan this client has been offered, with its rates."""

    plan_id: str
    name: str
    rates: list[RateFrom]
    offers: dict[str, list[Offer]] = field(default_factory=dict)
    """By subgroup id."""


class Subgroup(Struct, frozen=True):
    """A billing and reporting part of a group."""

    subgroup_id: str
    name: str
    effective_on: date
    transaction_id: str


# ── Families ───────────────────────────────────────────────────────────────────────────────────


class Ending(Struct, frozen=True, omit_defaults=True):
    """A reason why a period of coverage ends on a day at the latest; the earliest one counts."""

    transaction_id: str
    last_day: date
    """For a removal before the period's first day: it is cancelled from inception."""
    kind: Literal["removal", "cobra_limit", "succession"] = "removal"
    """A removal can be undone. COBRA has a longest duration. A new period ends the one before."""
    removed_id: str | None = None
    """Whose removal it was: the member's own, or their subscriber's."""


class Period(Struct, frozen=True, omit_defaults=True):
    """Coverage of a member, last day included; open-ended while ``last_day`` is None."""

    first_day: date
    began_by: str
    """The transaction that began it."""
    last_day: date | None = None
    """The earliest of its endings, the age limit and the client's termination."""
    ended_by: str | None = None
    """The transaction that set ``last_day``; None for an end that age alone sets."""
    age_out: bool = False
    """``last_day`` is the child's age limit, and moves with a corrected birth date (§3)."""
    endings: tuple[Ending, ...] = ()
    """Everything that ends it, in the order recorded, so that a removal can be undone exactly."""
    age_limit: date | None = None
    """The last day that a child's age allows."""
    subscriber_id: str | None = None
    """Whose family it was in, if that is not the member's present one …"""
    relationship: Relationship | None = None
    """… and what the member was to the subscriber then."""


class CardOrder(Struct, frozen=True):
    """An ID card ordered and not yet confirmed as mailed."""

    transaction_id: str
    reason: CardReason
    ordered_on: date


class Member(Struct):
    """A subscriber or dependent, with every period of coverage they had here."""

    member_id: str
    subscriber_id: str
    relationship: Relationship
    name: PersonName
    birth_date: PersonalDate
    periods: list[Period] = field(default_factory=list)
    """In order of first days, never overlapping. One belongs to the member's present family unless
    it names another (``coverage.periods_in``)."""
    cancelled: list[Period] = field(default_factory=list)
    """Cancelled from inception: no coverage, unless what cancelled them is undone."""
    reinstated_from: date | None = None
    """The day of the last reinstatement, while nothing has ended the coverage since."""
    address: Address | None = None
    """A dependent's own address; None means the subscriber's."""
    contact: ContactPoints | None = None
    open_card: CardOrder | None = None
    card_offer: CardReason | None = None
    """A change has made a new card due; cleared when one is ordered."""
    card_mailed_on: date | None = None
    """When the last card ordered was confirmed as mailed."""
    name_from: date | None = None
    """From when the name holds, once it was changed; likewise address and contact."""
    address_from: date | None = None
    contact_from: date | None = None


class Cobra(Struct, frozen=True):
    """Continuation at 102 %, for at most the months its event allows."""

    event: CobraEvent
    first_day: date
    last_day: date
    transaction_id: str


class Family(Struct):
    """A subscriber with dependents: the unit in which plan, division and removal move."""

    subscriber_id: str
    member_ids: list[str]
    """The subscriber first, then dependents in the order they joined."""
    plans: list[PlanFrom] = field(default_factory=list)
    divisions: list[DivisionFrom] = field(default_factory=list)
    cobra: list[Cobra] = field(default_factory=list)


class ApprovedException(Struct, frozen=True):
    """Carrier staff allowed one change past its time limit, with a reason."""

    transaction_type: str
    effective_on: date
    transaction_id: str
    reason: str


# ── The client ─────────────────────────────────────────────────────────────────────────────────


class Client(Struct):
    """An account and all that its decisions and its premium depend on.

    ``version`` counts the events folded in. Before ``client_opened`` it is an empty shell
    (``is_open`` false): a history may begin with refusals.
    """

    client_id: str
    version: int = 0
    position: int = 0
    """The log position of the newest event folded in; kept by the loader, unknown to ``decide``."""
    last_received_at: Instant | None = None

    is_open: bool = False
    name: PersonalText = ""
    segment: Segment = "small_group"
    state: str = "CT"
    rating_area: int = 1
    part_month_rule: PartMonthRule = "full_month"
    effective_on: date = date.min
    full_time_employees: str | None = None
    """Average full-time employees of the prior calendar year, a decimal (groups)."""
    part_time_hours: str | None = None
    """Average part-time hours of a month of the prior calendar year, a decimal (groups)."""
    account_manager: str | None = None
    terminated_on: date | None = None
    """The last covered day of everyone, once terminated."""
    terminated_by: str | None = None
    """The transaction that set ``terminated_on``."""

    plan_years: list[date] = field(default_factory=list)
    """First days of plan years: the effective date, then each renewal."""
    subgroups: dict[str, Subgroup] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    agents: list[AgentFrom] = field(default_factory=list)
    terms: list[TermsFrom] = field(default_factory=list)
    members: dict[str, Member] = field(default_factory=dict)
    families: dict[str, Family] = field(default_factory=dict)
    exceptions: dict[str, list[ApprovedException]] = field(default_factory=dict)
    """By member id; an exception is spent by the change it allows."""
    account: Account = field(default_factory=Account)
    """What was billed, paid and posted."""

    @property
    def is_group(self) -> bool:
        """An employer group, as opposed to an individual account."""
        return self.segment in GROUP_SEGMENTS

    def family_of(self, member_id: str) -> Family:
        """The family of a member who is known here."""
        return self.families[self.members[member_id].subscriber_id]
