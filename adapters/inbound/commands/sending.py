"""Commands that send: one transaction, a file of them, or a made-up book."""

from __future__ import annotations

import sys
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec
import typer

from adapters.inbound.commands.opening import NOT_UNDERSTOOD, SAID_NO, AsJson, fail, opened
from adapters.inbound.commands.printing import show
from adapters.inbound.problems import Problem
from adapters.inbound.simulation.book import CLIENTS_MAX, Simulated
from adapters.inbound.simulation.book import simulate as simulate_book
from adapters.inbound.submitting import CLI, Outcome, submit_lines
from processors.receipts import Receipt

_TOLD_EVERY_SECONDS = 0.5
_TOLD_ONLY_IF_LONGER_SECONDS = 1.0


class Tally(msgspec.Struct):
    """What came of a file of transactions."""

    lines: int = 0
    accepted: int = 0
    refused: int = 0
    repeated: int = 0
    """Among them: answered before, with the same key, and not done again."""
    unreadable: int = 0
    refused_by_code: Counter[str] = msgspec.field(default_factory=Counter)
    seconds: float = 0.0


def submit(
    context: typer.Context,
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE | TYPE [NAME=VALUE]…",
            help="A file of JSON lines, “-” for stdin; or, with --client or --payee, one.",
        ),
    ],
    client: Annotated[
        str | None, typer.Option(help="Submit one transaction of this client.")
    ] = None,
    payee: Annotated[str | None, typer.Option(help="Submit one transaction of this payee.")] = None,
    key: Annotated[
        str | None, typer.Option(help="Its key; made up if left out, then it is new every time.")
    ] = None,
    received_at: Annotated[
        str | None, typer.Option(help="When it was received, if not now: 2026-03-04T15:00:00Z.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Submit a transaction, or a file of them, as carrier staff.

    \b
    ofrecord submit examples/harbor_bakery.jsonl
    ofrecord submit --client harbor-bakery order_id_card member_id=20260100001 reason=lost
    ofrecord submit --client harbor-bakery '{"type": "terminate_client", "last_day": "2026-12-31"}'
    ofrecord submit --payee P-100 register_payee kind=producer pay_by=check
    ofrecord submit - < lines.jsonl

    A value is text; with := it is JSON (address:='{"line1": …}'). A line of a file is an object
    {"client_id" (or "payee_id"), "key", "type", …, "received_at"}. A file may be sent again after
    it was broken off: its keys make sure that nothing is done twice.

    Exit code: 0 all accepted, 1 some refused, 2 some not readable, 3 the database was away.
    """
    named = {"client_id": client, "payee_id": payee}
    addressed = {name: value for name, value in named.items() if value is not None}
    if len(addressed) == 1:
        _submit_one(context, _line_of(addressed, what, key, received_at), as_json)
    elif not addressed and len(what) == 1 and key is None and received_at is None:
        _submit_file(context, what[0], as_json)
    else:
        raise typer.BadParameter("Name one file; or with --client or --payee one transaction.")


# ── One ────────────────────────────────────────────────────────────────────────────────────────


def _line_of(
    addressed: dict[str, str], what: list[str], key: str | None, received_at: str | None
) -> bytes:
    """The line of a file that would say the same."""
    line: dict[str, Any] = {**addressed, "key": key or f"cli-{uuid.uuid4().hex}"}
    if received_at is not None:
        line["received_at"] = received_at
    first, *fields = what
    if first.startswith("{"):
        line |= _json(first, dict[str, Any])
    else:
        line["type"] = first
    for number, field in enumerate(fields, start=1):
        name, equals, value = field.partition("=")
        if not equals:
            raise typer.BadParameter(f"Field {number} is not of the form name=value.")
        line[name.removesuffix(":")] = _json(value, Any) if name.endswith(":") else value
    return msgspec.json.encode(line)


def _json(text: str, form: Any) -> Any:
    try:
        return msgspec.json.decode(text, type=form)
    except msgspec.DecodeError as error:
        raise typer.BadParameter(f"This is not JSON as expected: {error}.") from None


def _submit_one(context: typer.Context, line: bytes, as_json: bool) -> None:
    with opened(context) as application:
        [outcome] = submit_lines(application.services.commands, [(CLI, line)])
    if outcome.answer is None:
        raise fail(_said(outcome), _exit_code_of(outcome))
    if as_json:
        typer.echo(outcome.answer.body)
    else:
        show(outcome.answer.receipt, as_json)
    if outcome.answer.receipt.status == "refused":
        raise typer.Exit(SAID_NO)


# ── A file ─────────────────────────────────────────────────────────────────────────────────────


def _submit_file(context: typer.Context, name: str, as_json: bool) -> None:
    tally, began = Tally(), time.monotonic()
    with _lines_of(name) as lines, opened(context) as application, Told() as told:
        sent = ((CLI, line) for line in lines)
        for outcome in submit_lines(application.services.commands, sent):
            _count(tally, outcome)
            if outcome.answer is None or outcome.answer.receipt.status == "refused":
                told.line(f"{name}:{outcome.number}: {_said(outcome)}")
            told.progress(f"{tally.lines:,} sent, {tally.refused:,} refused", tally.lines)
    tally.seconds = time.monotonic() - began
    show(tally, as_json)
    if tally.unreadable or tally.refused:
        raise typer.Exit(NOT_UNDERSTOOD if tally.unreadable else SAID_NO)


def _lines_of(name: str) -> BinaryIO:
    if name == "-":
        return sys.stdin.buffer
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise fail(f"{name} cannot be read: {error.strerror}.", NOT_UNDERSTOOD) from None


def _count(tally: Tally, outcome: Outcome) -> None:
    tally.lines += 1
    if outcome.answer is None:
        code = _problem_of(outcome).code
        if code == "idempotency_key_reused":
            tally.refused += 1
            tally.refused_by_code[code] += 1
        else:
            tally.unreadable += 1
        return
    tally.repeated += outcome.answer.repeated
    receipt = outcome.answer.receipt
    if receipt.status == "accepted":
        tally.accepted += 1
    else:
        tally.refused += 1
        tally.refused_by_code[receipt.code or ""] += 1


def _said(outcome: Outcome) -> str:
    """What a refused or unreadable line is answered, in one line."""
    if outcome.answer is not None:
        receipt: Receipt = outcome.answer.receipt
        return f"{receipt.type} of {receipt.client_id} refused, {receipt.code}: {receipt.sentence}"
    problem = _problem_of(outcome)
    faults = "".join(f" {fault.pointer}: {fault.detail}." for fault in problem.errors or ())
    return f"{problem.code}: {problem.detail}{faults}"


def _problem_of(outcome: Outcome) -> Problem:
    assert outcome.problem is not None
    return outcome.problem


def _exit_code_of(outcome: Outcome) -> int:
    reused = _problem_of(outcome).code == "idempotency_key_reused"
    return SAID_NO if reused else NOT_UNDERSTOOD


# ── A made-up book ─────────────────────────────────────────────────────────────────────────────


def simulate(
    context: typer.Context,
    clients: Annotated[int, typer.Option(min=1, max=CLIENTS_MAX, help="How many clients.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another book.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Play years of a made-up book: the same clients, people and mistakes for the same seed.

    \b
    ofrecord simulate --clients 1000 --seed 7

    A longer book of a seed begins with the shorter one; what is there already is not done twice.
    """
    began = time.monotonic()
    with opened(context) as application, Told() as told:

        def progress(so_far: Simulated) -> None:
            told.progress(f"{so_far.clients:,} of {clients:,} clients", so_far.clients)

        done = simulate_book(application.services.commands, clients, seed, progress)
    seconds = time.monotonic() - began
    show(
        SimulatedSummary(
            clients=done.clients,
            transactions=done.transactions,
            accepted=done.accepted,
            refused=done.refused.total(),
            repeated=done.repeated,
            seconds=seconds,
            clients_a_second=done.clients / seconds,
            refused_by_code=done.refused,
        ),
        as_json,
    )


class SimulatedSummary(msgspec.Struct):
    """What a simulation came to."""

    clients: int
    transactions: int
    accepted: int
    refused: int
    repeated: int
    seconds: float
    clients_a_second: float
    refused_by_code: Counter[str]


# ── Progress ───────────────────────────────────────────────────────────────────────────────────


class Told:
    """Tells people on stderr how far it is, on one line that is written over; programs nothing."""

    def __init__(self) -> None:
        self._to_people = sys.stderr.isatty()
        self._began = time.monotonic()
        self._told_at = self._began + _TOLD_ONLY_IF_LONGER_SECONDS
        self._width = 0

    def __enter__(self) -> Told:
        return self

    def __exit__(self, *_: object) -> None:
        self._clear()

    def progress(self, text: str, count: int) -> None:
        """Say how far it is, now and then, and how fast."""
        now = time.monotonic()
        if self._to_people and now > self._told_at:
            self._told_at = now + _TOLD_EVERY_SECONDS
            text += f", {count / (now - self._began):,.0f} a second"
            sys.stderr.write("\r" + text.ljust(self._width))
            sys.stderr.flush()
            self._width = len(text)

    def line(self, text: str) -> None:
        """Say something that stays."""
        self._clear()
        typer.echo(text, err=True)

    def _clear(self) -> None:
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            self._width = 0
