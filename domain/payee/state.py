"""A payee as its history left it: who sees its statements, how it is paid, what it was paid.

A payee is whom the carrier pays commission to: an agency, or a producer directly. Its statements
span many clients, so they stand in a history of its own, beside those of the clients, in the same
log. A ``:`` is in no client id, so no payee's stream is ever taken for a client's.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from msgspec import Struct, field

from domain.kernel import Actor
from domain.types import Instant, PersonalText

PayeeKind = Literal["agency", "producer"]
PayBy = Literal["check", "eft"]

_PREFIX = "payee:"


def stream_id(payee_id: str) -> str:
    """The id of a payee's stream, which stands in the log where a client's has the client id."""
    return _PREFIX + payee_id


def is_payee(stream_id: str) -> bool:
    """Whether a stream of the log is a payee's; otherwise it is a client's."""
    return stream_id.startswith(_PREFIX)


class Payee(Struct):
    """A payee and all that its decisions depend on. Money is integer cents.

    ``version`` counts the events folded in. Statements may be produced before the payee is
    registered: whoever earned is owed, and is paid by check until something else is known.
    """

    client_id: str
    """The stream's id, under the name that clients have for it."""
    version: int = 0
    position: int = 0
    """The log position of the newest event folded in; kept by the loader, unknown to ``decide``."""
    last_received_at: Instant | None = None

    is_registered: bool = False
    kind: PayeeKind | None = None
    """None until registered."""
    principal_id: str | None = None
    """The producer who sees statements by right: an agency's principal, a producer itself."""
    readers: set[str] = field(default_factory=set)
    """Ids of producers and assistants whom the payee lets see its statements."""
    pay_by: PayBy = "check"
    account_ending: PersonalText | None = None
    """The account's last four digits, for payment by EFT."""

    last_month: date | None = None
    """The month of the latest statement, its 1st."""
    through_position: int = 0
    """The log position through which commission lines are on statements."""
    carried_cents: int = 0
    """What a negative statement leaves to the next one: 0 or less."""
    paid_cents_by_year: dict[str, int] = field(default_factory=dict)
    """By the year of the statement's month."""

    @property
    def payee_id(self) -> str:
        """The payee's own id, without what marks the stream."""
        return self.client_id.removeprefix(_PREFIX)


def speaks_for(payee: Payee, actor: Actor) -> bool:
    """Whether a portal is the payee itself: the agency's principal, or the producer.

    Before it is registered, only a producer of the same id can be known to be the payee.
    """
    itself = payee.principal_id if payee.is_registered else payee.payee_id
    return actor.role == "portal" and actor.producer_id == itself


def may_see(payee: Payee, actor: Actor) -> bool:
    """Whether the sender may see the payee's statements (handbook §6).

    By right only the payee does, who may let others see them; the carrier and auditors see all.
    """
    if actor.role == "portal":
        return speaks_for(payee, actor) or actor.producer_id in payee.readers
    return actor.role in ("carrier", "auditor")
