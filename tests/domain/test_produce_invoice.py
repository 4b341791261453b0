"""Produce an invoice: which month, what it bills, what it posts, and when there is none."""

from __future__ import annotations

from datetime import date

import pytest

from domain.client.account import Posting
from domain.client.administration import check_administration
from domain.client.post_payment import PaymentPosted
from domain.client.produce_invoice import InvoiceLine, InvoiceProduced
from domain.client.remove_dependent import RemoveDependent
from domain.client.remove_subscriber import RemoveSubscriber
from domain.client.state import Client
from domain.client.terminate_client import TerminateClient
from domain.kernel import Refused
from tests.domain.bills import (
    APRIL,
    FEBRUARY,
    JANUARY,
    JUNE,
    MARCH,
    MAY,
    balances,
    bill,
    billed,
    by_month,
    corrections,
    couple,
    invoice,
    paid,
    run_day,
    two_families,
)
from tests.domain.families import (
    ANNA,
    BEN,
    BEN_SPOUSE,
    CLEO,
    CLEO_CHILD,
    EVAN,
    add_anna,
    add_to_anna,
    anna_with,
    person,
)
from tests.domain.given import CARRIER, OPENED, given, group, individual

# ── What it bills ──────────────────────────────────────────────────────────────────────────────


def test_an_invoice_has_a_line_for_each_member() -> None:
    """Anna 598.08 and Ben 590.40, due on the 1st."""
    story = billed(anna_with(BEN_SPOUSE), JANUARY)
    story.when(bill(FEBRUARY), received_on=date(2026, 1, 15)).then(
        InvoiceProduced(
            month=FEBRUARY,
            run_on=date(2026, 1, 15),
            due_on=FEBRUARY,
            prior_balance_cents=1188_48,
            current_cents=1188_48,
            adjustments_cents=0,
            total_cents=2376_96,
            lines=(
                InvoiceLine(ANNA, ANNA, "GOLD", "MAIN", 598_08),
                InvoiceLine(ANNA, BEN, "GOLD", "MAIN", 590_40),
            ),
        )
    )


def test_lines_are_in_order_of_subscriber_and_member_also_those_at_nothing() -> None:
    """However people joined; the fourth child under 21 has a line at 0.00."""
    children = [person(f"2000000000{n}", "child", date(2022 - n, 1, 1)) for n in range(1, 5)]
    first = add_anna(*children, member_id=EVAN)
    story = given(first, add_anna(BEN_SPOUSE), client=group())
    lines = invoice(story, JANUARY).lines
    ids = [(line.subscriber_id, line.member_id) for line in lines]
    assert ids == sorted(ids)
    assert len(lines) == 7
    assert [line.member_id for line in lines if not line.cents] == ["20000000001"]


def test_a_large_group_is_billed_by_tier() -> None:
    """One line a subscriber: FAM, and EMP for who is alone."""
    story = given(
        add_anna(BEN_SPOUSE, CLEO_CHILD), add_anna(member_id=EVAN), client=group("large_group")
    )
    lines = invoice(story, JANUARY).lines
    assert [(line.member_id, line.tier, line.cents) for line in lines] == [
        (ANNA, "FAM", 1500_00),
        (EVAN, "EMP", 500_00),
    ]


def test_a_client_without_anyone_covered_gets_an_invoice_of_nothing() -> None:
    """The month counts as invoiced; who joins late is billed for it on the next."""
    story = billed(given(client=group()), JANUARY)
    assert story.client.account.billed_through == JANUARY
    assert invoice(story, FEBRUARY).total_cents == 0


def test_a_run_may_be_entered_later_than_it_was_made() -> None:
    """Its postings count on the run's date; what was received before it is entered is in it."""
    story = anna_with().and_given(paid("600.00", OPENED))
    story = story.and_given(bill(JANUARY, run_on=OPENED), received_on=date(2026, 1, 9))
    assert [(each.posted_on, each.cents) for each in story.client.account.unsettled] == [
        (OPENED, 598_08)
    ]


def test_what_comes_after_the_run_waits_for_the_next() -> None:
    """Ben joins on the day of the run, after it: February's invoice is as it was."""
    story = billed(anna_with(), JANUARY, FEBRUARY)
    story = story.and_given(add_to_anna(BEN_SPOUSE, FEBRUARY))
    assert invoice(story, MARCH).adjustments_cents == 590_40
    story.when(bill(FEBRUARY)).then_nothing()


