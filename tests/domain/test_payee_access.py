"""Who may send what to a payee."""

from __future__ import annotations

import pytest

from domain.catalog import PAYEE_COMMANDS
from domain.kernel import Actor, Command, Refused
from domain.payee.access import COMMISSION_RUN, check_access
from domain.payee.state import Payee
from tests.domain.examples import like_example
from tests.domain.given import CARRIER
from tests.domain.given_payee import COLLEAGUE, PRINCIPAL, an_agency, given_payee

RUN = Actor(COMMISSION_RUN, "carrier")
READER = Actor("portal-3", "portal", producer_id="P3")
NOBODY = Actor("portal-4", "portal")
AUDITOR = Actor("auditor-1", "auditor")
OPERATIONS = Actor("operations-1", "operations")
SHARE = "share_statements"


def agency() -> Payee:
    """Its principal is P1, who lets P3 see its statements."""
    payee = given_payee(an_agency()).client
    payee.readers.add("P3")
    return payee


def answer(payee: Payee, command: type[Command], actor: Actor) -> str:
    """The code of the refusal; empty if there is none."""
    try:
        check_access(payee, like_example(command), actor)
    except Refused as refused:
        return refused.code
    return ""


@pytest.mark.parametrize("name", PAYEE_COMMANDS)
def test_the_carrier_sends_everything_and_readers_nothing(name: str) -> None:
    """But for statements, which a run alone produces. Auditors and operations have none."""
    command = PAYEE_COMMANDS[name]
    is_of_a_run = name == "produce_statement"
    assert answer(agency(), command, CARRIER) == ("by_commission_run" if is_of_a_run else "")
    assert answer(agency(), command, RUN) == ""
    assert answer(agency(), command, AUDITOR) == "may_not_send"
    assert answer(agency(), command, OPERATIONS) == "may_not_send"


@pytest.mark.parametrize("name", PAYEE_COMMANDS)
def test_a_portal_sends_only_what_is_the_payees_own(name: str) -> None:
    """Who sees the payee is told that the carrier sends the rest; all others nothing."""
    command, is_own = PAYEE_COMMANDS[name], name == SHARE
    assert answer(agency(), command, PRINCIPAL) == ("" if is_own else "carrier_only")
    assert answer(agency(), command, READER) == ("not_the_payee" if is_own else "carrier_only")
    assert answer(agency(), command, COLLEAGUE) == "not_the_payee"
    assert answer(agency(), command, NOBODY) == "not_the_payee"


def test_a_producer_speaks_for_itself_also_before_it_is_registered() -> None:
    """Afterwards, for an agency of that name only the principal does."""
    command = PAYEE_COMMANDS[SHARE]
    same_id = Actor("portal-5", "portal", producer_id="A-200")
    assert answer(Payee("payee:A-200"), command, same_id) == ""
    assert answer(Payee("payee:A-200"), command, NOBODY) == "not_the_payee"
    assert answer(agency(), command, same_id) == "not_the_payee"
