"""Invoices and statements as PDF: the right figures, to the cent, and what they are of."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from reportlab.pdfbase.ttfonts import TTFontFile

from adapters.inbound.documents.invoice_pdf import invoice_pdf
from adapters.inbound.documents.statement_pdf import statement_pdf
from adapters.inbound.documents.wording import cents_of, usd
from adapters.outbound.billing_views import InvoiceView
from tests.adapters.commission_house import House, harbor_until_june, house
from tests.adapters.printed import (
    adjusted,
    charge,
    earned,
    family,
    figures,
    invoice,
    lines,
    statement,
)
from tests.adapters.served import HARBOR

TODAY = date(2026, 6, 10)
ADJUSTED = "Month Member Member id Plan Billed before Correct charge Adjustment"
REMOVED = "Subscriber removed, last day 2026-03-31, received 2026-05-10"
MOVED = "Plan changed, from 2026-04-01, received 2026-05-12"

FAMILY_1 = [
    "Fenika Crowquill 20260100001 Subscriber SILVER $598.08",
    "Halovan Crowquill 20260100002 Spouse SILVER $590.40",
    "Corola Crowquill 20260100003 Child SILVER $399.84",
    "Velryn Crowquill 20260100004 Child SILVER $367.20",
    "Tesimar Crowquill 20260100005 Child SILVER $367.20",
    "Kelika Crowquill 20260100006 Child SILVER $0.00 $2,322.72",
]
FAMILY_2 = [
    "Drauel Pemwicket 20260100007 Subscriber SILVER $491.52",
    "Belanor Pemwicket 20260100010 Spouse SILVER $503.04 $994.56",
]
FAMILY_3 = [
    "Lortavia Thornabey 20260100008 Subscriber SILVER $1,223.04",
    "Jordis Thornabey 20260100009 Spouse SILVER $1,070.40 $2,293.44",
]


@pytest.fixture(scope="module")
def harbor(module_database_url: str) -> Iterator[House]:
    """The worked example to June 2026."""
    with house(module_database_url) as opened:
        harbor_until_june(opened)
        yield opened


def of_harbor(harbor: House, month: int) -> InvoiceView:
    """The worked example's invoice of a month of 2026."""
    assert harbor.reads, "everything is applied"
    return harbor.services.invoices.invoice(HARBOR, date(2026, month, 1), None, TODAY)


# ── The worked example (§9) ────────────────────────────────────────────────────────────────────


def test_april_bills_a_spouse_for_february_and_march_too(harbor: House) -> None:
    """Every figure of the invoice, in the order in which they stand."""
    assert figures(invoice_pdf(of_harbor(harbor, 4), TODAY)) == [
        "Please pay by April 1, 2026. $6,616.80",
        "Prior balance $0.00",
        "Current charges, April 2026 $5,610.72",
        "Adjustments of earlier months $1,006.08",
        "Total $6,616.80",
        "Amount due $6,616.80",
        "Credit carried forward $0.00",
        *(*FAMILY_1, *FAMILY_2, *FAMILY_3),
        "Current charges, April 2026 $5,610.72",
        "Feb 2026 Belanor Pemwicket 20260100010 SILVER $0.00 $503.04 $503.04",
        "Mar 2026 Belanor Pemwicket 20260100010 SILVER $0.00 $503.04 $503.04",
        "Subtotal of this change $1,006.08",
        "Adjustments of earlier months $1,006.08",
    ]


def test_may_carries_what_april_left_open(harbor: House) -> None:
    """Every figure of the invoice, in the order in which they stand."""
    may = invoice_pdf(of_harbor(harbor, 5), TODAY)
    assert figures(may) == [
        "Please pay by May 1, 2026. $9,227.52",
        "Prior balance $3,616.80",
        "Current charges, May 2026 $5,610.72",
        "Adjustments of earlier months $0.00",
        "Total $9,227.52",
        "Amount due $9,227.52",
        "Credit carried forward $0.00",
        *(*FAMILY_1, *FAMILY_2, *FAMILY_3),
        "Current charges, May 2026 $5,610.72",
    ]
    assert "There are none." in lines(may)


