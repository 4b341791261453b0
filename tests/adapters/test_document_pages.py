"""The pages of documents: any name can be printed, nothing overlaps, nothing is torn apart."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise

import pytest

from adapters.inbound.documents.invoice_pdf import invoice_pdf
from adapters.inbound.documents.statement_pdf import statement_pdf
from tests.adapters.printed import (
    adjusted,
    boxes,
    charge,
    earned,
    family,
    figures,
    invoice,
    lines,
    pages,
    statement,
)

TODAY = date(2026, 6, 10)
BY_MEMBER = "Member Member id Relationship Plan Amount Subscriber total"
ADJUSTED = "Month Member Member id Plan Billed before Correct charge Adjustment"
MOVED = "Plan changed, from 2026-04-01, received 2026-05-12"


# ── Names ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Siobhán O'Neill-D’Arcy", "Siobhán O'Neill-D’Arcy"),
        ("Nguyễn Thị Ánh", "Nguyễn Thị Ánh"),
        ("Zoe\u0308 A\u030angstro\u0308m", "Zoë Ångström"),
        ("Λουκάς Жуков", "Λουκάς Жуков"),
        ("李小龍 Lee", "??? Lee"),
        ("محمد", "????"),
        ("🙂", "?"),
        ("Ana\u200b\u202e Ruiz\u2028", "Ana Ruiz"),
        ("𝒜na ﬁeld", "Ana field"),
    ],
)
def test_names_are_printed_as_far_as_there_are_letters_for_them(name: str, shown: str) -> None:
    """Else a question mark stands for a letter; the member id beside it is exact all the same."""
    printed = lines(invoice_pdf(invoice([charge(7, 1_00, member_name=name)]), TODAY))
    assert f"{shown} 00000000007 Subscriber SILVER $1.00 $1.00" in printed


def test_a_member_who_is_not_in_the_book_any_more_is_billed_by_id() -> None:
    """The amount stands beside the member id."""
    printed = figures(invoice_pdf(invoice([charge(7, 1_00, member_name=None)]), TODAY))
    assert "(not in the book any more) 00000000007 Subscriber SILVER $1.00 $1.00" in printed


def test_a_long_name_goes_on_below() -> None:
    """Between words, after a hyphen, and only a word longer than the column inside; all of it."""
    given, last = "Wolfeschlegelsteinhausenbergerdorffwelch", "Featherstonehaugh-Cholmondeley"
    assert len(given) == 40
    name = f"{given} Maximiliane {last}-{last} ver"
    view = invoice([charge(7, 1_00, member_name=name)], client_name=f"{name} {name}"[:120])
    printed = lines(invoice_pdf(view, TODAY))
    start = printed.index(BY_MEMBER) + 1
    cell = printed[start : printed.index("00000000007 Subscriber SILVER $1.00 $1.00")]
    assert cell == [
        "Wolfeschlegelsteinhausenbergerdorffwel",
        "ch Maximiliane",
        "Featherstonehaugh-Cholmondeley-",
        "Featherstonehaugh-Cholmondeley ver",
    ]


# ── Pages ──────────────────────────────────────────────────────────────────────────────────────


def test_a_group_of_200_subscribers_goes_over_many_pages() -> None:
    """Each has the table's headings and its number; nobody is left out, no family divided."""
    families = [family(1000 + 10 * n, 1 + n % 7) for n in range(200)]
    found = pages(invoice_pdf(invoice(*families), TODAY))
    assert len(found) > 8
    for number, page in enumerate(found, start=1):
        assert page.count(BY_MEMBER) == 1
        assert page[-1] == f"Names as of June 10, 2026 Page {number} of {len(found)}"
        assert ("Of Record – Invoice C-200 2026-06" in page) == (number > 1)
    ids = [re.findall(r"\b0000000\d{4}\b", "\n".join(page)) for page in found]
    assert [each for page in ids for each in page] == [m.member_id for f in families for m in f]
    assert all(page[-1][:-1] != after[0][:-1] for page, after in pairwise(ids))
    assert "Current charges, June 2026 $79,400.00" in found[-1]


@pytest.mark.parametrize("people", [*range(8, 18), *range(45, 64)])
def test_a_title_stands_where_its_table_begins(people: int) -> None:
    """However full the page is; and a short table is not divided."""
    current = [charge(n, 100_00) for n in range(1, people + 1)]
    change = [row for n in range(1, 8) for row in adjusted(current[n], [4], 50_00, MOVED, "1")]
    found = pages(invoice_pdf(invoice(current, change), TODAY))
    (page,) = [page for page in found if ADJUSTED in page]
    at = page.index(ADJUSTED)
    assert page[at - 1] == "Adjustments of earlier months"
    assert page[at + 3].startswith("Apr 2026 ")
    assert page[at + 11] == "Adjustments of earlier months $350.00"


def test_nothing_overlaps_and_nothing_runs_out_of_the_margins() -> None:
    """Long names, ids, plans and amounts that no column was made for."""
    hard = {
        "member_name": "Wolfeschlegelsteinhausenbergerdorffwelch Featherstonehaugh-Cholmondeley",
        "plan_id": "W" * 40,
        "subgroup_id": "M" * 40,
    }
    current = [charge(n, 99_999_999_999_99, **hard) for n in range(1, 30)]
    plain = family(100, 4, subgroup_id="A")
    change = adjusted(current[0], range(1, 6), -99_999_999_999_99, MOVED * 2, "f" * 32)
    big = invoice(current, plain, change, client_name="W" * 120, billing_contact="W" * 200)
    taken = earned("W" * 40, -(10**13), -(10**13), rate="4 % / " * 12, client_name="W" * 120)
    for pdf in (
        invoice_pdf(big, TODAY),
        invoice_pdf(invoice([charge(1, 10**13, tier="FAM", **hard)]), TODAY),
        statement_pdf(statement(*[taken] * 30, account_ending="4417", pay_by="eft"), TODAY),
    ):
        for page in boxes(pdf):
            assert min(box.left for box in page) > 41
            assert max(box.right for box in page) < 571
            assert min(box.bottom for box in page) > 20
            assert not [(a, b) for n, a in enumerate(page) for b in page[n + 1 :] if a.overlaps(b)]
