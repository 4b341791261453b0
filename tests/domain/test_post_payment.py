"""Post a payment: what funds pay, what stays as credit, and what is paid back of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.client.account import Posting
from domain.client.administration import check_administration
from domain.client.post_payment import CreditRefunded, PaymentBounced, PaymentPosted, PostPayment
from domain.client.produce_invoice import InvoiceProduced
from domain.client.remove_dependent import RemoveDependent
from domain.kernel import Command, Event, Refused
from domain.money import dollars
from tests.domain.bills import (
    APRIL,
    FEBRUARY,
    FIRST,
    JANUARY,
    LAST,
    MARCH,
    MAY,
    balances,
    bill,
    billed,
    bounced,
    by_month,
    couple,
    invoice,
    paid,
    posted,
    run_day,
    two_families,
    unpaid,
)
from tests.domain.families import ANNA, BEN, BEN_SPOUSE, CLEO, EVAN, add_to_anna, anna_with, person
from tests.domain.given import CARRIER, OPENED, given, group, individual

# ── What funds pay ─────────────────────────────────────────────────────────────────────────────


def test_a_payment_pays_what_is_open() -> None:
    """All of January: nothing is open, nothing is left over, and Anna's month is fully posted."""
    story = couple(JANUARY)
    story = story.when(paid("1188.48", OPENED, reference="Check 7")).then(
        PaymentPosted(
            kind="payment",
            cents=1188_48,
            paid_on=OPENED,
            postings=(Posting(JANUARY, 1188_48, 1, (ANNA, BEN)),),
            reference="Check 7",
        )
    )
    assert balances(story) == ("0.00", "0.00")


def test_funds_pay_the_oldest_coverage_month_first() -> None:
    """Two months and a part of the third; the next payment goes on where this one stopped."""
    story = couple(JANUARY, FEBRUARY, MARCH)
    decided = story.when(paid("2500.00"))
    assert posted(decided) == [
        (JANUARY, "1188.48"),
        (FEBRUARY, "1188.48"),
        (MARCH, "123.04"),
    ]
    assert unpaid(decided.after) == [(3, ANNA, ANNA, "475.04"), (3, ANNA, BEN, "590.40")]
    assert posted(decided.after.when(paid("1065.44"))) == [(MARCH, "1065.44")]


def test_the_oldest_month_is_paid_first_whenever_it_was_charged() -> None:
    """Ben joined as of January and was billed for it with March: his January goes first."""
    story = billed(anna_with(), JANUARY, FEBRUARY).and_given(paid("598.08"))
    story = story.and_given(add_to_anna(BEN_SPOUSE, JANUARY), received_on=date(2026, 1, 31))
    story = billed(story, MARCH)
    decided = story.when(paid("1000.00"))
    assert posted(decided) == [(JANUARY, "590.40"), (FEBRUARY, "409.60")]
    assert unpaid(decided.after)[:2] == [(2, ANNA, ANNA, "188.48"), (2, ANNA, BEN, "590.40")]


@pytest.mark.parametrize(
    ("amount", "posting", "open_after"),
    [
        ("0.01", Posting(JANUARY, 1, 0, FIRST), ["598.07", "399.84", "590.40", "598.08"]),
        ("598.08", Posting(JANUARY, 598_08, 0, FIRST), ["399.84", "590.40", "598.08"]),
        ("598.09", Posting(JANUARY, 598_09, 0, (ANNA, CLEO)), ["399.83", "590.40", "598.08"]),
        ("997.92", Posting(JANUARY, 997_92, 1, (ANNA, CLEO)), ["590.40", "598.08"]),
        ("997.93", Posting(JANUARY, 997_93, 1, (EVAN, BEN)), ["590.39", "598.08"]),
        ("1588.32", Posting(JANUARY, 1588_32, 1, (EVAN, BEN)), ["598.08"]),
        ("2186.39", Posting(JANUARY, 2186_39, 1, LAST), ["0.01"]),
        ("2186.40", Posting(JANUARY, 2186_40, 2, LAST), []),
    ],
)
def test_within_a_month_funds_pay_in_line_order(
    amount: str, posting: Posting, open_after: list[str]
) -> None:
    """By subscriber id, then member id: Ben's id is less than Cleo's, but his is Evan's family."""
    decided = two_families(JANUARY).when(paid(amount))
    decided.then(
        PaymentPosted(kind="payment", cents=posting.cents, paid_on=OPENED, postings=(posting,))
    )
    assert [cents for *_, cents in unpaid(decided.after)] == open_after


def test_a_charge_of_nothing_is_never_open() -> None:
    """The fourth child's line at 0.00 comes last in line order, and no payment reaches it."""
    children = [person(f"1000000001{n}", "child", date(2014 + n, 1, 1)) for n in range(4)]
    story = billed(anna_with(*children), JANUARY)
    owed = balances(story)[0]
    (event,) = story.when(paid(owed)).events
    assert isinstance(event, PaymentPosted)
    assert [each.through for each in event.postings] == [(ANNA, "10000000012")]
    assert balances(story.and_given(paid(owed))) == ("0.00", "0.00")