def test_june_takes_back_what_was_paid_and_leaves_a_credit(harbor: House) -> None:
    """Every figure of the invoice; and nobody is asked to pay anything."""
    june = invoice_pdf(of_harbor(harbor, 6), TODAY)
    assert figures(june) == [
        "Nothing is to be paid. A credit of $1,269.60 is carried forward. $0.00",
        "Prior balance $0.00",
        "Current charges, June 2026 $3,317.28",
        "Adjustments of earlier months -$4,586.88",
        "Total -$1,269.60",
        "Amount due $0.00",
        "Credit carried forward $1,269.60",
        *(*FAMILY_1, *FAMILY_2),
        "Current charges, June 2026 $3,317.28",
        "Apr 2026 Lortavia Thornabey 20260100008 SILVER $1,223.04 $0.00 -$1,223.04",
        "May 2026 Lortavia Thornabey 20260100008 SILVER $1,223.04 $0.00 -$1,223.04",
        "Apr 2026 Jordis Thornabey 20260100009 SILVER $1,070.40 $0.00 -$1,070.40",
        "May 2026 Jordis Thornabey 20260100009 SILVER $1,070.40 $0.00 -$1,070.40",
        "Subtotal of this change -$4,586.88",
        "Adjustments of earlier months -$4,586.88",
    ]
    assert not [line for line in lines(june) if "lease pay" in line or "Pay the" in line]


def test_an_invoice_says_whom_it_is_for_and_how_to_pay_it(harbor: House) -> None:
    """Names, dates, reference, whom to ask; and the change with its dates and transaction."""
    view = of_harbor(harbor, 4)
    (reason, transaction_id) = (view.lines[-1].reason_text, view.lines[-1].transaction_id)
    assert reason == "Dependent added, from 2026-02-09, received 2026-03-04"
    assert {
        *("Of Record Invoice", "Harbor Bakery", "Client harbor-bakery"),
        *("Coverage month April 2026", "Invoice date March 15, 2026", "Due date April 1, 2026"),
        "Please pay Of Record by check or EFT, and give the reference harbor-bakery 2026-04.",
        "Questions about billing: 866-204-3132",
        "Dependent added, from 02/09/2026, received 03/04/2026",
        f"Transaction {transaction_id}",
        "Names as of June 10, 2026 Page 1 of 2",
    } <= set(lines(invoice_pdf(view, TODAY)))


@pytest.mark.parametrize("month", range(1, 7))
def test_the_pdf_has_the_amounts_of_the_json(harbor: House, month: int) -> None:
    """Every total, and every line with its member, once and in the same order."""
    view = of_harbor(harbor, month)
    summary, found = view.summary, figures(invoice_pdf(view, TODAY))
    for label, amount in (
        ("Prior balance", summary.prior_balance),
        (f"Current charges, {summary.month:%B %Y}", summary.current),
        ("Adjustments of earlier months", summary.adjustments),
        ("Total", summary.total),
        ("Amount due", summary.due),
        ("Credit carried forward", summary.credit_carried),
    ):
        assert f"{label} {usd(cents_of(amount))}" in found
    rows = [re.search(r"(20260100\d{3}) .*?(-?\$\S+)( \$\S+,?\S*)?$", line) for line in found]
    told = [row[1] for row in rows if row]
    by_family = sorted(view.lines, key=lambda line: (line.kind == "adjustment", line.subscriber_id))
    assert told == [line.member_id for line in by_family]
    of_members = [line for line in found if re.search(r"20260100\d{3}", line)]
    for line, row in zip(by_family, of_members, strict=True):
        assert usd(cents_of(line.amount)) in row.split()