# ── Which month, and when ──────────────────────────────────────────────────────────────────────


def test_a_month_is_invoiced_once() -> None:
    """A second run decides to nothing, whatever its date."""
    story = billed(anna_with(), JANUARY, FEBRUARY)
    story.when(bill(FEBRUARY)).then_nothing()
    story.when(bill(JANUARY, run_on=date(2026, 1, 2))).then_nothing()
    story.when(bill(JANUARY), received_on=date(2026, 9, 1)).then_nothing()


@pytest.mark.parametrize(
    ("month", "run_on", "code", "saying"),
    [
        (date(2025, 12, 1), None, "before_first_month", "2026-01-01"),
        (APRIL, None, "month_skipped", "2026-03-01"),
        (date(2026, 3, 2), None, "not_first_of_month", "2026-03-02"),
        (date(2026, 2, 28), None, "not_first_of_month", "2026-02-28"),
        (MARCH, date(2026, 1, 14), "run_out_of_order", "2026-01-15"),
        (MARCH, date(2026, 2, 16), "run_in_future", "2026-02-16"),
        (MARCH, date(2026, 1, 15), None, ""),
        (MARCH, date(2026, 2, 15), None, ""),
        (MARCH, None, None, ""),
    ],
)
def test_months_are_invoiced_one_after_the_other(
    month: date, run_on: date | None, code: str | None, saying: str
) -> None:
    """January and February are: next is March, on the day of the last run or a later one."""
    story = billed(anna_with(), JANUARY, FEBRUARY)
    answer = story.when(bill(month, run_on), received_on=date(2026, 2, 15))
    if code is None:
        answer.is_accepted()
    else:
        answer.refused(code, saying=saying)


def test_an_account_that_begins_within_a_month_is_billed_from_that_month() -> None:
    """Opened on the 15th: its first month is the one of that day."""
    client = individual(opened=date(2026, 1, 15))
    story = given(client=client)
    story.when(bill(date(2025, 12, 1))).refused("before_first_month", saying="2026-01-01")
    story.when(bill(JANUARY)).is_accepted()


def test_a_month_is_invoiced_at_most_90_days_ahead() -> None:
    """Like any transaction (§3)."""
    story = billed(anna_with(), JANUARY, FEBRUARY, MARCH)
    story.when(bill(APRIL), received_on=date(2026, 2, 15)).is_accepted()
    early = given(bill(JANUARY), bill(FEBRUARY), bill(MARCH), bill(APRIL), client=group())
    early.when(bill(MAY), received_on=OPENED).refused("too_far_ahead")


# ── A client's end ─────────────────────────────────────────────────────────────────────────────


def test_an_ended_client_is_invoiced_only_to_put_earlier_months_right() -> None:
    """Ended with March: in May a removal is received, so May's run takes March back."""
    story = anna_with(BEN_SPOUSE).and_given(TerminateClient(last_day=date(2026, 3, 31)))
    story = billed(story, JANUARY, FEBRUARY)
    story.when(bill(APRIL), received_on=date(2026, 3, 15)).refused("month_skipped")
    story = billed(story, MARCH)
    story.when(bill(APRIL), received_on=date(2026, 3, 15)).refused(
        "client_ended", saying="2026-03-31"
    )
    leaves = RemoveDependent(member_id=BEN, last_day=date(2026, 2, 28))
    story = story.and_given(leaves, received_on=date(2026, 4, 10))
    produced = invoice(story, MAY)  # April has no invoice, and needs none
    assert [each.dollars for each in corrections(produced)] == ["-590.40"]
    assert produced.lines == ()
    story = billed(story, MAY)
    story.when(bill(APRIL)).refused("invoice_out_of_order", saying="2026-05-01")
    story.when(bill(JUNE), received_on=date(2026, 5, 15)).refused("client_ended")


# ── Who bills ──────────────────────────────────────────────────────────────────────────────────


def _asked_of(client: Client, month: date) -> str | None:
    try:
        check_administration(client, bill(month), CARRIER, month)
    except Refused as refused:
        return f"{refused.code}: {refused.sentence}"
    return None


