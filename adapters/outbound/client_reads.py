"""Reads of one client: its page, a member's page, its census. SQL over the book of business."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from psycopg.rows import DictRow

from adapters.outbound.reading import HOLDS, NotFound, Reading
from adapters.outbound.views import (
    AddressView,
    AdministrationView,
    AgentView,
    Census,
    ClientView,
    CoverageView,
    HeadCount,
    MemberView,
    OfferView,
    PlanView,
    PremiumView,
    RateView,
    RelativeView,
    SubgroupView,
    money,
)
from domain.client.administration import administered_by, billing_contact
from domain.client.state import Client
from domain.dates import first_of_month

_AGE_BANDS = (
    (0, "0–17"),
    (18, "18–25"),
    (26, "26–34"),
    (35, "35–44"),
    (45, "45–54"),
    (55, "55–64"),
    (65, "65 and over"),
)
"""From this age on, until the next band's."""


def read_client(conn: Reading, client_id: str, on: date) -> ClientView:
    """A client with its agents, subgroups, plans and rates. Raises ``NotFound``."""
    facts = {"client": client_id}
    row = conn.execute(_CLIENT, facts).fetchone()
    if row is None:
        raise NotFound
    administration = _administration(client_id, row, on)
    del row["administered_here_from"]
    agents = [AgentView(**agent) for agent in conn.execute(_AGENTS, facts)]
    return ClientView(
        **row,
        administration=administration,
        agent_of_record=next((agent for agent in agents if _holds(agent, on)), None),
        agents=agents,
        subgroups=[SubgroupView(**subgroup) for subgroup in conn.execute(_SUBGROUPS, facts)],
        plans=_plans(conn.execute(_OFFERS, facts), conn.execute(_RATES, facts)),
    )


def _holds(agent: AgentView, on: date) -> bool:
    return agent.first_day <= on and (agent.last_day is None or on <= agent.last_day)


def read_billing_contact(conn: Reading, client_id: str, on: date) -> tuple[str, str]:
    """A client's name, and whom to call about its bills (handbook §2). Raises ``NotFound``."""
    row = conn.execute(_CLIENT, {"client": client_id}).fetchone()
    if row is None:
        raise NotFound
    return row["name"], _administration(client_id, row, on).billing_contact


def _administration(client_id: str, row: DictRow, on: date) -> AdministrationView:
    """The domain's own words on who administers a client, asked with what they depend on."""
    here_from = row["administered_here_from"]
    client = Client(
        client_id=client_id,
        segment=row["segment"],
        effective_on=row["effective_on"],
        plan_years=[here_from] if here_from else [],
        account_manager=row["account_manager"],
    )
    administrator = administered_by(client, on)
    return AdministrationView(
        administered_by=administrator,
        administered_here=administrator == "here",
        billing_contact=billing_contact(client, on),
    )


def _plans(offers: Iterable[DictRow], rates: Iterable[DictRow]) -> list[PlanView]:
    plans: dict[str, PlanView] = {}
    for row in offers:
        plan_id = row.pop("plan_id")
        plan = PlanView(plan_id=plan_id, name=row.pop("plan_name"), offers=[], rates=[])
        plans.setdefault(plan_id, plan).offers.append(OfferView(**row))
    for row in rates:
        if plan_of_rate := plans.get(row["plan_id"]):
            plan_of_rate.rates.append(
                RateView(
                    first_day=row["first_day"],
                    tier=row["tier"] or None,
                    monthly=money(row["monthly_cents"]),
                )
            )
    return list(plans.values())


# ── A member ───────────────────────────────────────────────────────────────────────────────────


def read_member(conn: Reading, client_id: str, member_id: str, on: date) -> MemberView:
    """A member with coverage and this month's premium. Raises ``NotFound``."""
    facts: dict[str, Any] = {"client": client_id, "member": member_id, "month": first_of_month(on)}
    row = conn.execute(_MEMBER, facts).fetchone()
    if row is None:
        raise NotFound
    facts["subscriber"] = row["subscriber_id"]
    coverage = [CoverageView(**span) for span in conn.execute(_COVERAGE, facts)]
    family = [RelativeView(**relative) for relative in conn.execute(_FAMILY, facts)]
    premium = conn.execute(_PREMIUM, facts).fetchone()
    return MemberView(
        **{name: value for name, value in row.items() if name not in _ADDRESS},
        address=_address(row),
        coverage=coverage,
        premium=None if premium is None else _premium(premium),
        family=family,
    )


_ADDRESS = ("address_line1", "address_line2", "city", "state", "zip")


def _address(row: DictRow) -> AddressView | None:
    if row["address_line1"] is None:
        return None
    return AddressView(
        line1=row["address_line1"],
        line2=row["address_line2"],
        city=row["city"],
        state=row["state"],
        zip=row["zip"],
    )


def _premium(row: DictRow) -> PremiumView:
    return PremiumView(monthly=money(row.pop("monthly_cents")), **row)


