"""Who sells and what is sold: agencies, producers and plans of the made-up book."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from domain.client.state import Segment
from domain.kernel import Actor
from domain.money import dollars

PRODUCERS = 40
_PRODUCERS_AN_AGENCY = 4
_TIER_SHARES = {"EMP": 1.0, "ESP": 2.05, "ECH": 1.85, "FAM": 2.9}

CARRIER = Actor("simulated-carrier", "carrier", None, frozenset({"backfill"}))
"""Carrier staff: opens clients, imports first enrolments, confirms cards."""
EXCHANGE = Actor("simulated-exchange", "carrier", None, frozenset({"backfill", "exchange_feed"}))
"""The exchange's own feed: what it ends is ended (handbook §2)."""


@dataclass(frozen=True, slots=True)
class Producer:
    """A producer of an agency, who may be agent of record."""

    number: int

    @property
    def producer_id(self) -> str:
        """The producer's id."""
        return f"P-{self.number:03}"

    @property
    def agency_id(self) -> str:
        """The agency the producer works through."""
        return f"A-{self.number // _PRODUCERS_AN_AGENCY:02}"

    @property
    def is_paid_directly(self) -> bool:
        """Whether commission goes to the producer, not to the agency."""
        return self.number % 5 == 0

    @property
    def licence_number(self) -> str:
        """Nine digits, or seven that are padded (handbook §7)."""
        return str((100_000_000 if self.number % 3 else 0) + 1_234_500 + self.number)

    @property
    def portal(self) -> Actor:
        """The producer's portal, which speaks for them. It plays the past, so it may backfill."""
        sender = f"simulated-portal-{self.number % 3}"
        return Actor(sender, "portal", self.producer_id, frozenset({"backfill"}))


def a_producer(rng: Random, other_than: Producer | None = None) -> Producer:
    """Any producer but one."""
    while (chosen := Producer(rng.randrange(PRODUCERS))) == other_than:
        pass
    return chosen


def plans_for(rng: Random, segment: Segment) -> dict[str, int]:
    """The plans a client is offered, with what each costs for one person a month, in cents."""
    if segment == "large_group":
        return {
            "PPO-500": rng.randrange(72_000, 88_000, 100),
            "HDHP-3000": rng.randrange(52_000, 66_000, 100),
        }
    metals = {
        "BRONZE": rng.randrange(37_000, 43_000, 100),
        "SILVER": rng.randrange(45_000, 52_000, 100),
        "GOLD": rng.randrange(54_000, 63_000, 100),
    }
    if segment in ("solo", "exchange_direct", "exchange") or rng.random() < 0.4:
        return metals
    return {name: metals[name] for name in ("BRONZE", "SILVER")}


def rate_of(segment: Segment, cents: int) -> dict[str, Any]:
    """The rate as a transaction carries it: by tier for large groups, else a base rate (§4)."""
    if segment != "large_group":
        return {"base": dollars(cents)}
    return {"tiers": {t: dollars(round(cents * share)) for t, share in _TIER_SHARES.items()}}


def renewed(rng: Random, cents: int) -> int:
    """What the plan costs in the next plan year: some percent more."""
    return round(cents * rng.uniform(1.02, 1.09) / 100) * 100


def payees() -> Iterator[tuple[str, dict[str, Any]]]:
    """Whom the carrier pays: each agency, and the producers who are paid directly; registered how.

    An agency's first producer is its principal.
    """
    for number in range(PRODUCERS):
        producer = Producer(number)
        if number % _PRODUCERS_AN_AGENCY == 0:
            principal = {"kind": "agency", "principal_id": producer.producer_id}
            account = {"pay_by": "eft", "account_ending": f"{4000 + number}"}
            yield producer.agency_id, principal | account
        if producer.is_paid_directly:
            yield producer.producer_id, {"kind": "producer", "pay_by": "check"}
