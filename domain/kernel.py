"""The three words everything in the domain is made of: Command, Event, Refused.

A command's ``decide`` looks at a client's history (folded into a ``Client``) or a payee's (into a
``Payee``) and either answers with the events that follow, or raises ``Refused``. An event's
``evolve`` changes the ``Client`` or ``Payee``; it never fails, because what happened has happened.
A command that asks for what already holds decides to no events at all.

The base classes take ``Any`` for it, so that each action can name the one that it is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar, Literal

import msgspec
from pydantic import BaseModel, ConfigDict

from domain.dates import carrier_date
from domain.types import Instant, Role

SentBy = Literal["broker", "carrier"]


# ── Who asks, and when ─────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Actor:
    """Who sends a transaction: an API key's sender, and the producer it speaks for."""

    sender: str
    role: Role
    producer_id: str | None = None
    permissions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Context:
    """What a decision may know beside the history of the client or payee.

    ``received_at`` is when the carrier received the transaction (UTC, aware); the domain reads no
    clock, so every limit in days is counted to ``received_on``.
    """

    actor: Actor
    received_at: datetime
    transaction_id: str
    received_on: date = field(init=False)
    """The calendar date of ``received_at`` in America/New_York (handbook, preamble)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "received_on", carrier_date(self.received_at))


# gc=False here and below: plain values that nothing refers back to, and many of them. With it
# a history decodes in half the time, for the garbage collector need not go through all of them.
class Cause(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The transaction behind an event. Stored with the event, so history explains itself."""

    transaction_id: str
    transaction_type: str
    sender: str
    role: Role
    key: str
    received_at: Instant
    producer_id: str | None = None
    correlation_id: str | None = None
    effective_on: date | None = None
    """The effective date that the transaction asked for, if its kind has one."""
    index: int = 1
    """This event is the index-th of the transaction's events, counted from 1 …"""
    count: int = 1
    """… of so many."""


# ── Refusals ───────────────────────────────────────────────────────────────────────────────────


class Refused(Exception):
    """A rule of the business said no. Recorded in the history with its code and sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Refusal:
    """A rule that can say no: a stable code, and a sentence that a broker understands.

    Declared once, next to the rule, with a sentence that may carry ``{placeholders}``; raised with
    ``raise CHILD_TOO_OLD.because(last_day=...)``. Sentences carry ids, dates and codes, never
    personal data. All declared refusals are listed in ``REFUSALS``, for the API's documentation.
    """

    def __init__(self, code: str, sentence: str) -> None:
        if code in REFUSALS:
            raise ValueError(f"refusal code {code!r} is declared twice")
        self.code = code
        self.sentence = sentence
        REFUSALS[code] = self

    def because(self, **facts: object) -> Refused:
        """The refusal as an exception, its placeholders filled from ``facts``."""
        return Refused(self.code, self.sentence.format(**facts))


REFUSALS: dict[str, Refusal] = {}


# ── Events and commands ────────────────────────────────────────────────────────────────────────


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Something that happened to a client or payee. Its name, version and meaning are for ever.

    ``type`` is the stored name (``snake_case``, past tense) and ``version`` its version; a change
    of shape is a new version with an upcaster in ``schemas/upcasters.py``, never an edit.
    """

    type: ClassVar[str]
    version: ClassVar[int] = 1

    def evolve(self, client: Any, cause: Cause) -> None:
        """Change the client or payee in place, as this event says. Never fails, never refuses."""
        raise NotImplementedError

    def members(self) -> Sequence[str]:
        """The member ids this event is about: where the member's own history shows it."""
        return ()

    def takes_effect_on(self) -> date | None:
        """The date from which the event holds; may be later than the one asked for (§4)."""
        return None

    def premium_changes_from(self) -> date | None:
        """The first day whose premium it may change, for its members (all, if it names none)."""
        return None


class TransactionRefused(Event, frozen=True, kw_only=True):
    """A transaction was refused: who tried what is in its cause, the rule that said no is here."""

    type: ClassVar[str] = "transaction_refused"
    code: str
    sentence: str
    member_ids: tuple[str, ...] = ()

    def evolve(self, client: Any, cause: Cause) -> None:
        """A refusal changes nothing."""

    def members(self) -> Sequence[str]:
        return self.member_ids


class Command(BaseModel):
    """What a sender asks for. ``decide`` says which events follow, or raises ``Refused``.

    A subclass is one action: its ``type`` literal is the wire name, ``sent_by`` says whether
    brokers may send it, ``example`` is shown in the API's documentation and must decide.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    sent_by: ClassVar[SentBy]
    title: ClassVar[str]
    """The action in a broker's words, such as "Add a subscriber"."""
    example: ClassVar[Mapping[str, Any]]

    type: str

    def decide(self, client: Any, context: Context) -> Iterable[Event]:
        """The events that follow from this command now; none if all of it already holds."""
        raise NotImplementedError

    def members(self) -> Sequence[str]:
        """The member ids the command names, so that its refusal is found under them too."""
        return ()

    def asks_effect_on(self) -> date | None:
        """The effective date asked for: ``effective_on`` where the action has one."""
        return getattr(self, "effective_on", None)

    @classmethod
    def wire_type(cls) -> str:
        """The action's name on the wire, in the index and in the history."""
        return str(cls.model_fields["type"].default)