def test_what_is_paid_too_much_stays_as_credit() -> None:
    """It pays the next month that is billed, as far as it goes."""
    story = couple(JANUARY)
    decided = story.when(paid("1500.00"))
    assert posted(decided) == [(JANUARY, "1188.48")]
    assert balances(decided.after) == ("0.00", "311.52")
    story = billed(decided.after, FEBRUARY)
    assert balances(story) == ("876.96", "0.00")
    assert unpaid(story) == [(2, ANNA, ANNA, "286.56"), (2, ANNA, BEN, "590.40")]


def test_what_is_paid_before_anything_is_billed_is_all_credit() -> None:
    """A binder payment: no posting, until the first run."""
    story = (
        anna_with(BEN_SPOUSE)
        .when(paid("1188.48"))
        .then(PaymentPosted(kind="payment", cents=1188_48, paid_on=OPENED))
    )
    assert balances(story) == ("0.00", "1188.48")
    assert by_month(invoice(story, JANUARY).postings) == [(JANUARY, "1188.48")]


def test_a_credit_pays_as_a_payment_does() -> None:
    """Both are funds."""
    story = (
        couple(JANUARY)
        .when(paid("600.00", kind="credit"))
        .then(
            PaymentPosted(
                kind="credit",
                cents=600_00,
                paid_on=OPENED,
                postings=(Posting(JANUARY, 600_00, 0, (ANNA, BEN)),),
            )
        )
    )
    assert balances(story) == ("588.48", "0.00")


def test_a_second_payment_of_the_same_amount_is_a_second_payment() -> None:
    """Only its key says that a transaction is the same: two checks may be alike."""
    story = couple(JANUARY).and_given(paid("500.00", reference="Check 7"))
    assert posted(story.when(paid("500.00", reference="Check 7"))) == [(JANUARY, "500.00")]


def test_a_payment_posts_on_the_day_it_was_paid() -> None:
    """Which may have been before it was received; if not stated, it is the day of receipt."""
    story = couple(JANUARY, FEBRUARY)
    for paid_on, posted_on in ((date(2026, 1, 3), date(2026, 1, 3)), (None, date(2026, 1, 20))):
        after = story.and_given(paid("1500.00", paid_on), received_on=date(2026, 1, 20))
        assert [(each.posted_on, each.cents) for each in after.client.account.unsettled] == [
            (posted_on, 1188_48),
            (posted_on, 311_52),
        ]


@pytest.mark.parametrize(
    "command",
    [
        paid("10.00", date(2026, 1, 16)),
        paid("10.00", date(2026, 1, 16), kind="credit"),
        paid("10.00", date(2026, 1, 16), kind="refund"),
        bounced("t3", date(2026, 1, 16)),
    ],
    ids=lambda command: str(command.kind),
)
def test_nothing_is_posted_on_a_day_that_has_not_come(command: PostPayment) -> None:
    """Whatever its kind; on its day it is accepted."""
    story = couple(JANUARY).and_given(paid("2000.00"))
    story.when(command, received_on=date(2026, 1, 15)).refused("paid_in_future", saying="01-16")
    story.when(command, received_on=date(2026, 1, 16)).is_accepted()


def test_nothing_is_posted_on_a_day_before_the_account_can_have_been_opened() -> None:
    """Else it would earn in a calendar year in which there was no client; OPENED is January 1st."""
    story = couple(JANUARY)
    first = OPENED - timedelta(days=90)
    story.when(paid("10.00", first)).is_accepted()
    early = paid("10.00", first - timedelta(days=1))
    story.when(early).refused("paid_too_early", saying=str(first))


def test_a_payment_does_not_bounce_before_it_was_paid() -> None:
    """On its own day it may."""
    fifth = date(2026, 1, 5)
    story = couple(JANUARY).and_given(paid("700.00", fifth), received_on=fifth)
    story.when(bounced("t3", date(2026, 1, 4)), received_on=fifth).refused(
        "paid_too_early", saying="2026-01-05"
    )
    story.when(bounced("t3", fifth), received_on=fifth).is_accepted()


def test_what_was_billed_here_is_paid_here_before_its_month_too() -> None:
    """A group comes over in July and is billed in June: it pays in June, and not before the run."""
    client = group(opened=date(2015, 7, 1))
    client.plan_years.append(date(2024, 7, 1))
    june = date(2024, 6, 15)
    check_administration(client, bill(date(2024, 7, 1)), CARRIER, june)
    with pytest.raises(Refused, match="CBIA"):
        check_administration(client, paid("100.00"), CARRIER, june)
    story = given(client=client).and_given(bill(date(2024, 7, 1)), received_on=june)
    check_administration(story.client, paid("100.00"), CARRIER, june)


def test_medicare_advantage_is_paid_in_evolve() -> None:
    """Nothing is billed for it here."""
    with pytest.raises(Refused, match="Evolve"):
        check_administration(individual("medicare_advantage"), paid("1.00"), CARRIER, OPENED)


