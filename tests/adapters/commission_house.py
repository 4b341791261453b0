"""The system on a database, with a client that is billed, pays, and earns its agency commission.

Everything is received at 17:00 UTC of the day named, which lies in the past: the runs too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from adapters import bootstrap
from adapters.bootstrap import Application, open_application
from adapters.inbound.submitting import CLI
from adapters.outbound.billing_views import StatementView
from adapters.outbound.commission_reads import CommissionReads
from domain.catalog import COMMANDS, PAYEE_COMMANDS
from domain.payee.state import stream_id
from processors.ports import Clock
from processors.receipts import Receipt, Submission
from processors.runs import Run, RunRequest
from tests.adapters.served import EXAMPLE, HARBOR, Served, served

AGENCY = "A-10"
PRINCIPAL = "P-100"
COLLEAGUE = "P-117"


def instant(day: str) -> datetime:
    """When what is received on a day is received."""
    return datetime.combine(date.fromisoformat(day), time(17), UTC)


class House:
    """The carrier's house: it sends, runs and reads."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.services = application.services
        self.sent = 0

    @property
    def reads(self) -> CommissionReads:
        """The reads of commissions, with everything applied."""
        head = self.services.log.head()
        assert self.application.projectors.wait_until_applied(head, 60)
        return self.services.commissions

    def send(self, stream: str, body: dict[str, Any], received_at: datetime) -> Receipt:
        """Submit a transaction that must be accepted."""
        self.sent += 1
        command = (COMMANDS | PAYEE_COMMANDS)[body["type"]].model_validate(body)
        submission = Submission(CLI, stream, f"sent-{self.sent}", command, received_at)
        receipt = self.services.commands.submit(submission).result(30).receipt
        assert receipt.status == "accepted", (receipt.code, receipt.sentence)
        return receipt

    def bill(self, month: str, run_on: str, client_id: str = HARBOR) -> None:
        """A client's invoice."""
        body = {"type": "produce_invoice", "month": month, "run_on": run_on}
        self.send(client_id, body, instant(run_on))

    def pay(
        self, amount: str, paid_on: str, received_on: str | None = None, client_id: str = HARBOR
    ) -> str:
        """A client's payment; the transaction that posted it."""
        body = {"type": "post_payment", "amount": amount, "paid_on": paid_on}
        return self.send(client_id, body, instant(received_on or paid_on)).transaction_id

    def bounce(self, payment: str, on: str) -> None:
        """A payment did not hold."""
        body = {"type": "post_payment", "kind": "bounced", "payment": payment, "paid_on": on}
        self.send(HARBOR, body, instant(on))

    def to_payee(self, payee_id: str, body: dict[str, Any], on: str) -> None:
        """A transaction on a payee."""
        self.send(stream_id(payee_id), body, instant(on))

    def run(self, month: str, run_on: str) -> Run:
        """The commission run of a month."""
        asked = RunRequest(
            kind="commission",
            month=date.fromisoformat(month),
            started_by="staff",
            run_on=date.fromisoformat(run_on),
            received_at=instant(run_on),
        )
        run = self.services.runs.do(asked)
        assert run.state == "finished", run.reason
        return run

    def statement(self, month: str, payee_id: str = AGENCY) -> StatementView:
        """A payee's statement, as the carrier sees it."""
        return self.reads.statement(payee_id, date.fromisoformat(month), None)


@contextmanager
def house(database_url: str) -> Iterator[House]:
    """The system on a database, with its projections at work."""
    with open_application(database_url) as application:
        application.projectors.start()
        yield House(application)


def open_harbor(house: House) -> None:
    """The worked example's client, before its first bill (handbook §9)."""
    for body, received_at in _example():
        if received_at < datetime(2025, 12, 15, tzinfo=UTC):
            house.send(HARBOR, body, received_at)


def harbor_until_june(house: House) -> None:
    """The worked example with a commission run where it settles, to 5 June 2026."""
    register = {"type": "register_payee", "kind": "agency", "principal_id": PRINCIPAL}
    house.to_payee(AGENCY, register | {"pay_by": "eft", "account_ending": "4417"}, "2025-12-01")
    for body, received_at in _example():
        if body["type"] == "settle_commission":
            house.run(body["statement_month"], received_at.date().isoformat())
        else:
            house.send(HARBOR, body, received_at)


def _example() -> Iterator[tuple[dict[str, Any], datetime]]:
    """Each transaction of the example, and when it was received."""
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        body = json.loads(line)
        received_at = datetime.fromisoformat(body.pop("received_at"))
        yield {n: v for n, v in body.items() if n not in ("client_id", "key")}, received_at


@contextmanager
def served_until_june(
    database_url: str, clock: type[Clock], also: Callable[[House], None] = lambda house: None
) -> Iterator[Served]:
    """The worked example to June 2026, served by a clock, and what else is to happen before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "SystemClock", clock)
        with served(database_url) as api:
            house = House(api.application)
            harbor_until_june(house)
            also(house)
            assert house.reads, "everything is applied"
            yield api