def test_a_small_group_is_billed_here_from_its_first_renewal_on() -> None:
    """Before it, the run is refused and names CBIA; its first month needs none before it."""
    client = group(opened=date(2015, 7, 1))
    client.plan_years += [date(2023, 7, 1), date(2024, 7, 1)]
    refused = _asked_of(client, date(2024, 6, 1))
    assert refused is not None
    assert refused.startswith("administered_elsewhere")
    assert "CBIA" in refused
    assert _asked_of(client, date(2024, 7, 1)) is None
    story = given(client=client)
    story.when(bill(date(2024, 8, 1)), received_on=date(2024, 7, 15)).refused("month_skipped")
    story = story.and_given(bill(date(2024, 7, 1)), received_on=date(2024, 6, 15))
    assert story.client.account.billed_through == date(2024, 7, 1)


def test_what_changes_before_a_group_came_over_is_not_billed_here() -> None:
    """A birth date that is corrected: only months from the renewal on cost anything here."""
    story = given(client=group(opened=date(2015, 7, 1)))
    story.client.plan_years.append(date(2024, 7, 1))
    story = story.and_given(add_anna(on=date(2024, 6, 1)), received_on=date(2024, 6, 5))
    story = story.and_given(bill(date(2024, 7, 1)), received_on=date(2024, 6, 15))
    leaves = RemoveSubscriber(member_id=ANNA, last_day=date(2024, 5, 31))
    story = story.and_given(leaves, received_on=date(2024, 6, 20))
    assert [each.month for each in corrections(invoice(story, date(2024, 8, 1)))] == [
        date(2024, 7, 1)
    ]


def test_medicare_advantage_is_billed_in_evolve() -> None:
    """And the exchange's clients here."""
    refused = _asked_of(individual("medicare_advantage"), JANUARY)
    assert refused is not None
    assert "Evolve" in refused
    assert _asked_of(individual("exchange"), JANUARY) is None


# ── What it posts ──────────────────────────────────────────────────────────────────────────────


def test_a_run_posts_what_was_paid_in_advance() -> None:
    """Oldest month first, as far as it goes, on the day of the run."""
    story = billed(anna_with(BEN_SPOUSE), JANUARY).and_given(paid("1500.00"))
    produced = invoice(story, FEBRUARY)
    assert produced.total_cents == -311_52 + 1188_48
    assert produced.postings == (Posting(FEBRUARY, 311_52, 0, (ANNA, ANNA)),)
    assert balances(billed(story, FEBRUARY)) == ("876.96", "0.00")


def test_a_reversal_first_cancels_what_is_unpaid_of_its_own_charge() -> None:
    """Of Ben's March 101.92 was paid, and all of his February: the rest becomes funds."""
    story = billed(anna_with(BEN_SPOUSE), JANUARY, FEBRUARY, MARCH)
    story = story.and_given(paid("3076.96"))  # January, February, and 700.00 of March
    leaves = RemoveDependent(member_id=BEN, last_day=date(2026, 1, 31))
    story = story.and_given(leaves, received_on=date(2026, 2, 20))
    produced = invoice(story, APRIL)
    assert [(each.month, each.cents, each.taken_cents) for each in produced.adjustments] == [
        (FEBRUARY, -590_40, 590_40),
        (MARCH, -590_40, 101_92),
    ]
    assert produced.postings == (
        Posting(FEBRUARY, -590_40),
        Posting(MARCH, -101_92),
        Posting(MARCH, 0, 1),  # what is left of Anna's March is fully posted now
        Posting(APRIL, 598_08, 1, (ANNA, ANNA)),
    )
    assert produced.total_cents == 488_48 + 598_08 - 1180_80
    assert balances(billed(story, APRIL)) == ("0.00", "94.24")


def test_adjustments_of_a_member_are_in_order_of_months() -> None:
    """Ben's March is given back first, and then his February too."""
    story = couple(JANUARY, FEBRUARY, MARCH)
    for last_day in (date(2026, 2, 28), date(2026, 1, 31)):
        story = story.and_given(RemoveDependent(member_id=BEN, last_day=last_day))
    assert [each.month for each in invoice(story, APRIL).adjustments] == [FEBRUARY, MARCH]