def test_a_statement_of_what_was_earned_and_taken_back(harbor: House) -> None:
    """Every figure of June's, which pays on May's postings (§9)."""
    june = statement_pdf(harbor.statement("2026-06-01"), TODAY)
    assert figures(june) == [
        "Paid by EFT to the account ending 4417. $318.31",
        "Commission of this statement $318.31",
        "Brought forward $0.00",
        "Total $318.31",
        "Paid $318.31",
        "Carried forward $0.00",
        "Apr 2026 05/01/2026 $3,616.80 3 4 % $144.67 $144.67",
        "Apr 2026 05/15/2026 -$2,293.44 -1 4 % -$91.74 -$91.74",
        "May 2026 05/01/2026 $5,610.72 3 4 % $224.43 $224.43",
        "May 2026 05/15/2026 -$2,293.44 -1 4 % -$91.74 -$91.74",
        "Jun 2026 05/15/2026 $3,317.28 2 4 % $132.69 $132.69",
        "Client $7,957.92 $318.31 $318.31",
        "All clients $7,957.92 $318.31 $318.31",
    ]
    assert lines(june).count("Takes back from the statement of June 2026") == 2
    assert {"Harbor Bakery (harbor-bakery)", "Paid by EFT ending 4417"} <= set(lines(june))


# ── The same input gives the same bytes ────────────────────────────────────────────────────────


def test_the_same_invoice_and_day_give_the_same_bytes() -> None:
    """Also where several are made at once; another day changes the foot alone."""
    view = invoice(*(family(100 * n, 3, member_name=f"Zoë Ð{n}") for n in range(40)))
    first = invoice_pdf(view, TODAY)
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: invoice_pdf(view, TODAY), range(8))) == {first}
    tomorrow = lines(invoice_pdf(view, date(2026, 6, 11)))
    assert [line.replace("June 11", "June 10") for line in tomorrow] == lines(first)


def test_documents_that_are_made_at_once_read_a_font_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The library's reader of a font has one place in it: two at once would read nonsense."""
    inside, most, read = [0], [0], TTFontFile.makeSubset

    def watched(font: TTFontFile, subset: list[int]) -> bytes:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.01)  # long enough for all others to come here
        inside[0] -= 1
        return read(font, subset)

    monkeypatch.setattr(TTFontFile, "makeSubset", watched)
    view = invoice([charge(1, 1_00)])
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: invoice_pdf(view, TODAY), range(4)))
    assert most == [1]


def test_the_same_statement_and_day_give_the_same_bytes() -> None:
    """However often it is made."""
    view = statement(earned("C-1", 100_00, 4_00))
    assert statement_pdf(view, TODAY) == statement_pdf(view, TODAY)


# ── Groups, changes, tiers, statements ─────────────────────────────────────────────────────────


def test_adjustments_of_three_months_stand_under_the_change_behind_them() -> None:
    """In the order of the invoice; each change with its reason, transaction and subtotal."""
    first, second, third = (charge(n, 200_00, member_name=f"Member {n}") for n in (1, 2, 3))
    removed = [adjusted(line, (3, 4, 5), -100_00, REMOVED, "a" * 32) for line in (first, second)]
    moved = [adjusted(line, (4, 5), 50_25, MOVED, "b" * 32) for line in (second, third)]
    printed = lines(invoice_pdf(invoice([third], *removed, *moved), TODAY))
    start = printed.index(ADJUSTED) + 1
    assert "10 lines from 2 changes" in printed
    of_pages = ("Of Record", "Names as of", ADJUSTED)
    assert [line for line in printed[start:] if not line.startswith(of_pages)] == [
        "Subscriber removed, last day 03/31/2026, received 05/10/2026",
        f"Transaction {'a' * 32}",
        *(
            f"{month} 2026 Member {n} 0000000000{n} SILVER $100.00 $0.00 -$100.00"
            for n in (1, 2)
            for month in ("Mar", "Apr", "May")
        ),
        "Subtotal of this change -$600.00",
        "Plan changed, from 04/01/2026, received 05/12/2026",
        f"Transaction {'b' * 32}",
        *(
            f"{month} 2026 Member {n} 0000000000{n} SILVER $100.00 $150.25 $50.25"
            for n in (2, 3)
            for month in ("Apr", "May")
        ),
        "Subtotal of this change $201.00",
        "Adjustments of earlier months -$399.00",
    ]


