"""Reads of commissions: statements to the cent, and nobody's but those who may see them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from adapters.outbound.billing_views import CommissionLineView
from adapters.outbound.commission_reads import PayeeNotFound, StatementNotFound
from adapters.outbound.paging import BadCursor
from tests.adapters.commission_house import (
    AGENCY,
    COLLEAGUE,
    PRINCIPAL,
    House,
    harbor_until_june,
    house,
    instant,
    open_harbor,
)

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)


@pytest.fixture(scope="module")
def harbor(module_database_url: str) -> Iterator[House]:
    """The worked example to June 2026."""
    with house(module_database_url) as opened:
        harbor_until_june(opened)
        yield opened


@pytest.fixture
def fresh(database_url: str) -> Iterator[House]:
    """A house that a test fills by itself."""
    with house(database_url) as opened:
        yield opened


def amounts(lines: list[CommissionLineView]) -> list[tuple[str, str, str]]:
    """Coverage month, premium posted and the payee's share."""
    return [(f"{line.coverage_month:%m}", line.posted, line.share) for line in lines]


# ── The worked example (§9) ────────────────────────────────────────────────────────────────────


def test_january_february_and_march_earn_204_31_each(harbor: House) -> None:
    """Each is on the statement of the month after, which says how it was paid."""
    for month in ("2026-02-01", "2026-03-01", "2026-04-01"):
        statement = harbor.statement(month)
        assert [line.share for line in statement.lines] == ["204.31"]
        summary = statement.summary
        assert (summary.lines_total, summary.paid) == ("204.31", "204.31")
        assert (summary.pay_by, summary.account_ending) == ("eft", "4417")


def test_the_statements_of_april_and_may_postings(harbor: House) -> None:
    """Line by line, in order of coverage month and day of the posting."""
    may = harbor.statement("2026-05-01")
    assert amounts(may.lines) == [
        ("02", "503.04", "20.12"),
        ("03", "503.04", "20.12"),
        ("04", "1993.92", "79.76"),
    ]
    june = harbor.statement("2026-06-01")
    assert amounts(june.lines) == [
        ("04", "3616.80", "144.67"),
        ("04", "-2293.44", "-91.74"),
        ("05", "5610.72", "224.43"),
        ("05", "-2293.44", "-91.74"),
        ("06", "3317.28", "132.69"),
    ]
    assert june.summary.paid == "318.31"
    assert [line.takes_back_from for line in june.lines] == [None, JUNE, None, JUNE, None]


def test_a_line_says_all_but_people(harbor: House) -> None:
    """The client by name, the rate, and the transactions to explain it by."""
    line = harbor.statement("2026-05-01").lines[0]
    assert (line.client_id, line.client_name) == ("harbor-bakery", "Harbor Bakery")
    assert (line.rate, line.commission, line.number) == ("4 %", "20.12", 1)
    assert line.posting != line.transaction_id


def test_lines_come_in_pages(harbor: House) -> None:
    """Page after page they are the same lines as all at once."""
    found: list[CommissionLineView] = []
    cursor = None
    while True:
        page = harbor.reads.statement(AGENCY, JUNE, None, cursor=cursor, limit=2)
        found += page.lines
        cursor = page.next
        if cursor is None:
            break
    assert found == harbor.statement("2026-06-01").lines


def test_statements_are_listed_newest_first_in_pages(harbor: House) -> None:
    """Each page begins after the one before."""
    first = harbor.reads.statements(AGENCY, None, None, 3)
    second = harbor.reads.statements(AGENCY, None, first.next, 3)
    months = [item.month.month for item in (*first.items, *second.items)]
    assert months == [6, 5, 4, 3, 2]
    assert second.next is None


def test_totals_of_a_year(harbor: House) -> None:
    """What the statements of 2026 came to."""
    (total,) = harbor.reads.yearly_totals(AGENCY, None).items
    assert (total.year, total.statements, total.paid) == (2026, 5, "1051.24")


def test_a_payee_says_how_it_is_paid(harbor: House) -> None:
    """And that nothing waits for the next statement."""
    payee = harbor.reads.payee(AGENCY, PRINCIPAL)
    assert (payee.kind, payee.principal_id, payee.pay_by) == ("agency", PRINCIPAL, "eft")
    assert (payee.latest_statement, payee.unpaid_lines, payee.unpaid) == (JUNE, 0, "0.00")
    assert harbor.reads.payees().items == [payee]
    assert harbor.reads.payees(limit=1).next is None


def test_a_cursor_of_something_else_is_refused(harbor: House) -> None:
    """Whatever it holds."""
    lines = harbor.reads.statement(AGENCY, JUNE, None, limit=1).next
    statements = harbor.reads.statements(AGENCY, None, None, 1).next
    with pytest.raises(BadCursor):
        harbor.reads.statement(AGENCY, JUNE, None, cursor=statements)
    with pytest.raises(BadCursor):
        harbor.reads.statements(AGENCY, None, lines)


# ── Who may see what (§6) ──────────────────────────────────────────────────────────────────────


def can_see(house: House, viewer: str | None, payee_id: str = AGENCY) -> bool:
    """Whether a producer sees a payee; every read must agree on it."""
    reads, month = house.reads, date(2026, 2, 1)
    answers = set()
    for read in (
        lambda: reads.payee(payee_id, viewer),
        lambda: reads.statements(payee_id, viewer),
        lambda: reads.statement(payee_id, month, viewer),
        lambda: reads.yearly_totals(payee_id, viewer),
    ):
        try:
            read()
            answers.add(True)
        except PayeeNotFound:
            answers.add(False)
    (answer,) = answers
    return answer


