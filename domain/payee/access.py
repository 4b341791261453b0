"""Who may send what to a payee (handbook §6). Checked before every decision.

To anyone who may not see a payee's statements the payee is hidden: the sender is answered that
there is none, while the payee's history keeps ``not_the_payee``.
"""

from __future__ import annotations

from domain.client.access import CARRIER_ONLY, MAY_NOT_SEND
from domain.kernel import Actor, Command, Refusal
from domain.payee.state import Payee, may_see, speaks_for

PAYEE_NOT_FOUND = Refusal("payee_not_found", "There is no such payee.")
NOT_THE_PAYEE = Refusal("not_the_payee", "Producer {producer_id} does not speak for the payee.")
BY_COMMISSION_RUN = Refusal(
    "by_commission_run", "Statements are produced by a commission run, of what was settled."
)

COMMISSION_RUN = "commission-run"
"""The sender of what commission runs submit: no key has its name."""
_OF_A_RUN = frozenset({"produce_statement"})
"""Its figures are the run's own sums; whoever else sent them could make up a payment."""


def check_access(payee: Payee, command: Command, actor: Actor) -> None:
    """Refuse a transaction that this sender may not send to this payee.

    What only the carrier sends is refused by name to whoever may see the payee; what the payee
    itself sends, to all others as if there were no such payee. A statement comes from a run alone.
    """
    if actor.role not in ("portal", "carrier"):
        raise MAY_NOT_SEND.because(role=actor.role)
    if actor.role == "carrier":
        if command.type in _OF_A_RUN and actor.sender != COMMISSION_RUN:
            raise BY_COMMISSION_RUN.because()
        return
    if command.sent_by == "carrier" and may_see(payee, actor):
        raise CARRIER_ONLY.because(action=command.type)
    if not speaks_for(payee, actor):
        raise NOT_THE_PAYEE.because(producer_id=actor.producer_id)
