"""Premiums, postings and balances explained out of the log, as known at any version of the client.

Over random years every figure is held against one that is reckoned independently: premium against
the reference of handbook §4, day by day; what each charge got against plain lists of charges (§5).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.in_memory import InMemoryEventLog
from domain.client.post_payment import PaymentBounced, PaymentPosted
from domain.client.produce_invoice import InvoiceProduced
from domain.client.state import Client
from domain.dates import add_months, first_of_month
from domain.explanation import Explanation
from processors.explaining import Explained, Explainer
from processors.ports import EventLog
from projections.book_of_business import BookOfBusiness
from projections.book_rows import PremiumRow
from schemas.envelope import Recorded
from tests.billing.costs import Key
from tests.billing.random_years import CLIENT, Life
from tests.billing.reference import Books
from tests.domain.bills import FEBRUARY, JANUARY, MARCH, bounced, paid
from tests.domain.explained import adds_up, billed, opened, step, steps, tell
from tests.domain.families import ANNA, BEN, BEN_SPOUSE, EVAN, add_anna, add_to_anna
from tests.domain.given import OPENED
from tests.domain.premium_by_days import FamilyMonth
from tests.processors.test_explaining import fill, watched
from tests.projections.histories import History, project, rows_of
from tests.projections.random_histories import histories

PostingEvent = InvoiceProduced | PaymentPosted | PaymentBounced


@pytest.fixture(params=["memory", "postgres"])
def log(request: pytest.FixtureRequest) -> Iterator[EventLog]:
    """An empty log of each kind."""
    if request.param == "memory":
        yield InMemoryEventLog()
        return
    log = PostgresEventLog(request.getfixturevalue("database_url"))
    yield log
    log.close()


def is_sound(explained: Explained) -> Explanation:
    """It adds up, and each transaction that it names is told with its first event."""
    adds_up(explained.tree)
    named = {by for each in steps(explained.tree) for by in each.transactions}
    assert explained.transactions.keys() == named
    for transaction_id, recorded in explained.transactions.items():
        assert (recorded.cause.transaction_id, recorded.cause.index) == (transaction_id, 1)
    return explained.tree


def log_of(history: History) -> InMemoryEventLog:
    """A log with a history."""
    log = InMemoryEventLog()
    fill(log, history)
    return log


def months_around(history: History) -> list[date]:
    """All months in which anything happens, and some before and after."""
    last = history.events[-1].cause.received_at.date()
    first = add_months(first_of_month(history.events[0].cause.received_at.date()), -2)
    return [add_months(first, n) for n in range((last - first) // timedelta(days=28) + 4)]


# ── Premium ────────────────────────────────────────────────────────────────────────────────────


def cost_by_days(client: Client, member_id: str, month: date) -> int:
    """What a member costs by the reference; by tier, what the families do that cover them."""
    cents = 0
    for family in client.families.values():
        if member_id in family.member_ids:
            reference = FamilyMonth(client, family, month)
            own = reference.costs().get(member_id)
            if own is None and member_id in reference.billed:
                own = reference.costs().get(family.subscriber_id)
            cents += own.cents if own else 0
    return cents


@settings(max_examples=40, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_a_premium_explained_is_what_the_member_costs(history: History, random: Random) -> None:
    """By the reference, for any member and month; 0.00 where nothing is billed."""
    explainer = Explainer(log_of(history))
    for client_id, client in history.clients.items():
        for member_id in client.members:
            for month in random.sample(months_around(history), 3):
                explained = explainer.premium(client_id, member_id, month)
                assert explained is not None
                assert is_sound(explained).cents == cost_by_days(client, member_id, month)
        assert explainer.premium(client_id, "99999999999", OPENED) is None


@settings(max_examples=40, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_the_monthly_premium_explained_is_that_of_the_book(
    history: History, random: Random
) -> None:
    """Each row of the book of business: the tree has a step with its full monthly premium."""
    explainer = Explainer(log_of(history))
    rows = rows_of(project(BookOfBusiness(), history.events), PremiumRow)
    for row in random.sample(rows, min(10, len(rows))):
        through = row.last_month or add_months(row.first_month, 3)
        for month in {row.first_month, through}:
            explained = explainer.premium(row.client_id, row.member_id, month)
            assert explained is not None
            monthly = {each.cents for each in steps(explained.tree) if "a month" in each.label}
            assert row.monthly_cents in monthly


@settings(max_examples=30, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_any_figure_as_known_at_a_version_is_that_of_the_history_up_to_it(
    history: History, random: Random
) -> None:
    """Nothing that came later is in it: as if the log had ended there."""
    explainer = Explainer(log_of(history))
    recorded = random.choice(history.events)
    client_id, version = recorded.client_id, recorded.version
    known = History()
    known.events = history.events[: recorded.position]
    before = Explainer(log_of(known))
    assert explainer.balance(client_id, version) == before.balance(client_id)
    month = random.choice(months_around(history))
    for member_id in history.clients[client_id].members:
        as_known = explainer.premium(client_id, member_id, month, version)
        assert as_known == before.premium(client_id, member_id, month)
    for each in history.events:
        if each.client_id == client_id and isinstance(each.event, PostingEvent):
            by, is_known = each.cause.transaction_id, each.version <= version
            found = explainer.posting_made(by, 1, version)
            assert (found is not None) == (is_known and bool(each.event.postings))
            line = explainer.invoice_line(by, 1, version)
            assert line == (before.invoice_line(by, 1) if is_known else None)


# ── Balances and postings over random years ────────────────────────────────────────────────────


class Watching:
    """A year's plain lists of charges, as each event of it found and left them."""

    def __init__(self) -> None:
        self.books = Books()
        self.owed: dict[int, tuple[int, int]] = {}
        """By position: what is open and what is credit, after the event."""
        self.paid: dict[int, dict[Key, int]] = {}
        """By position: what the event paid of each charge; below 0, what it opened again."""

    def follow(self, client: Client, recorded: Recorded) -> None:
        """Compare as the reference does, and note what moved."""
        charges = self.books.purse.charges
        before = {key: (charge.billed, charge.open) for key, charge in charges.items()}
        self.books.follow(client, recorded)
        cancelled: dict[Key, int] = {}
        if isinstance(recorded.event, InvoiceProduced):
            for each in recorded.event.adjustments:
                if each.cents < 0:
                    key = each.month, each.subscriber_id, each.member_id
                    cancelled[key] = -each.cents - each.taken_cents
        moved = {}
        for key, charge in charges.items():
            billed_before, open_before = before.get(key, (0, 0))
            more = max(0, charge.billed - billed_before)
            moved[key] = open_before + more - cancelled.get(key, 0) - charge.open
        self.paid[recorded.position] = {key: cents for key, cents in moved.items() if cents}
        self.owed[recorded.position] = self.books.purse.open(), self.books.purse.credit()


