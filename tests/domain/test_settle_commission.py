"""Settle commission: a line for each coverage month and posting, by the month's own agent and
terms, and what is taken back named by the statement that paid it.
"""

from __future__ import annotations

from datetime import date

import pytest

from domain.client.post_payment import PostPayment
from domain.client.produce_invoice import ProduceInvoice
from domain.client.remove_dependent import RemoveDependent
from domain.client.remove_subscriber import RemoveSubscriber
from domain.client.set_commission_terms import SetCommissionTerms
from domain.client.settle_commission import (
    CommissionLine,
    CommissionSettled,
    PayeeShare,
    SettleCommission,
)
from domain.client.state import AgentFrom, Band, Client, CommissionTerms, Share, TermsFrom
from tests.domain.examples import ANNA, BEN, with_anna
from tests.domain.given import OPENED, Decided, Story, given

JAN, FEB, MAR, APR, MAY = (date(2026, month, 1) for month in range(1, 6))
MONTHLY = "1196.16"
"""Anna and Ben: 480.00 × 1.246 each."""
PERCENT = CommissionTerms(kind="percent", percent="4")
PMPM = CommissionTerms(kind="pmpm", pmpm_cents=22_50)
GRADED = CommissionTerms(kind="graded", bands=(Band("5", 1_000_00), Band("2")))
AGENCY = (Share("A1", 10_000),)


def client(
    terms: CommissionTerms = PERCENT, shares: tuple[Share, ...] = AGENCY, agent_from: date = OPENED
) -> Client:
    """Anna's group with an agent of record and terms."""
    opened = with_anna()
    opened.agents = [_agent("P1", agent_from, shares)]
    opened.terms = [TermsFrom(OPENED, terms, "terms-1")]
    return opened


def _agent(producer_id: str, first_day: date, shares: tuple[Share, ...] = AGENCY) -> AgentFrom:
    return AgentFrom(
        first_day, producer_id, "A1", "agency", shares, "002345678", f"agent-{producer_id}"
    )


def billed(story: Story, *months: date) -> Story:
    """Each month is billed on the 15th of the month before."""
    for month in months:
        run_on = date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 15)
        invoice = ProduceInvoice(month=month, run_on=run_on)
        story = story.and_given(invoice, received_on=max(run_on, story.today))
    return story


def paid(story: Story, on: date, amount: str = MONTHLY) -> Story:
    """A payment on a day."""
    return story.and_given(PostPayment(amount=amount, paid_on=on), received_on=on)


def bounced(story: Story, transaction_id: str, on: date) -> Story:
    """A payment did not hold."""
    bounce = PostPayment(kind="bounced", payment=transaction_id, paid_on=on)
    return story.and_given(bounce, received_on=on)


def settle(story: Story, month: date) -> Decided:
    """The run of a statement month, on its 5th."""
    return story.when(SettleCommission(statement_month=month), received_on=month.replace(day=5))


def lines(decided: Decided) -> list[tuple[date, int, int]]:
    """Coverage month, posted and commission of what was settled."""
    (settled,) = decided.events
    assert isinstance(settled, CommissionSettled)
    assert settled.postings >= len(settled.lines)
    return [(n.coverage_month, n.posted_cents, n.commission_cents) for n in settled.lines]


def taken_back_from(decided: Decided) -> list[date | None]:
    """The statement months that the lines name."""
    (settled,) = decided.events
    assert isinstance(settled, CommissionSettled)
    return [line.takes_back_from for line in settled.lines]


def january_paid(terms: CommissionTerms = PERCENT, shares: tuple[Share, ...] = AGENCY) -> Story:
    """January is billed (t1) and paid on its 1st (t2)."""
    return paid(billed(given(client=client(terms, shares)), JAN), JAN)


# ── What is settled, and when ──────────────────────────────────────────────────────────────────


