"""Which transactions are behind what a client's state does not say itself who made it."""

from __future__ import annotations

from datetime import date

from msgspec import Struct, field

from domain.client.add_dependent import DependentAdded
from domain.client.add_subscriber import SubscriberAdded
from domain.client.correct_birth_date import BirthDateCorrected
from domain.client.open_client import ClientOpened
from domain.client.reinstate_member import MemberReinstated
from domain.client.renew_client import ClientRenewed
from domain.kernel import Cause, Event


class Sources(Struct):
    """Filled from the client's events, one after the other, beside its state."""

    opened: str | None = None
    plan_years: dict[date, str] = field(default_factory=dict)
    """By first day."""
    births: dict[str, str] = field(default_factory=dict)
    """By member: who told the birth date that holds."""
    reinstated: dict[str, dict[date, str]] = field(default_factory=dict)
    """By member, and by the first day that was covered again."""

    def note(self, event: Event, cause: Cause) -> None:
        """Look at the next event."""
        by = cause.transaction_id
        match event:
            case ClientOpened():
                self.opened = self.plan_years[event.effective_on] = by
                if event.plan_year_start is not None:
                    self.plan_years[event.plan_year_start] = by
            case ClientRenewed():
                self.plan_years.setdefault(event.first_day, by)
            case SubscriberAdded() | DependentAdded():
                self.births.setdefault(event.member_id, by)  # who returns is known already
            case BirthDateCorrected():
                self.births[event.member_id] = by
            case MemberReinstated():
                for member_id in event.members():
                    self.reinstated.setdefault(member_id, {})[event.first_day] = by
            case _:
                pass