@pytest.mark.parametrize("first_seed", range(1, 61, 10))
def test_i5_each_posting_and_each_balance_of_random_years_is_explained(first_seed: int) -> None:
    """I5: by charge as in plain lists of them; all together they are what is posted."""
    explained = 0
    for seed in range(first_seed, first_seed + 10):
        watching = Watching()
        life = Life(seed, watching.follow).live(Random(seed).randint(6, 14))
        explainer = Explainer(log_of(life.history))
        try:
            explained += every_posting_is_explained(life.history, explainer, watching)
            every_balance_is_explained(life.history, explainer, watching)
        except Exception as wrong:
            raise AssertionError(f"seed {seed}: {wrong!r}") from wrong
    assert explained > 100


def every_posting_is_explained(history: History, explainer: Explainer, watching: Watching) -> int:
    """Each comes to its amount, charge by charge; how many."""
    count = posted = 0
    for made in history.events:
        if not isinstance(made.event, PostingEvent):
            continue
        by_charge: dict[Key, int] = {}
        for number, posting in enumerate(made.event.postings, start=1):
            found = explainer.posting_made(made.cause.transaction_id, number)
            assert found == (made, posting)
            tree = is_sound(explainer.posting(made, number))
            assert tree.cents == posting.cents
            assert step(tree, "Credit after").cents == watching.owed[made.position][1]
            for key, cents in charges_of(tree, posting.coverage_month).items():
                by_charge[key] = by_charge.get(key, 0) + cents
            posted += posting.cents
            count += 1
        assert by_charge == watching.paid[made.position]
        beyond = len(made.event.postings) + 1
        assert explainer.posting_made(made.cause.transaction_id, beyond) is None
    assert posted == history.clients[CLIENT].account.posted_cents
    return count


def charges_of(tree: Explanation, month: date) -> dict[Key, int]:
    """What each charge got, in the order told."""
    found = {}
    for each in steps(tree):
        if each.label.startswith("Charge of member"):
            named = {fact.name: fact.value for fact in each.facts}
            assert each.cents is not None
            found[month, named["subscriber"], named["member"]] = each.cents
    assert list(found) == sorted(found, reverse=(tree.cents or 0) < 0)
    return found


