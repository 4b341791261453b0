"""Projections over random histories: batches must not matter, and no row may be stale."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.book_of_business import BookOfBusiness
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
from projections.catalog import PROJECTIONS
from projections.kernel import Projection, Scope
from projections.transactions import TransactionRow, Transactions
from schemas.envelope import Recorded
from tests.projections.histories import History, Rows, project, rows_of
from tests.projections.random_histories import histories


def everything(history: History) -> Rows:
    """The book of business derived from the clients alone, every scope there may be."""
    scopes: list[Scope] = []
    for client_id, client in history.clients.items():
        scopes += [(ClientRow, (client_id,)), (AgentRow, (client_id,))]
        scopes += [(SubgroupRow, (client_id, subgroup_id)) for subgroup_id in client.subgroups]
        scopes += [(table, (client_id, p)) for table in (OfferRow, RateRow) for p in client.plans]
        scopes += [(t, (client_id, m)) for t in (MemberRow, CoverageRow) for m in client.members]
        scopes += [(PremiumRow, (client_id, family)) for family in client.families]
    table: Rows = {}
    for scope in scopes:
        client = history.clients[scope[1][0]]
        rows = BookOfBusiness().rows(client, scope, history.events[-1])
        if rows:
            table[scope] = rows
    return table


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
@settings(max_examples=60, deadline=None)
@given(history=histories(), data=st.data())
def test_i4_any_batches_of_the_same_events_give_the_same_rows(
    projection: Projection, history: History, data: st.DataObject
) -> None:
    """One event at a time, all at once, or in between: the rows are those of a fresh replay."""
    sizes = data.draw(st.lists(st.integers(1, 9), max_size=20))
    at_once = project(projection, history.events)
    assert project(projection, history.events, sizes) == at_once
    assert project(projection, history.events, [1] * len(history.events)) == at_once


@settings(max_examples=150, deadline=None)
@given(history=histories())
def test_no_row_of_the_book_is_stale(history: History) -> None:
    """What events touch is enough: the rows are those derived from the final clients at once."""
    assert project(BookOfBusiness(), history.events, [1] * len(history.events)) == everything(
        history
    )


@settings(max_examples=60, deadline=None)
@given(history=histories())
def test_a_transaction_holds_from_the_first_date_that_its_events_name(history: History) -> None:
    """As its receipt says; and its position and version are those of its last event."""
    events: dict[str, list[Recorded]] = {}
    for recorded in history.events:
        events.setdefault(recorded.cause.transaction_id, []).append(recorded)
    rows = rows_of(project(Transactions(), history.events), TransactionRow)
    assert {row.transaction_id for row in rows} == events.keys()
    for row in rows:
        caused = events[row.transaction_id]
        days = [day for r in caused if (day := r.event.takes_effect_on())]
        assert row.takes_effect_on == (days[0] if days else None)
        assert (row.position, row.client_version) == (caused[-1].position, caused[-1].version)