# ── Refunds ────────────────────────────────────────────────────────────────────────────────────


def test_a_refund_is_paid_out_of_credit() -> None:
    """All of it at most: what was posted stays posted."""
    story = couple(JANUARY).and_given(paid("1500.00"))
    story = story.when(paid("300.00", kind="refund", reference="Check 88")).then(
        CreditRefunded(cents=300_00, paid_on=OPENED, reference="Check 88")
    )
    assert balances(story) == ("0.00", "11.52")
    story.when(paid("11.53", kind="refund")).refused(
        "refund_exceeds_credit", saying="there are 11.52, not 11.53"
    )
    story = story.and_given(paid("11.52", kind="refund"))
    assert balances(story) == ("0.00", "0.00")
    story.when(paid("0.01", kind="refund")).refused("refund_exceeds_credit", saying="are 0.00")


def test_what_is_posted_is_not_refunded() -> None:
    """A client that has paid exactly, or not enough, has no credit."""
    for amount in ("1188.48", "1000.00"):
        story = couple(JANUARY).and_given(paid(amount))
        story.when(paid("0.01", kind="refund")).refused("refund_exceeds_credit")


# ── To the cent, always ────────────────────────────────────────────────────────────────────────


def test_charges_and_payments_add_up_after_each_step() -> None:
    """Billed = posted + open, and payments = posted + credit, added up from the events alone."""
    leaves = RemoveDependent(member_id=BEN, last_day=date(2026, 1, 31))
    steps: list[tuple[Command, date, tuple[str, str]]] = [
        (paid("100.00"), OPENED, ("0.00", "100.00")),  # t2
        (bill(JANUARY), OPENED, ("1088.48", "0.00")),
        (paid("1088.47"), OPENED, ("0.01", "0.00")),  # t4
        (bill(FEBRUARY), run_day(FEBRUARY), ("1188.49", "0.00")),
        (paid("1500.00"), FEBRUARY, ("0.00", "311.51")),  # t6
        (bounced("t2"), FEBRUARY, ("0.00", "211.51")),
        (paid("11.51", kind="refund"), FEBRUARY, ("0.00", "200.00")),
        (bounced("t4"), FEBRUARY, ("888.47", "0.00")),
        (leaves, FEBRUARY, ("888.47", "0.00")),
        (bill(MARCH), run_day(MARCH), ("896.15", "0.00")),  # + 598.08, less Ben's February
        (paid("1000.00", kind="credit"), MARCH, ("0.00", "103.85")),
        (bill(APRIL), run_day(APRIL), ("494.23", "0.00")),
        (bounced("t6"), APRIL, ("1994.23", "0.00")),
        (paid("2000.00"), APRIL, ("0.00", "5.77")),
        (bill(MAY), run_day(MAY), ("592.31", "0.00")),
    ]
    story = anna_with(BEN_SPOUSE)
    charges = funds = posted_so_far = 0
    for command, on, (open_after, credit_after) in steps:
        decided = story.when(command, received_on=on)
        story = decided.is_accepted()
        for event in decided.events:
            charges += _billed_by(event)
            funds += _funds_of(event)
            posted_so_far += sum(each.cents for each in getattr(event, "postings", ()))
        assert balances(story) == (open_after, credit_after), command
        assert dollars(charges - posted_so_far) == open_after, command
        assert dollars(funds - posted_so_far) == credit_after, command


def _billed_by(event: Event) -> int:
    return (
        event.total_cents - event.prior_balance_cents if isinstance(event, InvoiceProduced) else 0
    )


def _funds_of(event: Event) -> int:
    if isinstance(event, PaymentPosted):
        return event.cents
    return -event.cents if isinstance(event, CreditRefunded | PaymentBounced) else 0


# ── What senders write ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "body",
    [
        {"amount": "0.00"},
        {"amount": "0"},
        {"amount": "-10.00"},
        {"amount": "10.001"},
        {"amount": 10},
        {"amount": "0.00", "kind": "credit"},
        {"amount": "-0.01", "kind": "refund"},
        {},
        {"kind": "credit"},
        {"kind": "refund"},
        {"kind": "bounced"},
        {"kind": "bounced", "amount": "10.00"},
        {"kind": "bounced", "amount": "10.00", "payment": "t3"},
        {"amount": "10.00", "payment": "t3"},
        {"amount": "10.00", "kind": "refund", "payment": "t3"},
        {"amount": "10.00", "kind": "fee"},
    ],
    ids=str,
)
def test_an_amount_is_more_than_nothing_and_a_bounce_names_its_payment(
    body: dict[str, Any],
) -> None:
    """Anything else is no transaction at all."""
    with pytest.raises(ValidationError):
        PostPayment.model_validate(body)


def test_an_amount_may_be_a_cent_or_whole_dollars() -> None:
    """The least that can be paid is 0.01; decimals may be left out."""
    story = couple(JANUARY)
    assert posted(story.when(paid("0.01"))) == [(JANUARY, "0.01")]
    assert posted(story.when(paid("480"))) == [(JANUARY, "480.00")]
