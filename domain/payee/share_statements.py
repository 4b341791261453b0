"""Share statements: "This colleague, or assistant, may see my statements", or no longer.

Only the payee sees a statement by right: an agency's principal, or the producer who is paid. Nobody
else at the agency does, unless the payee lets them (handbook §6).
"""

from __future__ import annotations

from typing import ClassVar, Literal

from domain.kernel import Cause, Command, Context, Event
from domain.payee.access import PAYEE_NOT_FOUND
from domain.payee.state import Payee
from domain.types import Code


class StatementsShared(Event, frozen=True, kw_only=True):
    """Someone may see a payee's statements from now on, or may no longer."""

    type: ClassVar[str] = "statements_shared"
    reader_id: str
    allowed: bool

    def evolve(self, payee: Payee, cause: Cause) -> None:
        if self.allowed:
            payee.readers.add(self.reader_id)
        else:
            payee.readers.discard(self.reader_id)


class ShareStatements(Command):
    """Let someone see a payee's statements, or no longer."""

    sent_by: ClassVar = "broker"
    title: ClassVar = "Share statements"
    example: ClassVar = {"type": "share_statements", "reader_id": "P-117", "allowed": True}

    type: Literal["share_statements"] = "share_statements"
    reader_id: Code
    """As whom the reader signs in: a producer's or assistant's id."""
    allowed: bool
    """False takes the permission back."""

    def decide(self, payee: Payee, context: Context) -> list[Event]:
        if payee.version == 0 and context.actor.role == "carrier":
            raise PAYEE_NOT_FOUND.because()
        if self.allowed == (self.reader_id in payee.readers):
            return []
        return [StatementsShared(reader_id=self.reader_id, allowed=self.allowed)]