def every_balance_is_explained(history: History, explainer: Explainer, watching: Watching) -> None:
    """As known after each event that moved the account, and now."""
    for recorded in history.events:
        open_cents, credit_cents = watching.owed[recorded.position]
        if isinstance(recorded.event, PostingEvent) or recorded is history.events[-1]:
            tree = is_sound(explainer.balance(CLIENT, recorded.version))
            assert (tree.children[0].cents, tree.children[1].cents) == (open_cents, credit_cents)
    assert explainer.balance(CLIENT, history.events[-1].version) == explainer.balance(CLIENT)


# ── Of the log ─────────────────────────────────────────────────────────────────────────────────


def a_year() -> History:
    """Anna's family with Ben, who joins late, and Evan's; billed, paid, bounced.

    Then Anna's February costs less, by a transaction of several events, and Ben is taken back.
    """
    history = opened()
    tell(history, add_anna(), OPENED)
    tell(history, add_anna(member_id=EVAN), OPENED)
    billed(history, JANUARY, FEBRUARY)
    tell(history, add_to_anna(BEN_SPOUSE, JANUARY), date(2026, 1, 20))
    billed(history, MARCH)
    payment = tell(history, paid("5000.00"), date(2026, 2, 20))
    tell(history, bounced(payment), date(2026, 2, 25))
    tell(history, paid("3000.00"), date(2026, 2, 26))
    cheaper = {"member_id": ANNA, "plan_id": "SILVER", "effective_on": "2026-02-01"}
    tell(history, "change_plan", date(2026, 2, 27), **cheaper)
    assert history.events[-1].cause.count > 1
    tell(history, "remove_dependent", date(2026, 2, 27), member_id=BEN, last_day="2025-12-31")
    billed(history, date(2026, 4, 1))
    return history


def test_each_kind_of_log_explains_the_same(log: EventLog) -> None:
    """Postings of a run too, down to who removed Ben: a transaction of several events or of one."""
    history = a_year()
    fill(log, history)
    explainer, other = Explainer(log), Explainer(log_of(history))
    assert is_sound(explainer.balance("C1")) == other.balance("C1").tree
    for member_id in (ANNA, BEN, EVAN):
        for month in (JANUARY, FEBRUARY):
            one = explainer.premium("C1", member_id, month)
            assert one is not None
            assert one == other.premium("C1", member_id, month)
    for made in history.events:
        if isinstance(made.event, PostingEvent):
            for number in range(1, len(made.event.postings) + 1):
                tree = is_sound(explainer.posting(made, number))
                assert tree == other.posting(made, number).tree
    taken = explainer.posting(history.events[-1], 1)
    assert [r.cause.transaction_type for r in taken.transactions.values()] == [
        "produce_invoice",
        "remove_dependent",
    ]
    reversed_too = explainer.posting(history.events[-1], 2).transactions.values()
    assert "change_plan" in {recorded.cause.transaction_type for recorded in reversed_too}


def test_a_premium_reads_only_the_family(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evan's events are not looked at for Ben's premium."""
    history = a_year()
    fill(log, history)
    read = watched(log, monkeypatch)
    assert Explainer(log).premium("C1", BEN, FEBRUARY) is not None
    assert {member for e in read for member in e.event.members()} == {ANNA, BEN}


def test_what_is_appended_between_two_looks_is_not_half_seen(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anna's birth date is corrected meanwhile: her premium is explained as if it were not."""
    history = a_year()
    fill(log, history)
    before = Explainer(log).premium("C1", ANNA, FEBRUARY)
    head = log.head()
    corrected = {"member_id": ANNA, "birth_date": "1980-01-01"}
    tell(history, "correct_birth_date", date(2026, 3, 20), **corrected)
    later = History()
    later.events = history.events[head:]
    fill(log, later)
    monkeypatch.setattr(log, "head", lambda: head)
    assert Explainer(log).premium("C1", ANNA, FEBRUARY) == before


def test_there_is_no_such_posting(log: EventLog) -> None:
    """Of a refund, of another transaction, of an unknown one; of numbers beyond."""
    history = a_year()
    tell(history, paid("100.00"), date(2026, 3, 16))
    tell(history, paid("9000.00"), date(2026, 3, 16))
    refund = tell(history, paid("1.00", kind="refund"), date(2026, 3, 16))
    fill(log, history)
    explainer = Explainer(log)
    for transaction_id in ("t1", refund, "unknown"):
        assert explainer.posting_made(transaction_id, 1) is None
    for number in (-1, 0, 99):
        assert explainer.posting_made(f"t{history.sent - 1}", number) is None


def test_a_client_without_a_history_owes_nothing(log: EventLog) -> None:
    """Nobody was ever billed or paid there."""
    explained = Explainer(log).balance("nobody")
    assert (explained.tree.cents, dict(explained.transactions)) == (0, {})
