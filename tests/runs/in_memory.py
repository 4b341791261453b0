"""A carrier in memory: log, command processor, invoices, commissions, the service of runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from adapters.outbound.in_memory import InMemoryEventLog
from adapters.outbound.in_memory_rows import InMemoryRowStore
from adapters.outbound.in_memory_runs import InMemoryRuns
from domain.catalog import COMMANDS, PAYEE_COMMANDS
from domain.client.produce_invoice import InvoiceProduced
from domain.payee.produce_statement import StatementProduced
from domain.payee.state import stream_id
from processors.applied import Applied
from processors.billing_run import BillingAccount, BillingRun
from processors.command_processor import CommandProcessor
from processors.commission_run import CommissionRun
from processors.ports import EventLog
from processors.projector import Projector
from processors.receipts import Answer, Receipt, Submission
from processors.run_service import Runs
from processors.runs import Run, RunRequest
from projections.commissions import Commissions
from projections.invoice_rows import AccountRow
from projections.invoices import Invoices
from tests.processors.sending import CARRIER, SetClock, opening
from tests.runs.facts_in_memory import FactsInMemory

JANUARY, FEBRUARY, MARCH, APRIL = (date(2026, month, 1) for month in range(1, 5))
_SUBSCRIBER = {
    **COMMANDS["add_subscriber"].example,
    "plan_id": "PLATINUM",
    "subgroup_id": "EAST",
    "effective_on": "2026-01-01",
    "dependents": [],
}


class AccountsInMemory:
    """``BillingAccounts`` over a row store in memory; remembers how much was asked at a time."""

    def __init__(self, rows: InMemoryRowStore) -> None:
        self._rows = rows
        self.pages: list[int] = []

    def after(self, client_id: str, limit: int) -> Sequence[BillingAccount]:
        """A page of accounts."""
        return self._page((a for a in self._all() if a.client_id > client_id), limit)

    def of(self, client_ids: Sequence[str]) -> Sequence[BillingAccount]:
        """Some accounts."""
        return self._page((a for a in self._all() if a.client_id in client_ids), len(client_ids))

    def _page(self, found: Iterator[BillingAccount], limit: int) -> list[BillingAccount]:
        page = sorted(found, key=lambda account: account.client_id)[:limit]
        self.pages.append(len(page))
        return page

    def _all(self) -> Iterator[BillingAccount]:
        for row in self._rows.rows(Invoices()):
            if isinstance(row, AccountRow):
                fields = BillingAccount.__struct_fields__
                yield BillingAccount(**{name: getattr(row, name) for name in fields})


class Watched:
    """A command processor that counts how many are on their way, and can be made to wait."""

    def __init__(self, commands: CommandProcessor) -> None:
        self._commands = commands
        self._lock = threading.Lock()
        self.on_the_way = 0
        self.most = 0
        self.submitted: list[Submission] = []
        self.gate = threading.Event()
        self.gate.set()
        self.closes_after = 0
        """After so many submissions the next ones wait for the gate; 0: never."""

    def submit(self, submission: Submission, follows: Any = None) -> Any:
        """As the inner one."""
        self.gate.wait(30)
        with self._lock:
            self.on_the_way += 1
            self.most = max(self.most, self.on_the_way)
            self.submitted.append(submission)
            if len(self.submitted) == self.closes_after:
                self.gate.clear()
        future = self._commands.submit(submission, follows)
        future.add_done_callback(self._answered)
        return future

    def _answered(self, _future: object) -> None:
        with self._lock:
            self.on_the_way -= 1


class Carrier:
    """Everything a run needs, in memory."""

    def __init__(self, log: EventLog | None = None) -> None:
        self.log = log or InMemoryEventLog()
        self.clock = SetClock()
        self.rows = InMemoryRowStore()
        self.store = InMemoryRuns()
        self.accounts = AccountsInMemory(self.rows)
        self.facts = FactsInMemory(self.rows)
        self.processor = CommandProcessor(self.log, self.clock, outage_patience_seconds=0.0)
        self.watched = Watched(self.processor)
        self._projectors = [
            Projector(projection, self.log, self.rows, self.clock)
            for projection in (Invoices(), Commissions())
        ]
        for projector in self._projectors:
            projector.start()
        self.runs = self.another_process()

    def another_process(self) -> Runs:
        """A service of runs on the same log and record."""
        commands: Any = self.watched  # it does what of the processor is used
        applied = Applied(self.log, self.rows, self._applied, patience_seconds=0.0)
        self.billing = BillingRun(commands, applied, self.accounts)
        commission = CommissionRun(commands, applied, self.facts)
        return Runs(self.store, self.clock, {"billing": self.billing, "commission": commission})

    def close(self) -> None:
        """End all threads."""
        self.watched.gate.set()
        self.runs.close()
        self.processor.close()

    def open(self, *client_ids: str) -> None:
        """Small groups, effective 2026-01-01, without members."""
        futures = [self.processor.submit(opening(c, f"open-{c}")) for c in client_ids]
        assert all(future.result(30).receipt.status == "accepted" for future in futures)

    def enrol(self, client_id: str, member_id: str) -> None:
        """A plan, and a subscriber covered from 2026-01-01."""
        self.send(client_id, COMMANDS["add_subgroup"].example)
        self.send(client_id, {**COMMANDS["offer_plan"].example, "subgroup_id": "EAST"})
        self.send(client_id, {**_SUBSCRIBER, "member_id": member_id})

    def send(
        self, client_id: str, body: dict[str, Any] | Any, received_at: datetime | None = None
    ) -> Receipt:
        """One accepted transaction."""
        command = (COMMANDS | PAYEE_COMMANDS)[body["type"]].model_validate(body)
        key = f"{client_id}-{self.log.head()}-{body['type']}"
        submission = Submission(CARRIER, client_id, key, command, received_at)
        answer: Answer = self.processor.submit(submission).result(30)
        assert answer.receipt.status == "accepted", answer.receipt
        return answer.receipt

    def bill(self, month: date, **options: Any) -> Run:
        """A billing run, from beginning to end."""
        return self.runs.do(asked(month, **options))

    def settle(self, month: date, **options: Any) -> Run:
        """A commission run, from beginning to end."""
        return self.runs.do(asked(month, kind="commission", **options))

    def apply(self) -> None:
        """Bring the projections up to the log."""
        assert self._applied(self.log.head(), 0, ("invoices", "commissions"))

    def invoices(self) -> dict[str, list[date]]:
        """By client: the months of the invoices in its history."""
        found: dict[str, list[date]] = {}
        for recorded in self.log.follow(0, 1_000_000):
            if isinstance(recorded.event, InvoiceProduced):
                found.setdefault(recorded.client_id, []).append(recorded.event.month)
        return found

    def retry_parked(self) -> None:
        """The projectors are started again: what is parked is tried once more."""
        for projector in self._projectors:
            projector.start()
        self.apply()

    def statements(self, payee_id: str) -> dict[date, StatementProduced]:
        """By month: the statements in a payee's history."""
        history = self.log.history(stream_id(payee_id), 0, 1_000)
        found = [e.event for e in history if isinstance(e.event, StatementProduced)]
        assert len({statement.month for statement in found}) == len(found), "one of a month"
        return {statement.month: statement for statement in found}

    def _applied(self, position: int, _timeout: float, names: Sequence[str]) -> bool:
        for projector in self._projectors:
            while projector.step():
                pass
        return all(self.rows.position(name) >= position for name in names)


def asked(month: date, **options: Any) -> RunRequest:
    """A run that staff ask for: a billing run unless told otherwise."""
    return RunRequest(**{"kind": "billing", "month": month, "started_by": "staff", **options})


@contextmanager
def carrier(log: EventLog | None = None) -> Iterator[Carrier]:
    """A carrier in memory, ended afterwards."""
    made = Carrier(log)
    try:
        yield made
    finally:
        made.close()


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    waiting = threading.Event()
    for _ in range(3_000):
        if condition():
            return
        waiting.wait(0.01)
    raise AssertionError("it did not happen")
