"""Set commission terms: "For coverage months from then on, this client pays so much commission."

Terms hold from the 1st of a month that is not before the month of receipt: a percent of posted
premium, dollars for each subscriber and month, or percents by band of the year's premium
(handbook §6).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from domain.client.account_days import require_first_of_month, require_not_terminated
from domain.client.inputs import Day, Input, MoneyText, PercentText, cents, plain
from domain.client.state import Band, Client, CommissionTerms, TermsFrom
from domain.client.timeline import changes_after, in_force, set_from
from domain.client.timeliness import require_not_too_far_ahead
from domain.dates import first_of_month
from domain.kernel import Cause, Command, Context, Event, Refusal

TERMS_BACKDATED = Refusal(
    "terms_backdated",
    "Terms received on {received_on} hold from {earliest} at the earliest, not from {day}.",
)


class CommissionTermsSet(Event, frozen=True, kw_only=True):
    """Commission of coverage months from the first day on is computed by these terms."""

    type: ClassVar[str] = "commission_terms_set"
    first_day: date
    terms: CommissionTerms

    def evolve(self, client: Client, cause: Cause) -> None:
        set_from(client.terms, TermsFrom(self.first_day, self.terms, cause.transaction_id))

    def takes_effect_on(self) -> date:
        return self.first_day


class BandIn(Input):
    """A percent on what is posted in the calendar year up to an amount; the last has no end."""

    percent: PercentText
    up_to: MoneyText | None = None


class TermsIn(Input):
    """How commission is computed: exactly what its kind needs."""

    kind: Literal["percent", "pmpm", "graded"]
    percent: PercentText | None = None
    pmpm: MoneyText | None = None
    bands: Annotated[tuple[BandIn, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _what_the_kind_needs(self) -> Self:
        given = (self.percent is not None, self.pmpm is not None, bool(self.bands))
        if given != (self.kind == "percent", self.kind == "pmpm", self.kind == "graded"):
            raise ValueError("terms have percent, pmpm or bands: the one that their kind names")
        bounds = [None if band.up_to is None else cents(band.up_to) for band in self.bands]
        inner = [bound or 0 for bound in bounds[:-1]]
        if bounds and (bounds[-1] is not None or sorted({0, *inner}) != [0, *inner]):
            raise ValueError("bands rise in their bounds, and the last one has none")
        return self

    def value(self) -> CommissionTerms:
        """The terms as they are kept."""
        return CommissionTerms(
            kind=self.kind,
            percent=None if self.percent is None else plain(self.percent),
            pmpm_cents=None if self.pmpm is None else cents(self.pmpm),
            bands=tuple(
                Band(plain(band.percent), None if band.up_to is None else cents(band.up_to))
                for band in self.bands
            ),
        )


class SetCommissionTerms(Command):
    """Set the commission terms of a client."""

    sent_by: ClassVar = "carrier"
    title: ClassVar = "Set commission terms"
    example: ClassVar = {
        "type": "set_commission_terms",
        "effective_on": "2026-04-01",
        "terms": {"kind": "percent", "percent": "4"},
    }

    type: Literal["set_commission_terms"] = "set_commission_terms"
    effective_on: Day
    terms: TermsIn

    def decide(self, client: Client, context: Context) -> list[Event]:
        require_first_of_month(self.effective_on)
        terms = self.terms.value()
        current = in_force(client.terms, self.effective_on)
        later = changes_after(client.terms, self.effective_on)
        if current is not None and current.terms == terms and not later:
            return []
        earliest = first_of_month(context.received_on)
        if self.effective_on < earliest:
            raise TERMS_BACKDATED.because(
                received_on=context.received_on, earliest=earliest, day=self.effective_on
            )
        require_not_terminated(client, self.effective_on)
        require_not_too_far_ahead(context, self.effective_on)
        return [CommissionTermsSet(first_day=self.effective_on, terms=terms)]