def test_a_posting_makes_a_line_with_all_that_explains_it() -> None:
    """Amount, rate, terms, agent and each payee's part are facts of the history."""
    shares = (Share("A1", 70_00), Share("P1", 30_00))
    settle(january_paid(shares=shares), FEB).then(
        CommissionSettled(
            statement_month=FEB,
            postings=1,
            lines=(
                CommissionLine(
                    coverage_month=JAN,
                    posting="t2",
                    posted_on=JAN,
                    posted_cents=1_196_16,
                    subscriber_months=1,
                    terms="terms-1",
                    terms_kind="percent",
                    rate="4 %",
                    agent="agent-P1",
                    producer_id="P1",
                    commission_cents=47_85,
                    shares=(PayeeShare("A1", 33_50), PayeeShare("P1", 14_35)),
                ),
            ),
        )
    )


def test_only_what_was_posted_before_the_month_is_settled() -> None:
    """The 1st itself belongs to the next statement."""
    story = paid(billed(january_paid(), FEB), FEB)
    first = settle(story, FEB)
    assert lines(first) == [(JAN, 1_196_16, 47_85)]
    assert lines(settle(first.after, MAR)) == [(FEB, 1_196_16, 47_85)]


def test_unpaid_premium_earns_nothing() -> None:
    """A bill alone leaves nothing to settle; neither does money that is only credit."""
    settle(billed(given(client=client()), JAN), FEB).then_nothing()
    settle(paid(given(client=client()), JAN), FEB).then_nothing()


def test_what_is_settled_is_not_settled_again() -> None:
    """A second run of the month finds nothing."""
    settle(settle(january_paid(), FEB).after, FEB).then_nothing()


def test_what_is_recorded_after_the_run_waits_for_the_next() -> None:
    """Also if it is dated before: on 8 February a payment of 20 January becomes known."""
    story = billed(january_paid(), FEB)
    late = PostPayment(amount="100.00", paid_on=date(2026, 1, 20))
    story = settle(story, FEB).after.and_given(late, received_on=date(2026, 2, 8))
    assert lines(settle(story, MAR)) == [(FEB, 100_00, 4_00)]


def test_a_run_that_was_left_out_is_made_up_for() -> None:
    """March's statement pays what February's should have."""
    story = paid(billed(january_paid(), FEB), FEB)
    assert lines(settle(story, MAR)) == [(JAN, 1_196_16, 47_85), (FEB, 1_196_16, 47_85)]


def test_a_statement_month_must_have_begun() -> None:
    """It pays on what was posted before it, and that is known on its 1st at the earliest."""
    early = SettleCommission(statement_month=FEB)
    decided = january_paid().when(early, received_on=date(2026, 1, 31))
    decided.refused("statement_too_early", saying="2026-02-01")
    january_paid().when(early, received_on=FEB).is_accepted()


def test_a_statement_month_is_named_by_its_first_day() -> None:
    """Anything else is no month."""
    odd = SettleCommission(statement_month=date(2026, 2, 2))
    january_paid().when(odd, received_on=date(2026, 2, 5)).refused("not_first_of_month")


def test_months_are_settled_in_order() -> None:
    """After March, February cannot be settled any more."""
    story = settle(january_paid(), MAR).after
    story.when(SettleCommission(statement_month=FEB)).refused(
        "settlement_out_of_order", saying="2026-03-01"
    )


# ── Who earns, by which terms ──────────────────────────────────────────────────────────────────


def test_the_agent_of_the_coverage_month_earns() -> None:
    """January is paid in March: its agent earns, not the one who serves the client by then."""
    opened = client()
    opened.agents.append(_agent("P2", FEB, (Share("P2", 10_000),)))
    story = paid(billed(given(client=opened), JAN, FEB, MAR), MAR, "2392.32")
    (settled,) = settle(story, APR).events
    assert isinstance(settled, CommissionSettled)
    assert [(n.coverage_month, n.producer_id, n.shares) for n in settled.lines] == [
        (JAN, "P1", (PayeeShare("A1", 47_85),)),
        (FEB, "P2", (PayeeShare("P2", 47_85),)),
    ]


def test_a_clawback_follows_whoever_earned_it() -> None:
    """January's payment bounces when another agent serves the client."""
    opened = client()
    opened.agents.append(_agent("P2", FEB, (Share("P2", 10_000),)))
    story = settle(paid(billed(given(client=opened), JAN), JAN), FEB).after
    (settled,) = settle(bounced(story, "t2", date(2026, 2, 20)), MAR).events
    assert isinstance(settled, CommissionSettled)
    (line,) = settled.lines
    assert (line.producer_id, line.shares) == ("P1", (PayeeShare("A1", -47_85),))


