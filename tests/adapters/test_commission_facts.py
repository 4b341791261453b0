"""What a commission run reads off the projections, on PostgreSQL: who is to settle, who to pay."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from processors.commission_run import PayeeToPay
from tests.adapters.commission_house import AGENCY, HARBOR, House, house, instant, open_harbor

JANUARY, FEBRUARY, MARCH, APRIL = (date(2026, month, 1) for month in range(1, 5))


@pytest.fixture
def paid(database_url: str) -> Iterator[House]:
    """Harbor Bakery has paid January and February, each on its 1st."""
    with house(database_url) as opened:
        open_harbor(opened)
        opened.bill("2026-01-01", "2025-12-15")
        opened.pay("5107.68", "2026-01-01")
        opened.bill("2026-02-01", "2026-01-15")
        opened.pay("5107.68", "2026-02-01")
        yield opened


def _to_settle(house: House, month: date, after: str = "") -> list[str]:
    return list(house.reads.clients_to_settle(month, after, 10))


def _to_pay(house: House, month: date, through: int | None = None) -> list[PayeeToPay]:
    through = house.services.log.head() if through is None else through
    return list(house.reads.payees_to_pay(month, through, "", 10))


def _settle(house: House, month: str, on: str) -> int:
    """Settled by hand; the position of that."""
    body = {"type": "settle_commission", "statement_month": month}
    return house.send(HARBOR, body, instant(on)).position


def test_who_has_postings_before_the_month_is_to_be_settled_once(paid: House) -> None:
    """Not for postings dated in the month or later, and not for a month before the settled one."""
    assert _to_settle(paid, JANUARY) == []
    assert _to_settle(paid, FEBRUARY) == [HARBOR]
    assert _to_settle(paid, FEBRUARY, after=HARBOR) == []
    _settle(paid, "2026-02-01", "2026-02-05")
    assert _to_settle(paid, FEBRUARY) == []
    assert _to_settle(paid, MARCH) == [HARBOR], "what was posted on 1 February"
    _settle(paid, "2026-03-01", "2026-03-05")
    assert _to_settle(paid, MARCH) == []
    paid.bill("2026-03-01", "2026-03-06")
    paid.pay("5107.68", "2026-01-20", received_on="2026-03-07")
    assert _to_settle(paid, FEBRUARY) == [], "that month is over: it is settled for March"
    assert _to_settle(paid, MARCH) == [HARBOR]


def test_a_payee_is_to_be_paid_for_lines_on_no_statement(paid: House) -> None:
    """Up to the position asked for; until it has the month's statement, or a later one."""
    settled = _settle(paid, "2026-02-01", "2026-02-05")
    expected = [PayeeToPay(AGENCY, 0, 1, 20431)]
    assert _to_pay(paid, FEBRUARY) == _to_pay(paid, MARCH) == expected
    assert _to_pay(paid, FEBRUARY, settled - 1) == []
    paid.run("2026-02-01", "2026-02-05")
    assert _to_pay(paid, MARCH) == []
    _settle(paid, "2026-03-01", "2026-03-05")
    assert _to_pay(paid, FEBRUARY) == []
    assert [payee.lines_cents for payee in _to_pay(paid, MARCH)] == [20431]


def test_a_payee_with_a_line_of_a_later_month_waits_for_that_ones_run(paid: House) -> None:
    """A statement of February does not pay what was posted in February."""
    _settle(paid, "2026-02-01", "2026-02-05")
    _settle(paid, "2026-03-01", "2026-03-05")
    assert _to_pay(paid, FEBRUARY) == []
    assert _to_pay(paid, MARCH) == [PayeeToPay(AGENCY, 0, 2, 40862)]
    assert paid.run("2026-02-01", "2026-03-05").tally.counts == {}
    assert paid.run("2026-03-01", "2026-03-05").tally.counts == {"statements": 1}
