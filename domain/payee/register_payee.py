"""Register a payee: "This agency, or producer, is paid commission, and this is how."

An agency names its principal, who sees its statements by right; a producer is its own. Payment is
by check, or by EFT to an account of which only the last four digits are kept (handbook §6).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import StringConstraints, model_validator

from domain.kernel import Cause, Command, Context, Event
from domain.payee.state import PayBy, Payee, PayeeKind
from domain.types import PERSONAL, Code, PersonalText

AccountEnding = Annotated[str, PERSONAL, StringConstraints(pattern=r"^[0-9]{4}$")]
"""The last four digits of an account."""


class PayeeRegistered(Event, frozen=True, kw_only=True):
    """Who a payee is, and how it is paid from now on."""

    type: ClassVar[str] = "payee_registered"
    kind: PayeeKind
    principal_id: str
    """An agency's principal; a producer itself."""
    pay_by: PayBy
    account_ending: PersonalText | None = None
    """For payment by EFT."""

    def evolve(self, payee: Payee, cause: Cause) -> None:
        if payee.is_registered and payee.principal_id != self.principal_id:
            payee.readers.clear()  # they were let in by somebody who is not the payee any more
        payee.is_registered = True
        payee.kind = self.kind
        payee.principal_id = self.principal_id
        payee.pay_by = self.pay_by
        payee.account_ending = self.account_ending


class RegisterPayee(Command):
    """Register a payee, or change what is registered."""

    sent_by: ClassVar = "carrier"
    title: ClassVar = "Register a payee"
    example: ClassVar = {
        "type": "register_payee",
        "kind": "agency",
        "principal_id": "P-100",
        "pay_by": "eft",
        "account_ending": "4417",
    }

    type: Literal["register_payee"] = "register_payee"
    kind: PayeeKind
    principal_id: Code | None = None
    """The producer who is the agency's principal; a producer has none."""
    pay_by: PayBy
    account_ending: AccountEnding | None = None
    """The last four digits of the account, for EFT."""

    @model_validator(mode="after")
    def _what_the_kind_needs(self) -> Self:
        if (self.kind == "agency") != (self.principal_id is not None):
            raise ValueError("an agency names its principal, and a producer none")
        if (self.pay_by == "eft") != (self.account_ending is not None):
            raise ValueError("EFT needs the account's last four digits, and a check none")
        return self

    def decide(self, payee: Payee, context: Context) -> list[Event]:
        principal_id = self.principal_id or payee.payee_id
        asked = (True, self.kind, principal_id, self.pay_by, self.account_ending)
        holds = (payee.is_registered, payee.kind, payee.principal_id)
        if asked == (*holds, payee.pay_by, payee.account_ending):
            return []
        return [
            PayeeRegistered(
                kind=self.kind,
                principal_id=principal_id,
                pay_by=self.pay_by,
                account_ending=self.account_ending,
            )
        ]
