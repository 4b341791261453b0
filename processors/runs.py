"""Runs: the carrier bills, or settles commission, for a month and many clients at once.

What is asked, how it is recorded, and when the same again means the same run. A run is only a way
to submit transactions: what each client is billed is decided in the client's own history, where a
repeat changes nothing. So a run may die anywhere, and be asked for again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal, Protocol

import msgspec

from processors.receipts import KeyReused

RunKind = Literal["billing", "commission"]
RunState = Literal["running", "finished", "interrupted", "failed"]

HEARTBEAT_SECONDS = 1.0
"""So often a run says how far it is."""
LOST_AFTER = timedelta(seconds=10)
"""A run that has said nothing for so long has lost its process."""
SHOWN = 20
"""So many clients are named of those that were refused, failed, or are behind."""


# ── What is asked ──────────────────────────────────────────────────────────────────────────────


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it is asked for."""

    kind: RunKind
    month: date
    """The 1st of the coverage month (billing) or of the statement month (commission)."""
    started_by: str
    """The sender who asks."""
    run_on: date | None = None
    """The run's date; the day of receipt if not stated."""
    clients: tuple[str, ...] | None = None
    """Only these, sorted; None: all."""
    received_at: datetime | None = None
    """When the carrier received it, where an importer with the permission states that; else now."""
    key: str | None = None
    """The sender's own key: the same key again means the same run."""

    @property
    def content_hash(self) -> bytes:
        """What makes the same key's content the same."""
        content = msgspec.structs.replace(self, key=None, started_by="")
        return hashlib.blake2b(msgspec.json.encode(content), digest_size=16).digest()


class RunNotPossible(Exception):
    """Every client would refuse what is asked, so nothing is begun."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        """Of the request: what is wrong."""
        self.sentence = sentence


class RunInProgress(Exception):
    """A run of this kind and month is going on (``run_in_progress``)."""

    def __init__(self, run: Run) -> None:
        super().__init__(run.run_id)
        self.run = run


# ── What is recorded ───────────────────────────────────────────────────────────────────────────


class RefusedClient(msgspec.Struct, frozen=True):
    """A client (or payee) for whom a rule said no, or the program failed."""

    client_id: str
    code: str
    """Of the rule; ``failed`` for a fault of the program, which the server's log describes."""
    sentence: str


class BehindClient(msgspec.Struct, frozen=True):
    """A client who misses the invoice of an earlier month."""

    client_id: str
    next_month: date
    """The month to be invoiced first."""


class Tally(msgspec.Struct):
    """How far a run is, and what came of it."""

    total: int | None = None
    """How many there are to do; None while that is found out."""
    done: int = 0
    counts: dict[str, int] = msgspec.field(default_factory=dict)
    """By outcome: see the steps of each kind of run."""
    refused: dict[str, int] = msgspec.field(default_factory=dict)
    """By code."""
    first_refused: list[RefusedClient] = msgspec.field(default_factory=list)
    """The first ones, also of those that failed."""
    behind: list[BehindClient] = msgspec.field(default_factory=list)
    """The first ones."""
    position: int = 0
    """Where the log stands with all of it: a reader who passes it sees the run's effect."""

    def count(self, outcome: str, more: int = 1) -> None:
        """So many more ended this way."""
        self.counts[outcome] = self.counts.get(outcome, 0) + more

    def refuse(self, client_id: str, code: str, sentence: str) -> None:
        """One more was refused."""
        self.count("refused")
        self.refused[code] = self.refused.get(code, 0) + 1
        self.name(RefusedClient(client_id, code, sentence))

    def fail(self, client_id: str, kind: str) -> None:
        """One more met a fault of the program, of this kind."""
        self.count("failed")
        self.name(RefusedClient(client_id, "failed", kind))

    def name(self, refused: RefusedClient) -> None:
        """Keep it among the first ones."""
        if len(self.first_refused) < SHOWN:
            self.first_refused.append(refused)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it is recorded."""

    run_id: str
    number: int
    """In the order in which runs were first begun."""
    kind: RunKind
    month: date
    run_on: date
    clients: tuple[str, ...] | None
    received_at: datetime | None
    started_by: str
    state: RunState
    reason: str | None
    """Why it was interrupted or failed: ``stopped``, ``lost``, or the kind of failure."""
    attempt: int
    """Counted from 1: whoever works on it with an older one has been given up."""
    tally: Tally
    """Of this attempt."""
    started_at: datetime
    """Of the first attempt."""
    attempted_at: datetime
    updated_at: datetime
    finished_at: datetime | None

    def seen_at(self, now: datetime) -> Run:
        """The run as it is to be told: one that lost its process is interrupted."""
        if self.state == "running" and now - self.updated_at > LOST_AFTER:
            return msgspec.structs.replace(
                self, state="interrupted", reason="lost", finished_at=self.updated_at
            )
        return self

    def is_continued_by(self, request: RunRequest) -> bool:
        """Whether the request, without a known key, asks for this broken-off run to go on."""
        return (
            self.state in ("interrupted", "failed")
            and request.run_on in (None, self.run_on)
            and request.clients == self.clients
            and request.received_at == self.received_at
        )


class Begun(msgspec.Struct, frozen=True):
    """The run that answers a request."""

    run: Run
    is_ours: bool
    """To be worked on by who asked; else it is only the answer to a repeat."""


class KnownKey(msgspec.Struct, frozen=True):
    """A sender's key that was used before."""

    run: Run
    content_hash: bytes


def run_to_continue(
    request: RunRequest, known: KnownKey | None, newest: Run | None, now: datetime
) -> Begun | None:
    """What a request means: a repeat (not ours), a run that goes on (ours), or None: a new one.

    ``newest`` is the last run of that kind and month, also if it lost its process. Raises
    ``RunInProgress`` and ``KeyReused``.
    """
    newest = newest and newest.seen_at(now)
    if known is not None:
        if known.content_hash != request.content_hash:
            raise KeyReused
        run = known.run.seen_at(now)
        if run.state in ("running", "finished") or (newest and newest.run_id != run.run_id):
            return Begun(run, is_ours=False)
        return Begun(run, is_ours=True)
    if newest is None:
        return None
    if newest.state == "running":
        raise RunInProgress(newest)
    return Begun(newest, is_ours=True) if newest.is_continued_by(request) else None


class RunStore(Protocol):
    """Where runs are recorded. Every method may raise ``RowsUnavailable``."""

    def begin(self, request: RunRequest, run_on: date, now: datetime) -> Begun:
        """Record a new run, or one that goes on: by ``run_to_continue``, whose errors it raises.

        One at a time, so that of two who ask at once one is told ``RunInProgress``. ``run_on`` is
        what a new run's date is if none was stated.
        """
        ...

    def save(self, run: Run, tally: Tally, now: datetime) -> bool:
        """Record how far an attempt is; False if it has been given up, by another's taking over."""
        ...

    def finish(
        self, run: Run, tally: Tally, state: RunState, reason: str | None, now: datetime
    ) -> bool:
        """Record how an attempt ended; False if it has been given up before."""
        ...

    def find(self, run_id: str) -> Run | None:
        """A run by its id, as it was recorded."""
        ...

    def page(self, kind: RunKind | None, before: int | None, limit: int) -> Sequence[Run]:
        """Runs of a kind (of all), newest first, with numbers below ``before``."""
        ...