# ── The census ─────────────────────────────────────────────────────────────────────────────────


def read_census(conn: Reading, client_id: str, on: date) -> Census:
    """Who is covered on the day, in numbers."""
    facts = {"client": client_id, "on": on, "month": first_of_month(on)}
    rows = conn.execute(_HEADS, facts).fetchall()
    tiers = conn.execute(_TIERS, facts).fetchall()
    return Census(
        client_id=client_id,
        on=on,
        subscribers=sum(row["heads"] for row in rows if row["relationship"] == "subscriber"),
        members=sum(row["heads"] for row in rows),
        by_subgroup=_counted(rows, lambda row: row["subgroup_id"]),
        by_plan=_counted(rows, lambda row: row["plan_id"]),
        by_relationship=_counted(rows, lambda row: row["relationship"]),
        by_tier=_counted(tiers, lambda row: row["tier"]),
        by_age=_by_age(rows),
    )


def _counted(rows: Sequence[DictRow], name_of: Callable[[DictRow], str]) -> list[HeadCount]:
    members: Counter[str] = Counter()
    subscribers: Counter[str] = Counter()
    for row in rows:
        members[name_of(row)] += row["heads"]
        if row["relationship"] == "subscriber":
            subscribers[name_of(row)] += row["heads"]
    return [
        HeadCount(name=name, subscribers=subscribers[name], members=members[name])
        for name in sorted(members)
    ]


def _by_age(rows: Sequence[DictRow]) -> list[HeadCount]:
    """Every band, also the empty ones, from young to old."""

    def band(row: DictRow) -> str:
        return next(name for first, name in reversed(_AGE_BANDS) if row["age"] >= first)

    counts = {count.name: count for count in _counted(rows, band)}
    empty = (HeadCount(name=name, subscribers=0, members=0) for _, name in _AGE_BANDS)
    return [counts.get(count.name, count) for count in empty]


# ── SQL ────────────────────────────────────────────────────────────────────────────────────────

_CLIENT = """
SELECT client_id, name, segment, is_group, state, rating_area, part_month_rule, effective_on,
       plan_year_start, administered_here_from, terminated_on, account_manager
FROM client WHERE client_id = %(client)s
"""
_AGENTS = """
SELECT producer_id, agency_id, payee, first_day, last_day
FROM agent WHERE client_id = %(client)s ORDER BY first_day
"""
_SUBGROUPS = """
SELECT subgroup_id, name, effective_on
FROM subgroup WHERE client_id = %(client)s ORDER BY subgroup_id
"""
_OFFERS = """
SELECT plan_id, plan_name, subgroup_id, first_day, last_day
FROM offer WHERE client_id = %(client)s
ORDER BY plan_id, subgroup_id, first_day
"""
_RATES = """
SELECT plan_id, first_day, tier, monthly_cents
FROM rate WHERE client_id = %(client)s ORDER BY plan_id, first_day, tier
"""
_MEMBER = """
SELECT client_id, member_id, subscriber_id, relationship, first_name, middle_name, last_name,
       birth_date, address_line1, address_line2, city, state, zip, email, phone, card_offer,
       card_ordered_on
FROM member WHERE client_id = %(client)s AND member_id = %(member)s
"""
_COVERAGE = """
SELECT first_day, last_day, plan_id, subgroup_id, subscriber_id, relationship, cobra_event
FROM coverage
WHERE client_id = %(client)s AND member_id = %(member)s ORDER BY first_day
"""
_FAMILY = """
SELECT member_id, relationship FROM member
WHERE client_id = %(client)s AND subscriber_id = %(subscriber)s AND member_id <> %(member)s
ORDER BY member_id
"""
_PREMIUM = """
SELECT monthly_cents, plan_id, subgroup_id, tier, first_month, last_month
FROM premium
WHERE client_id = %(client)s AND subscriber_id = %(subscriber)s AND member_id = %(member)s
  AND first_month <= %(month)s AND (last_month IS NULL OR last_month >= %(month)s)
"""
_HEADS = f"""
SELECT c.subgroup_id, c.plan_id, c.relationship,
       extract(year FROM age(%(on)s, m.birth_date))::int AS age, count(*) AS heads
FROM coverage c
JOIN member m USING (client_id, member_id)
WHERE c.client_id = %(client)s AND {HOLDS.format("c")}
GROUP BY 1, 2, 3, 4
"""
_TIERS = f"""
SELECT p.tier, c.relationship, count(*) AS heads
FROM coverage c
JOIN premium p
  ON p.client_id = c.client_id AND p.subscriber_id = c.subscriber_id AND p.tier IS NOT NULL
 AND p.first_month <= %(month)s AND (p.last_month IS NULL OR p.last_month >= %(month)s)
WHERE c.client_id = %(client)s AND {HOLDS.format("c")}
GROUP BY 1, 2
"""