def test_a_month_without_agent_earns_nobody_anything() -> None:
    """The posting is settled all the same: later assignments do not reach back."""
    opened = client(agent_from=FEB)
    decided = settle(paid(billed(given(client=opened), JAN), JAN), FEB)
    decided.then(CommissionSettled(statement_month=FEB, postings=1, lines=()))
    settle(decided.after, FEB).then_nothing()


def test_a_month_without_terms_earns_nobody_anything() -> None:
    """Terms are never backdated."""
    opened = client()
    opened.terms = []
    decided = settle(paid(billed(given(client=opened), JAN), JAN), FEB)
    decided.then(CommissionSettled(statement_month=FEB, postings=1, lines=()))


def test_terms_changed_before_the_run_count_from_their_own_month() -> None:
    """Of two months paid at once, each is computed by the terms of its coverage month."""
    story = billed(given(client=client()), JAN)
    new = SetCommissionTerms.model_validate(
        {**SetCommissionTerms.example, "effective_on": "2026-02-01"}
        | {"terms": {"kind": "percent", "percent": "10"}}
    )
    story = billed(story.and_given(new, received_on=date(2026, 1, 10)), FEB)
    story = paid(story, date(2026, 1, 31), "2392.32")
    assert lines(settle(story, FEB)) == [(JAN, 1_196_16, 47_85), (FEB, 1_196_16, 119_62)]


# ── What is taken back ─────────────────────────────────────────────────────────────────────────


def test_what_is_taken_back_names_the_latest_statement_that_paid() -> None:
    """January was paid on in two parts, by the statements of February and March."""
    story = billed(given(client=client()), JAN)
    story = settle(paid(story, JAN, "100.00"), FEB).after
    story = settle(paid(story, date(2026, 2, 7), "1096.16"), MAR).after
    decided = settle(bounced(story, "t4", date(2026, 3, 9)), APR)
    assert lines(decided) == [(JAN, -1_096_16, -43_85)]
    assert taken_back_from(decided) == [MAR]


def test_what_was_never_paid_is_taken_back_from_the_same_statement() -> None:
    """Paid and bounced in one month: both lines are on the statement that pays and takes back."""
    decided = settle(bounced(january_paid(), "t2", date(2026, 1, 9)), FEB)
    assert lines(decided) == [(JAN, 1_196_16, 47_85), (JAN, -1_196_16, -47_85)]
    assert taken_back_from(decided) == [None, FEB]


def test_a_statement_that_took_back_is_not_named_as_one_that_paid() -> None:
    """March's paid, April's took back: what bounces then was paid by March's, and so May's says."""
    story = paid(billed(given(client=client()), JAN), JAN, "100.00")
    story = paid(settle(story, FEB).after, date(2026, 2, 7), "1096.16")
    decided = settle(story, MAR)
    assert taken_back_from(decided) == [None]
    decided = settle(bounced(decided.after, "t4", date(2026, 3, 9)), APR)
    assert taken_back_from(decided) == [MAR]
    assert taken_back_from(settle(bounced(decided.after, "t2", date(2026, 4, 9)), MAY)) == [MAR]


def test_a_line_of_nothing_was_paid_by_no_statement() -> None:
    """A part of a subscriber-month earns 0.00: when it bounces, no statement has to give back."""
    story = paid(billed(given(client=client(PMPM)), JAN), JAN, "100.00")
    assert taken_back_from(settle(bounced(story, "t2", date(2026, 1, 9)), FEB)) == [None, None]
    decided = settle(bounced(settle(story, FEB).after, "t2", date(2026, 2, 9)), MAR)
    assert lines(decided) == [(JAN, -100_00, 0)]
    assert taken_back_from(decided) == [None]


def test_one_run_takes_back_and_pays_on_two_lines() -> None:
    """Anna leaves as of January: February's premium comes back, and nothing is left to pay."""
    story = paid(billed(january_paid(), FEB), FEB)
    story = settle(settle(story, FEB).after, MAR).after
    gone = RemoveSubscriber(member_id=ANNA, last_day=date(2026, 1, 31))
    story = story.and_given(gone, received_on=date(2026, 3, 6))
    decided = settle(billed(story, MAR), APR)
    assert lines(decided) == [(FEB, -1_196_16, -47_85)]
    assert taken_back_from(decided) == [MAR]


