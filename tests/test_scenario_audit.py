"""The audit of handbook §9: H2's spouse, covered from 9 February 2026, was told on 4 March.

What was February's premium as known on 3 March, and on 5 March; why did April's invoice bill
February and March again; what did the payment of 1 April post of it; what did the producer earn on
that: each explained down to the rules, the transactions and who sent them.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from domain.client.post_payment import PaymentPosted
from domain.client.produce_invoice import InvoiceProduced
from domain.client.settle_commission import CommissionSettled
from domain.dates import carrier_date
from domain.explanation import Explanation
from domain.money import dollars
from processors.explaining import Explained, Explainer
from schemas.envelope import Recorded
from tests.domain.explained import adds_up, step, steps
from tests.processors.test_explaining_figures import log_of
from tests.projections.histories import History
from tests.projections.random_histories import command
from tests.test_worked_example import APRIL, EXAMPLE, FEBRUARY, H2, H2_SPOUSE, MARCH

CLIENT = "C1"
PAYEE = "A-10"
TOLD_ON = date(2026, 3, 4)


@pytest.fixture(scope="module")
def history() -> History:
    """Harbor Bakery's transactions, as they were received."""
    history = History()
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        body = json.loads(line)
        received_on = datetime.fromisoformat(body.pop("received_at")).astimezone(UTC).date()
        facts = {name: v for name, v in body.items() if name not in ("client_id", "key")}
        history.accept(command(facts), received_on)
    return history


@pytest.fixture(scope="module")
def explainer(history: History) -> Explainer:
    """Explains out of a log with them."""
    return Explainer(log_of(history))


def version_on(history: History, day: date) -> int:
    """The client's version at the end of a day."""
    known = [e for e in history.events if carrier_date(e.cause.received_at) <= day]
    return known[-1].version


def sent(explained: Explained, tree: Explanation) -> list[tuple[str, str, date]]:
    """(type, role of the sender, day received) of the transactions that a step names."""
    causes = [explained.transactions[each].cause for each in tree.transactions]
    return [(c.transaction_type, c.role, carrier_date(c.received_at)) for c in causes]


SPOUSE_TOLD = ("add_dependent", "portal", TOLD_ON)


def test_februarys_premium_of_the_family_before_and_after(
    history: History, explainer: Explainer
) -> None:
    """491.52 as known on 3 March, when the spouse was nobody; 994.56 as known on 5 March."""
    before, after = (version_on(history, date(2026, 3, day)) for day in (3, 5))
    between = {e.cause.transaction_type for e in history.events if before < e.version <= after}
    assert between == {"add_dependent", "settle_commission"}, "who settles changes no premium"
    assert explainer.premium(CLIENT, H2_SPOUSE, FEBRUARY, before) is None
    known_before = explainer.premium(CLIENT, H2, FEBRUARY, before)
    known_after = explainer.premium(CLIENT, H2, FEBRUARY, after)
    assert known_before is not None
    assert known_before == known_after, "the spouse changes nothing for H2"
    assert known_before.tree.cents == 491_52
    spouse = explainer.premium(CLIENT, H2_SPOUSE, FEBRUARY, after)
    assert spouse is not None
    assert spouse.tree.cents == 503_04
    assert sent(spouse, step(spouse.tree, "Covered from 2026-02-09")) == [SPOUSE_TOLD]
    age = step(spouse.tree, "Age ")
    assert age.label == (
        "Age 27 on 2026-02-09, the first day of the unbroken coverage: factor 1.048."
    )
    assert step(spouse.tree, "480.00 × 1.048").rule == "§4"
    assert (
        "the month is billed in full if coverage starts"
        in spouse.tree.children[0].children[-1].label
    )
    adds_up(spouse.tree)


def test_the_adjustments_of_april(history: History, explainer: Explainer) -> None:
    """Lines 11 and 12: nothing had been billed, 503.04 is due, because of what came on 4 March."""
    run, invoice = the_run(history, APRIL)
    lines = [(a.member_id, a.month) for a in invoice.adjustments]
    assert lines == [(H2_SPOUSE, FEBRUARY), (H2_SPOUSE, MARCH)]
    for number in (len(invoice.lines) + 1, len(invoice.lines) + 2):
        explained = explainer.invoice_line(run.cause.transaction_id, number)
        assert explained is not None
        reason, cost, billed_before = explained.tree.children
        assert explained.tree.cents == 503_04
        assert sent(explained, reason) == [SPOUSE_TOLD]
        assert (cost.cents, billed_before.cents) == (503_04, 0)
        adds_up(explained.tree)
    not_yet = explainer.invoice_line(run.cause.transaction_id, 11, version_on(history, TOLD_ON))
    assert not_yet is None, "the run was made on 15 March"


def the_run(history: History, month: date) -> tuple[Recorded, InvoiceProduced]:
    """The run that produced the invoice of a month."""
    for recorded in history.events:
        if isinstance(recorded.event, InvoiceProduced) and recorded.event.month == month:
            return recorded, recorded.event
    raise LookupError


def test_what_the_payment_of_1_april_posted(history: History, explainer: Explainer) -> None:
    """3,000.00: the spouse's February and March first, and 1,993.92 of April in line order."""
    (payment,) = [
        e
        for e in history.events
        if isinstance(e.event, PaymentPosted) and e.event.paid_on == date(2026, 4, 1)
    ]
    run, _ = the_run(history, APRIL)
    posted = []
    for number in (1, 2, 3):
        explained = explainer.posting(payment, number)
        tree = explained.tree
        posted.append((dollars(tree.cents or 0), len(step(tree, "By charge").children)))
        adds_up(tree)
        assert sent(explained, tree) == [("post_payment", "carrier", date(2026, 4, 1))]
        billed_by = {by for each in steps(tree) for by in each.transactions}
        assert billed_by == {payment.cause.transaction_id, run.cause.transaction_id}
    # Of April: four members of H1's family in full, the fifth in part; five are not reached.
    assert posted == [("503.04", 1), ("503.04", 1), ("1993.92", 6)]


def test_the_commission_on_it(history: History, explainer: Explainer) -> None:
    """4 % of 503.04 is 20.12 on the statement of May; by whose terms, posted by whom."""
    (settled,) = [
        e
        for e in history.events
        if isinstance(e.event, CommissionSettled) and e.event.statement_month == date(2026, 5, 1)
    ]
    for number, amount in ((1, 20_12), (2, 20_12), (3, 79_76)):
        explained = explainer.commission_share(settled, number, PAYEE, None)
        assert explained is not None
        assert explained.tree.cents == amount
        posted = step(explained.tree, "was posted for")
        assert sent(explained, posted) == [("post_payment", "carrier", date(2026, 4, 1))]
        terms = step(explained.tree, "Terms of")
        assert [each[:2] for each in sent(explained, terms)] == [
            ("set_commission_terms", "carrier")
        ]
        agent = step(explained.tree, "Agent of record")
        assert [each[:2] for each in sent(explained, agent)] == [
            ("assign_agent_of_record", "carrier")
        ]
        adds_up(explained.tree)


def test_what_was_owed_before_and_after_the_run(history: History, explainer: Explainer) -> None:
    """Nothing on 14 March; 6,616.80 after April's run; by now a credit of 1,269.60."""
    before, after = (version_on(history, date(2026, 3, day)) for day in (14, 15))
    assert explainer.balance(CLIENT, before).tree.cents == 0
    assert explainer.balance(CLIENT, after).tree.cents == 6616_80
    now = explainer.balance(CLIENT).tree
    assert (now.cents, now.children[1].cents) == (-1269_60, 1269_60)
    adds_up(now)
