"""Which rows a read of an earlier moment needs: the fewer are derived, the sooner it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date

from domain.client.coverage import people_of, period_on, subscriber_of
from domain.client.state import Client, Family
from domain.streams import Stream
from processors.knowing import Wanted
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
from projections.invoice_rows import (
    AccountRow,
    FundsRow,
    InvoiceLineRow,
    InvoiceRow,
    OpenChargeRow,
    PostingRow,
)
from projections.kernel import Row, Scope


def of_tables(*tables: type[Row]) -> Wanted:
    """All rows of these tables."""
    return lambda state: lambda scope: scope[0] in tables


OF_CLIENT = of_tables(ClientRow, AgentRow, SubgroupRow, OfferRow, RateRow)
OF_CENSUS = of_tables(ClientRow, MemberRow, CoverageRow, PremiumRow)
OF_BOOK = of_tables(ClientRow, AgentRow, CoverageRow)
OF_ACCOUNT = of_tables(ClientRow, AccountRow, InvoiceRow, FundsRow, PostingRow)
OF_OPEN_ITEMS = of_tables(ClientRow, MemberRow, OpenChargeRow)


def of_invoice(month: date) -> Wanted:
    """One invoice with its lines, and the names on them."""

    def is_wanted(scope: Scope) -> bool:
        table, values = scope
        if table is InvoiceLineRow:
            return bool(values[1] == month)
        return table in (ClientRow, MemberRow, InvoiceRow)

    return lambda state: is_wanted


def of_member(member_id: str) -> Wanted:
    """A member's own page: theirs, and who else is in the family."""

    def family(client: Client) -> Iterable[str]:
        member = client.members.get(member_id)
        return [member.subscriber_id] if member else []

    return _of_families(family)


def of_roster(on: date, after_subscriber: str, limit: int | None) -> Wanted:
    """A page of a roster: the families from one on, until so many are covered on the day."""

    def families(client: Client) -> Iterator[str]:
        covered = 0
        for subscriber_id in sorted(client.families):
            if subscriber_id < after_subscriber:
                continue
            yield subscriber_id
            # Of the first family, the page before may have shown anyone.
            if subscriber_id > after_subscriber:
                covered += _covered_in(client, client.families[subscriber_id], on)
            if limit is not None and covered > limit:
                return

    return _of_families(families)


def _covered_in(client: Client, family: Family, on: date) -> int:
    """How many lines of a roster a family has."""
    lines = 0
    for member in people_of(client, family):
        period = period_on(member, on)
        lines += period is not None and subscriber_of(member, period) == family.subscriber_id
    return lines


def _of_families(choose: Callable[[Client], Iterable[str]]) -> Wanted:
    """The client, and everything of the chosen families and their people."""

    def wanted(state: Stream) -> Callable[[Scope], bool]:
        assert isinstance(state, Client)
        families = set(choose(state))
        people = {each for family in families for each in state.families[family].member_ids}

        def is_wanted(scope: Scope) -> bool:
            table, (_, *ids) = scope
            if table is PremiumRow:
                return ids[0] in families
            if table in (MemberRow, CoverageRow):
                return ids[0] in people
            return table is ClientRow

        return is_wanted

    return wanted