# ── Dollars a subscriber-month ─────────────────────────────────────────────────────────────────


def test_a_subscriber_month_is_earned_when_it_is_fully_posted() -> None:
    """Two members are one subscriber-month; all but a cent of it earns nothing."""
    story = billed(given(client=client(PMPM)), JAN)
    story = paid(story, JAN, "1196.15")
    decided = settle(story, FEB)
    assert lines(decided) == [(JAN, 1_196_15, 0)]
    story = paid(decided.after, date(2026, 2, 7), "0.01")
    assert lines(settle(story, MAR)) == [(JAN, 1, 22_50)]


def test_a_bounced_payment_takes_a_subscriber_month_back_once() -> None:
    """The first cent that is open again takes all of it back; paid again, it is earned again."""
    story = billed(given(client=client(PMPM)), JAN)
    story = paid(paid(story, JAN, "1000.00"), JAN, "196.16")
    story = bounced(story, "t3", date(2026, 1, 12))
    story = bounced(story, "t2", date(2026, 1, 13))
    decided = settle(paid(story, date(2026, 1, 30)), FEB)
    assert lines(decided) == [
        (JAN, 1_000_00, 0),
        (JAN, 196_16, 22_50),
        (JAN, -196_16, -22_50),
        (JAN, -1_000_00, 0),
        (JAN, 1_196_16, 22_50),
    ]


def test_a_subscriber_month_that_is_no_longer_billed_is_taken_back() -> None:
    """Anna leaves as of January: nothing is billed for February any more."""
    story = paid(billed(january_paid(PMPM), FEB), FEB)
    story = settle(settle(story, FEB).after, MAR).after
    gone = RemoveSubscriber(member_id=ANNA, last_day=date(2026, 1, 31))
    story = story.and_given(gone, received_on=date(2026, 3, 6))
    assert lines(settle(billed(story, MAR), APR)) == [(FEB, -1_196_16, -22_50)]


def test_a_cancellation_of_what_was_unpaid_can_earn_the_month() -> None:
    """Ben's part of January was open; Anna's is all that is billed once he never was covered."""
    story = paid(billed(given(client=client(PMPM)), JAN), JAN, "598.08")
    story = _without_ben(settle(story, FEB).after)
    assert lines(settle(billed(story, FEB), MAR)) == [(JAN, 0, 22_50)]


def _without_ben(story: Story) -> Story:
    """Ben never was covered."""
    gone = RemoveDependent(member_id=BEN, last_day=date(2025, 12, 31))
    return story.and_given(gone, received_on=date(2026, 2, 6))


# ── Graded ─────────────────────────────────────────────────────────────────────────────────────


def test_graded_goes_by_what_was_posted_in_the_calendar_year() -> None:
    """January's 1,196.16 passes the bound of 1,000.00, February's is above it, and so it falls."""
    story = paid(billed(january_paid(GRADED), FEB), FEB)
    first = settle(story, FEB)
    assert lines(first) == [(JAN, 1_196_16, 53_92)]
    story = bounced(first.after, "t2", date(2026, 2, 20))
    assert lines(settle(story, MAR)) == [(FEB, 1_196_16, 23_92), (FEB, -1_196_16, -23_92)]


def test_graded_begins_anew_each_year() -> None:
    """What is posted in 2025 for January 2026 does not fill the bands of 2026."""
    story = billed(given(client=client(GRADED)), JAN)
    story = paid(story, date(2025, 12, 20))
    story = paid(billed(story, FEB), FEB)
    assert lines(settle(story, MAR)) == [(JAN, 1_196_16, 53_92), (FEB, 1_196_16, 53_92)]


@pytest.mark.parametrize(
    ("terms", "rate"),
    [(PERCENT, "4 %"), (PMPM, "22.50 a month"), (GRADED, "5 % / 2 %")],
)
def test_a_line_says_its_rate(terms: CommissionTerms, rate: str) -> None:
    """In the terms' own words."""
    (settled,) = settle(january_paid(terms), FEB).events
    assert isinstance(settled, CommissionSettled)
    assert settled.lines[0].rate == rate