def test_a_run_leaves_nothing_noted() -> None:
    """What it billed anew is no difference any more, and its reasons are in the invoice."""
    story = couple(JANUARY, FEBRUARY)
    story = story.and_given(RemoveDependent(member_id=BEN, last_day=date(2026, 1, 31)))
    assert list(story.client.account.changes) == ["t4"]
    account = billed(story, MARCH).client.account
    assert (account.due, account.changes) == ({}, {})


def test_what_several_families_give_back_is_posted_by_month() -> None:
    """Adjustments are in line order, Cleo's March before Ben's February; postings by month."""
    story = two_families(JANUARY, FEBRUARY, MARCH).and_given(paid("6559.20"))
    story = story.and_given(
        RemoveDependent(member_id=CLEO, last_day=date(2026, 2, 28)),
        RemoveDependent(member_id=BEN, last_day=date(2026, 1, 31)),
    )
    produced = invoice(story, APRIL)
    assert [(each.member_id, each.month) for each in produced.adjustments] == [
        (CLEO, MARCH),
        (BEN, FEBRUARY),
        (BEN, MARCH),
    ]
    assert by_month(produced.postings) == [
        (FEBRUARY, "-590.40"),
        (MARCH, "-990.24"),
        (APRIL, "1196.16"),
    ]


def test_a_reversal_of_what_nobody_paid_posts_nothing() -> None:
    """The charge is cancelled, and no funds come of it."""
    story = billed(anna_with(BEN_SPOUSE), JANUARY, FEBRUARY)
    leaves = RemoveDependent(member_id=BEN, last_day=date(2026, 1, 31))
    story = story.and_given(leaves)
    produced = invoice(story, MARCH)
    assert [each.taken_cents for each in produced.adjustments] == [0]
    assert produced.postings == ()
    assert balances(billed(story, MARCH)) == ("2384.64", "0.00")


def test_what_is_taken_back_pays_other_months_that_are_open() -> None:
    """Ben's paid January pays February, the oldest that is open."""
    story = billed(anna_with(BEN_SPOUSE), JANUARY, FEBRUARY).and_given(paid("1188.48"))
    leaves = RemoveDependent(member_id=BEN, last_day=date(2025, 12, 31))
    story = story.and_given(leaves)
    produced = invoice(story, MARCH)
    assert by_month(produced.postings) == [(JANUARY, "-590.40"), (FEBRUARY, "590.40")]


def test_a_subscriber_month_is_lost_when_nothing_is_billed_for_it() -> None:
    """Anna is cancelled from inception: two subscriber-months are taken back (§6)."""
    story = billed(anna_with(BEN_SPOUSE), JANUARY, FEBRUARY).and_given(paid("2376.96"))
    leaves = RemoveSubscriber(member_id=ANNA, last_day=date(2025, 12, 31))
    story = story.and_given(leaves)
    assert invoice(story, MARCH).postings == (
        Posting(JANUARY, -1188_48, -1),
        Posting(FEBRUARY, -1188_48, -1),
    )
    assert balances(billed(story, MARCH)) == ("0.00", "2376.96")


def test_a_subscriber_month_that_nobody_paid_is_not_earned_by_its_end() -> None:
    """Nothing of it is open any more, but nothing is billed for it either."""
    story = couple(JANUARY, FEBRUARY)
    story = story.and_given(RemoveSubscriber(member_id=ANNA, last_day=date(2025, 12, 31)))
    assert invoice(story, MARCH).postings == ()


def test_a_charge_added_to_a_paid_month_is_open_and_loses_nothing() -> None:
    """The subscriber-month stays earned; when all is paid again it counts no second time."""
    story = billed(anna_with(), JANUARY, FEBRUARY).and_given(paid("1196.16"))
    story = billed(story.and_given(add_to_anna(BEN_SPOUSE, FEBRUARY)), MARCH)
    assert balances(story) == ("1778.88", "0.00")
    story.when(paid("590.40")).then(
        PaymentPosted(
            kind="payment",
            cents=590_40,
            paid_on=run_day(MARCH),
            postings=(Posting(FEBRUARY, 590_40, 0, (ANNA, BEN)),),
        )
    )
