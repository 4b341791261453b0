"""Open a client: "This employer, or this person, is with us from that date."

An employer group states its size, and its segment must agree with it; an individual account has
one household in place of subgroups (handbook §2). A group that CBIA still administers is opened as
well, with its effective date and its latest plan year's start: it becomes ours at a renewal.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from domain.client.account_days import BEFORE_CLIENT_EFFECTIVE, require_first_of_month
from domain.client.inputs import CountText, Day, Label, StateCode, plain
from domain.client.segments import agrees_with_size, full_time_equivalents
from domain.client.state import HOUSEHOLD, Client, PartMonthRule, Segment, Subgroup
from domain.kernel import Cause, Command, Context, Event, Refusal
from domain.types import PersonalText

CLIENT_EXISTS = Refusal("client_exists", "There is a client of this id already, with other facts.")
SEGMENT_DISAGREES_WITH_SIZE = Refusal(
    "segment_disagrees_with_size",
    "Segment {segment} does not agree with {size}: 50 full-time equivalents or fewer are a small"
    " group, 51 or more a large one, and an individual account has none.",
)
RATING_AREA_UNKNOWN = Refusal(
    "rating_area_unknown",
    "Name one of Connecticut's eight counties, or in another state the number of its rating area.",
)

RATING_AREAS = {
    "Fairfield": 1,
    "Hartford": 2,
    "Litchfield": 3,
    "Middlesex": 4,
    "New Haven": 5,
    "New London": 6,
    "Tolland": 7,
    "Windham": 8,
}
"""Connecticut's rating areas by county (handbook §4)."""


class ClientOpened(Event, frozen=True, kw_only=True):
    """A client's history begins."""

    type: ClassVar[str] = "client_opened"
    name: PersonalText
    segment: Segment
    state: str
    rating_area: int
    part_month_rule: PartMonthRule
    effective_on: date
    plan_year_start: date | None = None
    """The latest renewal, of a group that has been a client for longer than our history."""
    full_time_employees: str | None = None
    part_time_hours: str | None = None
    account_manager: str | None = None

    def evolve(self, client: Client, cause: Cause) -> None:
        client.is_open = True
        client.name = self.name
        client.segment = self.segment
        client.state = self.state
        client.rating_area = self.rating_area
        client.part_month_rule = self.part_month_rule
        client.effective_on = self.effective_on
        client.full_time_employees = self.full_time_employees
        client.part_time_hours = self.part_time_hours
        client.account_manager = self.account_manager
        client.plan_years = [self.effective_on]
        if self.plan_year_start is not None:
            client.plan_years.append(self.plan_year_start)
        if not client.is_group:
            client.subgroups[HOUSEHOLD] = Subgroup(
                HOUSEHOLD, "Household", self.effective_on, cause.transaction_id
            )

    def takes_effect_on(self) -> date:
        return self.effective_on


class OpenClient(Command):
    """Open a client."""

    sent_by: ClassVar = "carrier"
    title: ClassVar = "Open a client"
    example: ClassVar = {
        "type": "open_client",
        "name": "Harbor Bakery",
        "segment": "small_group",
        "state": "CT",
        "county": "New London",
        "part_month_rule": "wash",
        "effective_on": "2026-01-01",
        "full_time_employees": "7",
        "part_time_hours": "260",
    }

    type: Literal["open_client"] = "open_client"
    name: PersonalText
    segment: Segment
    state: StateCode = "CT"
    county: Label | None = None
    """In Connecticut, where it decides the rating area."""
    rating_area: Annotated[int, Field(ge=1, le=99)] | None = None
    """In other states."""
    part_month_rule: PartMonthRule
    effective_on: Day
    plan_year_start: Day | None = None
    """The latest renewal, if it is not the effective date."""
    full_time_employees: CountText | None = None
    """Groups: the average of the prior calendar year."""
    part_time_hours: CountText | None = None
    """Groups: the average of a month of the prior calendar year."""
    account_manager: Label | None = None

    def decide(self, client: Client, context: Context) -> list[Event]:
        self._check_size()
        self._check_plan_year()
        opened = self._opened()
        if not client.is_open:
            return [opened]
        if opened != _as_opened(client, opened.plan_year_start):
            raise CLIENT_EXISTS.because()
        return []

    def _opened(self) -> ClientOpened:
        return ClientOpened(
            name=self.name,
            segment=self.segment,
            state=self.state,
            rating_area=self._rating_area(),
            part_month_rule=self.part_month_rule,
            effective_on=self.effective_on,
            plan_year_start=(
                self.plan_year_start if self.plan_year_start != self.effective_on else None
            ),
            full_time_employees=self.full_time_employees and plain(self.full_time_employees),
            part_time_hours=self.part_time_hours and plain(self.part_time_hours),
            account_manager=self.account_manager,
        )

    def _check_size(self) -> None:
        if agrees_with_size(self.segment, self.full_time_employees, self.part_time_hours):
            return
        if self.full_time_employees is None or self.part_time_hours is None:
            size = "a size that is not stated in full"
        else:
            number = full_time_equivalents(self.full_time_employees, self.part_time_hours)
            size = f"{number} full-time equivalents"
        raise SEGMENT_DISAGREES_WITH_SIZE.because(segment=self.segment, size=size)

    def _check_plan_year(self) -> None:
        if self.plan_year_start is None or self.plan_year_start == self.effective_on:
            return
        require_first_of_month(self.plan_year_start)
        if self.plan_year_start < self.effective_on:
            raise BEFORE_CLIENT_EFFECTIVE.because(
                day=self.plan_year_start, effective_on=self.effective_on
            )

    def _rating_area(self) -> int:
        if self.state == "CT" and self.county in RATING_AREAS and self.rating_area is None:
            return RATING_AREAS[self.county]
        if self.state != "CT" and self.county is None and self.rating_area is not None:
            return self.rating_area
        raise RATING_AREA_UNKNOWN.because()


def _as_opened(client: Client, plan_year_start: date | None) -> ClientOpened:
    """The event that would open the client as it is, if that plan year is one of its own."""
    return ClientOpened(
        name=client.name,
        segment=client.segment,
        state=client.state,
        rating_area=client.rating_area,
        part_month_rule=client.part_month_rule,
        effective_on=client.effective_on,
        plan_year_start=plan_year_start if plan_year_start in client.plan_years else None,
        full_time_employees=client.full_time_employees,
        part_time_hours=client.part_time_hours,
        account_manager=client.account_manager,
    )
