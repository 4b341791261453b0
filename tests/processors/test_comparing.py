"""What changed between two knowings, and what made it so."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.comparing import Difference, compared
from processors.differences import differences
from projections.book_of_business import BookOfBusiness
from projections.invoices import Invoices
from projections.kernel import Row
from schemas.envelope import Recorded
from tests.processors.test_knowing import had, log_of
from tests.projections.histories import History
from tests.projections.random_histories import histories

BOTH = [BookOfBusiness(), Invoices()]


def rows_at(events: list[Recorded], client_id: str) -> set[Row]:
    """The rows that these events make."""
    return {row for projection in BOTH for row in had(projection, events, client_id)}


@settings(deadline=None, max_examples=60)
@given(history=histories(), shares=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_what_differs_is_what_the_rows_of_both_moments_say(
    history: History, shares: tuple[float, float]
) -> None:
    """Whatever happened in between; and each difference has a cause that was in between."""
    earlier, later = sorted(round(share * len(history.events)) for share in shares)
    log = log_of(history)
    for client_id in history.clients:
        before, after = (
            [e for e in history.events[:position] if e.client_id == client_id]
            for position in (earlier, later)
        )
        found = compared(log, BOTH, client_id, len(before), len(after))
        rows = rows_at(before, client_id), rows_at(after, client_id)
        assert [each.change for each in found] == differences(*rows)
        for each in found:
            assert each.causes
            assert all(len(before) < cause.version <= len(after) for cause in each.causes)


@settings(deadline=None, max_examples=10)
@given(history=histories())
def test_without_its_last_cause_a_row_would_not_be_what_it_is(history: History) -> None:
    """The row differs between just before that transaction and just after it."""
    log = log_of(history)
    for client_id, client in history.clients.items():
        for each in compared(log, BOTH, client_id, 0, client.version):
            first = each.causes[-1]
            last = first.version + first.cause.count - 1
            made = compared(log, BOTH, client_id, first.version - 1, last)
            assert each.change.key in [other.change.key for other in made]


@settings(deadline=None, max_examples=10)
@given(history=histories())
def test_the_causes_of_a_row_are_the_transactions_that_changed_it(history: History) -> None:
    """Each of them, in order, also where its change was taken back later."""
    log = log_of(history)
    for client_id in history.clients:
        changed_by = defaultdict[tuple[str, tuple[object, ...]], list[str]](list)
        first, version = 1, 0
        for recorded in (e for e in history.events if e.client_id == client_id):
            version = recorded.version
            if recorded.cause.index == recorded.cause.count:
                for each in compared(log, BOTH, client_id, first - 1, version):
                    changed_by[identity(each)].append(recorded.cause.transaction_id)
                first = version + 1
        for each in compared(log, BOTH, client_id, 0, version):
            causes = [cause.cause.transaction_id for cause in each.causes]
            assert causes == changed_by[identity(each)]


def identity(difference: Difference) -> tuple[str, tuple[object, ...]]:
    """The row that differs."""
    return difference.change.table, tuple(difference.change.key.values())