def paid_in_january(house: House) -> None:
    """Harbor Bakery's January, and its statement."""
    open_harbor(house)
    house.bill("2026-01-01", "2025-12-15")
    house.pay("5107.68", "2026-01-01")
    house.run("2026-02-01", "2026-02-05")


def register(house: House, principal_id: str, on: str) -> None:
    """The agency is registered under a principal."""
    body = {"type": "register_payee", "kind": "agency", "principal_id": principal_id}
    house.to_payee(AGENCY, body | {"pay_by": "check"}, on)


def share(house: House, reader_id: str, on: str, *, allowed: bool = True) -> None:
    """The payee lets someone see its statements, or no longer."""
    body = {"type": "share_statements", "reader_id": reader_id, "allowed": allowed}
    house.to_payee(AGENCY, body, on)


def test_an_agencys_statements_are_its_principals(fresh: House) -> None:
    """Not those of another producer, also if it is the one who earned them; staff see all."""
    paid_in_january(fresh)
    register(fresh, "P-001", "2026-02-06")
    assert can_see(fresh, "P-001")
    assert can_see(fresh, None)
    assert not can_see(fresh, PRINCIPAL)
    assert not can_see(fresh, AGENCY)


def test_the_payee_lets_others_see(fresh: House) -> None:
    """Until it takes that back, or somebody else is the payee's principal."""
    paid_in_january(fresh)
    register(fresh, PRINCIPAL, "2026-02-06")
    assert not can_see(fresh, COLLEAGUE)
    share(fresh, COLLEAGUE, "2026-02-07")
    share(fresh, "P-118", "2026-02-07")
    assert can_see(fresh, COLLEAGUE)
    share(fresh, COLLEAGUE, "2026-02-08", allowed=False)
    assert not can_see(fresh, COLLEAGUE)
    assert fresh.reads.payee(AGENCY, None).readers == ["P-118"]


def test_a_new_principal_shuts_out_whom_the_former_let_in(fresh: House) -> None:
    """Also if the former comes back: then they have to be let in anew."""
    paid_in_january(fresh)
    register(fresh, PRINCIPAL, "2026-02-06")
    share(fresh, COLLEAGUE, "2026-02-07")
    register(fresh, "P-001", "2026-02-08")
    assert (can_see(fresh, PRINCIPAL), can_see(fresh, COLLEAGUE)) == (False, False)
    register(fresh, PRINCIPAL, "2026-02-09")
    assert (can_see(fresh, PRINCIPAL), can_see(fresh, COLLEAGUE)) == (True, False)
    share(fresh, COLLEAGUE, "2026-02-10")
    assert can_see(fresh, COLLEAGUE)


def test_a_change_of_account_shuts_nobody_out(fresh: House) -> None:
    """The principal is the same."""
    paid_in_january(fresh)
    register(fresh, PRINCIPAL, "2026-02-06")
    share(fresh, COLLEAGUE, "2026-02-07")
    body = {"type": "register_payee", "kind": "agency", "principal_id": PRINCIPAL}
    fresh.to_payee(AGENCY, body | {"pay_by": "eft", "account_ending": "1234"}, "2026-02-08")
    assert can_see(fresh, COLLEAGUE)
    assert fresh.statement("2026-02-01").summary.pay_by == "check"  # as it was paid


def test_an_agency_that_is_not_registered_is_seen_by_staff_only(fresh: House) -> None:
    """It is paid by check all the same; nobody can be known to be its principal."""
    paid_in_january(fresh)
    assert can_see(fresh, None)
    assert not can_see(fresh, PRINCIPAL)
    assert fresh.reads.payee(AGENCY, None).kind is None
    assert [payee.payee_id for payee in fresh.reads.payees().items] == [AGENCY]


def test_a_producer_paid_directly_sees_its_own(fresh: House) -> None:
    """And a former agent of record keeps own old statements."""
    open_harbor(fresh)
    fresh.bill("2026-01-01", "2025-12-15")
    assigned = {
        "type": "assign_agent_of_record",
        "producer_id": "P-300",
        "agency_id": "A-30",
        "licence_number": "1234567",
        "licensed_states": ["CT"],
        "appointed": True,
        "letter_received_on": "2025-12-16",
        "payee": "producer",
    }
    fresh.send("harbor-bakery", assigned, instant("2025-12-16"))
    fresh.pay("5107.68", "2026-01-01")
    fresh.send(
        "harbor-bakery",
        assigned | {"producer_id": "P-400", "letter_received_on": "2026-01-03"},
        instant("2026-01-03"),
    )
    fresh.run("2026-02-01", "2026-02-05")
    assert can_see(fresh, "P-300", "P-300")
    assert not can_see(fresh, "P-400", "P-300")
    assert fresh.statement("2026-02-01", "P-300").summary.paid == "204.31"


def test_there_is_no_such_payee_or_statement(harbor: House) -> None:
    """The one who may see the payee is told which of both is missing."""
    with pytest.raises(PayeeNotFound):
        harbor.reads.payee("A-99", None)
    with pytest.raises(PayeeNotFound):
        harbor.reads.statement("P-900", JUNE, "P-900")
    with pytest.raises(StatementNotFound):
        harbor.reads.statement(AGENCY, date(2026, 1, 1), PRINCIPAL)
