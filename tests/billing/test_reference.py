"""Bills, postings and commission against an independent reckoning, over random years of clients.

A few hundred years are lived here; ``make billing-reference`` lives thousands. A seed stands for a
year, and is named by what fails.
"""

from __future__ import annotations

import os
from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest

from domain.client.state import Client
from domain.dates import add_months
from domain.money import dollars
from schemas.envelope import Recorded, decode, encode, topic_of
from schemas.snapshots import decode_client, encode_client
from tests.billing.commissions import banded, year_before
from tests.billing.random_years import CLIENT, Life
from tests.billing.reference import Books, same

_SEEDS = int(os.environ.get("OFRECORD_BILLING_SEEDS", "480"))
_FIRST_SEED = int(os.environ.get("OFRECORD_BILLING_FIRST_SEED", "1"))
_BATCH = 40
"""So many years a test: enough to be worth a worker's while."""
_HALF_A_CENT = Decimal("0.5")


def _batches() -> list[range]:
    last = _FIRST_SEED + _SEEDS
    return [range(n, min(n + _BATCH, last)) for n in range(_FIRST_SEED, last, _BATCH)]


@pytest.mark.parametrize("seeds", _batches(), ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}")
def test_i5_random_years_are_billed_posted_and_earned_as_reckoned_from_scratch(
    seeds: range,
) -> None:
    """I5: each line, posting and share is the reference's, and its identities hold at each step."""
    for seed in seeds:
        try:
            _one_year(seed)
        except Exception as wrong:
            raise AssertionError(f"seed {seed}: {wrong}") from wrong


def _one_year(seed: int) -> None:
    books = Books()
    life = Life(seed, books.follow).live(Random(seed).randint(6, 16))
    _each_month_is_billed_in_the_end(life, books)
    if books.billed_through is not None:
        _close(life, books)
        _linear_commission_is_a_single_computation(books)
    _folded_again_it_is_the_same(life, Random(seed))


def _each_month_is_billed_in_the_end(life: Life, books: Books) -> None:
    """A run always finds a month for what is due; then all invoices of a month are its premium."""
    if books.billed_through is None:
        return
    ended_on = life.client.terminated_on
    month = life.next_month()
    has_ended = ended_on is not None and ended_on < month
    happened = life.run(month, max(life.sent_on, month - timedelta(days=20)))
    assert bool(happened) == (not has_ended or books.has_differences_before_last_step)
    for month, (billed, premium) in books.months_as_known_at_the_last_run(life.client).items():
        assert billed == premium, f"{month}: {billed} was billed for {premium}"


def _close(life: Life, books: Books) -> None:
    """Everything is paid, and all commission is settled."""
    on, owed = life.sent_on, life.client.account.balance_cents
    if owed > 0:
        life.send({"type": "post_payment", "amount": dollars(owed), "paid_on": on}, on)
    settled = add_months(life.sent_on.replace(day=1), 1)
    life.send({"type": "settle_commission", "statement_month": settled}, settled)
    assert books.purse.open() == 0
    assert life.client.account.unsettled == []


# ── Commission over time ───────────────────────────────────────────────────────────────────────


def _linear_commission_is_a_single_computation(books: Books) -> None:
    """By month: a percent of its premium, or dollars for each of its subscriber-months.

    Where terms of the month changed between two of its lines, there is no single computation. Under
    a percent it is equal to the cent if no line was rounded, else within half a cent a line.
    """
    for month in {entry.month for entry in books.purse.entries}:
        lines = [line for line in books.payroll.lines if line.coverage_month == month]
        terms = books.payroll.terms_of(month)
        entries = [entry for entry in books.purse.entries if entry.month == month]
        if terms is None or len(lines) != len(entries) or {x.terms for x in lines} != {terms[0]}:
            continue
        charges = [(key, c) for key, c in books.purse.charges.items() if key[0] == month]
        earned = sum(line.commission_cents for line in lines)
        if terms[1].kind == "pmpm":
            subscribers = {key[1] for key, charge in charges if charge.billed}
            assert earned == len(subscribers) * (terms[1].pmpm_cents or 0)
        elif terms[1].kind == "percent":
            rate = Decimal(terms[1].percent or 0) / 100
            exact = sum(charge.billed for _, charge in charges) * rate
            is_rounded = [entry.cents * rate % 1 != 0 for entry in entries]
            assert abs(earned - exact) <= sum(is_rounded) * _HALF_A_CENT
    _graded_years_add_up(books)


def _graded_years_add_up(books: Books) -> None:
    """A calendar year all of whose lines are graded alike earns what its bands give on its sum."""
    for year in {entry.on.year for entry in books.purse.entries}:
        entries = [entry for entry in books.purse.entries if entry.on.year == year]
        lines = [line for line in books.payroll.lines if line.posted_on.year == year]
        used = {line.terms for line in lines}
        terms = [event.terms for by, event in books.payroll.terms if {by} == used]
        if len(lines) == len(entries) and terms and terms[0].kind == "graded":
            exact = banded(terms[0].bands, year_before(entries, year))
            assert abs(sum(x.commission_cents for x in lines) - exact) <= len(lines) * _HALF_A_CENT


# ── Replay ─────────────────────────────────────────────────────────────────────────────────────


def _folded_again_it_is_the_same(life: Life, random: Random) -> None:
    """From the stored bytes, and through a snapshot on the way."""
    events = [_stored_and_read(recorded) for recorded in life.history.events]
    snapshot_after = random.randint(0, len(events))
    client, short_cut = Client(CLIENT), Client(CLIENT)
    for index, recorded in enumerate(events):
        recorded.evolve(client)
        if index == snapshot_after:
            short_cut = decode_client(encode_client(client))
        elif index > snapshot_after:
            recorded.evolve(short_cut)
    assert client == life.client
    assert snapshot_after == len(events) or short_cut == life.client


def _stored_and_read(recorded: Recorded) -> Recorded:
    cause, event = decode(topic_of(recorded.event), encode(recorded.cause, recorded.event))
    same(event, recorded.event)
    return Recorded(
        recorded.position,
        recorded.client_id,
        recorded.version,
        recorded.recorded_at,
        cause,
        event,
    )


# ── The years themselves ───────────────────────────────────────────────────────────────────────


def test_the_random_years_are_full_of_what_changes_bills() -> None:
    """Every kind of transaction about premium, bills and payments has an effect in some year."""
    accepted: dict[str, int] = {}
    segments, rules = set(), set()
    for seed in range(1, 121):
        life = Life(seed, lambda client, events: None).live(10)
        segments.add(life.client.segment)
        rules.add(life.client.part_month_rule)
        for kind, times in life.accepted.items():
            accepted[kind] = accepted.get(kind, 0) + times
    assert len(segments) == 5
    assert len(rules) == 3
    rarest = min(accepted, key=lambda kind: accepted[kind])
    assert accepted[rarest] >= 5, f"{rarest}: {accepted[rarest]}"
    expected = {"elect_cobra", "reinstate_member", "terminate_client", "renew_client"}
    assert expected <= accepted.keys()


def test_a_lived_year_is_the_same_each_time() -> None:
    """A seed that fails in one place fails in another."""
    years = [Life(7, lambda client, events: None).live(8) for _ in range(2)]
    assert years[0].client == years[1].client
    assert years[0].sent_on > date(2026, 1, 1)
