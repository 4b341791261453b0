"""The billing run of a month: an invoice for each client whose turn it is (handbook §5).

Which clients to ask is read off the projection ``invoices``; what an invoice says, and whether
there may be one, is decided in the client's own history. There a month that is invoiced already is
no event, so a run that comes twice, or was cut off anywhere, makes no second invoice.

Months are invoiced one after the other: a client who misses an earlier month is *behind*. It is
not asked, and reported, so that the earlier month can be run first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

from msgspec import Struct

from domain.client.produce_invoice import RUN_IN_FUTURE, ProduceInvoice
from domain.client.timeliness import DAYS_AHEAD
from domain.kernel import Actor
from processors.applied import Applied
from processors.command_processor import CommandProcessor
from processors.receipts import Submission
from processors.run_service import RunAtWork
from processors.runs import SHOWN, BehindClient, RunNotPossible, RunRequest, Tally
from processors.submitting_many import count, submit_many

BILLING_SENDER = "billing-run"
"""The sender of what billing runs submit: no key has its name."""
PROJECTION = "invoices"
_ACTOR = Actor(BILLING_SENDER, "carrier")
_PAGE = 500

Standing = Literal["due", "behind", "already", "not_begun", "ended", "elsewhere"]
"""How a client stands to a month:

- ``due``: its invoice of the month is next;
- ``behind``: that of an earlier month is;
- ``already``: it has this one;
- ``not_begun``: its first month is later;
- ``ended``: it was billed to its end, and nothing has to be put right;
- ``elsewhere``: another administers it.
"""


# ── Who is due ─────────────────────────────────────────────────────────────────────────────────


class BillingAccount(Struct, frozen=True):
    """What the projection knows of a client's bills."""

    client_id: str
    first_month: date | None
    """The first month that is billed here."""
    billed_through: date | None
    next_month: date | None
    """The month to be invoiced next; None while another administers the client."""
    ends_on: date | None
    """The client's last covered day."""
    has_changes: bool
    """Something of earlier months is to be put right."""


class BillingAccounts(Protocol):
    """Reads the accounts of the projection ``invoices``. May raise ``RowsUnavailable``."""

    def after(self, client_id: str, limit: int) -> Sequence[BillingAccount]:
        """Accounts by client id, from the one after this."""
        ...

    def of(self, client_ids: Sequence[str]) -> Sequence[BillingAccount]:
        """The accounts of these clients, by client id; unknown ones are left out."""
        ...


def standing(account: BillingAccount, month: date) -> Standing:
    """How a client stands to a month, as its history would decide it.

    After a client's end months may be skipped: there is an invoice only where an earlier month
    has to be put right.
    """
    expected = account.next_month
    if expected is None:
        return "elsewhere"
    if expected > month:
        began = account.first_month if account.billed_through is not None else None
        return "already" if began is not None and began <= month else "not_begun"
    if account.ends_on is not None and account.ends_on < expected:
        return "due" if account.has_changes else "ended"
    return "due" if expected == month else "behind"


class BillingPlan(Struct):
    """What a billing run would do."""

    counts: dict[str, int]
    """Clients by standing; ``unknown`` are those asked for that there are not."""
    behind: list[BehindClient]
    """The first ones."""
    unknown: list[str]
    """The first ones."""


# ── The steps ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class BillingRun:
    """The steps of billing runs."""

    commands: CommandProcessor
    applied: Applied
    accounts: BillingAccounts

    def check(self, request: RunRequest, received_on: date) -> None:
        """As ``produce_invoice`` would refuse it."""
        if request.month.day != 1:
            raise RunNotPossible("month", "A month is named by its 1st.")
        if (request.month - received_on).days > DAYS_AHEAD:
            raise RunNotPossible("month", f"This is more than {DAYS_AHEAD} days ahead.")
        if request.run_on is not None and request.run_on > received_on:
            raise RunNotPossible("run_on", RUN_IN_FUTURE.sentence.format(run_on=request.run_on))

    def plan(
        self, month: date, clients: Sequence[str] | None, goes_on: Callable[[], bool] = lambda: True
    ) -> BillingPlan:
        """How the clients stand to the month now; nothing is submitted."""
        plan = BillingPlan({}, [], [])
        known = 0
        for account in _accounts(self.accounts, clients):
            if not goes_on():
                break
            known += 1
            stands = standing(account, month)
            plan.counts[stands] = plan.counts.get(stands, 0) + 1
            if stands == "behind" and account.next_month and len(plan.behind) < SHOWN:
                plan.behind.append(BehindClient(account.client_id, account.next_month))
        if clients is not None and known < len(clients) and goes_on():
            plan.counts["unknown"] = len(clients) - known
            plan.unknown = _unknown(self.accounts, clients)
        return plan

    def work(self, at_work: RunAtWork) -> None:
        """Bill everyone who is due."""
        run, tally = at_work.run, at_work.tally
        self.applied.all_of_the_log(at_work, (PROJECTION,))
        plan = self.plan(run.month, run.clients, at_work.goes_on)
        due = plan.counts.pop("due", 0)
        unknown = plan.counts.pop("unknown", 0)
        tally.counts.update(plan.counts)
        tally.behind = plan.behind
        _tell_unknown(tally, plan.unknown, unknown)
        if parked := len(self.applied.parked(PROJECTION)):
            tally.count("parked", parked)
        tally.total = due + unknown
        tally.done = unknown
        for submitted in submit_many(self.commands, self._due(at_work), at_work.goes_on):
            count(tally, submitted, "invoiced")

    def _due(self, at_work: RunAtWork) -> Iterator[Submission]:
        run = at_work.run
        command = ProduceInvoice(month=run.month, run_on=run.run_on)
        for account in _accounts(self.accounts, run.clients):
            if standing(account, run.month) == "due":
                key = f"{run.month:%Y-%m}/{run.run_id}/{run.attempt}/{account.client_id}"
                yield Submission(
                    _ACTOR, account.client_id, key, command, run.received_at, run.run_id
                )


def _accounts(accounts: BillingAccounts, clients: Sequence[str] | None) -> Iterator[BillingAccount]:
    """All accounts, or those of some clients, by id, a page at a time."""
    if clients is not None:
        for start in range(0, len(clients), _PAGE):
            yield from accounts.of(clients[start : start + _PAGE])
        return
    after = ""
    while page := accounts.after(after, _PAGE):
        after = page[-1].client_id
        yield from page


def _unknown(accounts: BillingAccounts, clients: Sequence[str]) -> list[str]:
    """The first of the clients asked for that there are not."""
    unknown: list[str] = []
    for start in range(0, len(clients), _PAGE):
        asked = clients[start : start + _PAGE]
        known = {account.client_id for account in accounts.of(asked)}
        unknown += [client_id for client_id in asked if client_id not in known]
    return unknown[:SHOWN]


def _tell_unknown(tally: Tally, first: Sequence[str], count: int) -> None:
    for client_id in first:
        tally.refuse(client_id, "client_not_found", f"There is no client {client_id}.")
    more = count - len(first)
    if more > 0:
        tally.count("refused", more)
        tally.refused["client_not_found"] += more
