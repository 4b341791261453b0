"""Which kind of rate a client's plans carry (handbook §4)."""

from __future__ import annotations

from domain.client.inputs import RateIn
from domain.client.state import Client, Rate
from domain.kernel import Refusal

RATE_KIND_WRONG = Refusal(
    "rate_kind_wrong",
    "Plan {plan_id} needs {needed}: a large group pays by tier, everyone else by member.",
)


def fitting_rate(client: Client, plan_id: str, rate: RateIn) -> Rate:
    """The rate as it is kept; refused unless it is of the kind that the segment pays by."""
    by_tier = client.segment == "large_group"
    if by_tier != (rate.tiers is not None):
        needed = "a premium for each tier" if by_tier else "a base rate"
        raise RATE_KIND_WRONG.because(plan_id=plan_id, needed=needed)
    return rate.value()