def test_a_large_group_is_billed_by_tier() -> None:
    """A row for each subscriber, by division, with totals; and what the tiers mean."""
    tiers = ("EMP", "ESP", "ECH", "FAM")
    current = [charge(n, n * 100_00, tier=tier) for n, tier in enumerate(tiers, start=1)]
    current += [charge(5, 500_00, tier="FAM", subgroup_id="WEST")]
    change = adjusted(current[0], [5], -30_00, MOVED, "c" * 32)
    pdf = invoice_pdf(invoice(current, change), TODAY)
    assert figures(pdf)[7:] == [
        *(f"Ana Ruiz 0000000000{n} SILVER {tiers[n - 1]} ${n}00.00" for n in range(1, 5)),
        "Division MAIN, 4 subscribers $1,000.00",
        "Ana Ruiz 00000000005 SILVER FAM $500.00",
        "Division WEST, 1 subscriber $500.00",
        "Current charges, June 2026 $1,500.00",
        "May 2026 Ana Ruiz 00000000001 SILVER EMP $100.00 $70.00 -$30.00",
        "Subtotal of this change -$30.00",
        "Adjustments of earlier months -$30.00",
        "MAIN $1,000.00 -$30.00 $970.00",
        "WEST $500.00 $0.00 $500.00",
        "All divisions $1,500.00 -$30.00 $1,470.00",
    ]
    meaning = "Tiers: EMP the subscriber alone, ESP with spouse or partner, ECH with children,"
    assert [line for line in lines(pdf) if line.startswith(meaning)]


def test_an_invoice_on_which_nobody_is_covered() -> None:
    """It says so, and what is still to be paid."""
    printed = lines(invoice_pdf(invoice(prior_cents=12_34), TODAY))
    assert {"Nobody is covered in this month.", "There are none."} <= set(printed)
    assert "Amount due $12.34" in printed


def test_a_negative_statement_is_carried_forward() -> None:
    """Nothing is paid; each client has its lines and sum."""
    clawback = earned("C-1", -22_93, -91_74, takes_back_from=date(2026, 5, 1))
    other = earned("C-2", 100_00, 4_00, client_name="Zoë’s", share="1.33")
    pdf = statement_pdf(statement(other, clawback, brought_cents=-12_34), TODAY)
    assert figures(pdf) == [
        "Nothing is paid: -$102.75 is carried forward to the next statement. $0.00",
        "Commission of this statement -$90.41",
        "Brought forward -$12.34",
        "Total -$102.75",
        "Paid $0.00",
        "Carried forward -$102.75",
        "Apr 2026 05/15/2026 -$22.93 1 4 % -$91.74 -$91.74",
        "Client -$22.93 -$91.74 -$91.74",
        "Apr 2026 05/15/2026 $100.00 1 4 % $4.00 $1.33",
        "Client $100.00 $4.00 $1.33",
        "All clients $77.07 -$87.74 -$90.41",
    ]
    printed = lines(pdf)
    assert {"Paid by Check", "Zoë’s (C-2)", "Harbor Bakery (C-1)"} <= set(printed)
    assert "Takes back from the statement of May 2026" in printed


def test_a_statement_without_lines() -> None:
    """It says so."""
    printed = lines(statement_pdf(statement(), TODAY))
    assert {"Nothing is paid. $0.00", "Nothing was posted that this payee earns on."} <= set(
        printed
    )
