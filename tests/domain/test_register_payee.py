"""Register a payee: who it is, who sees its statements by right, how it is paid."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from domain.kernel import Actor
from domain.payee.register_payee import PayeeRegistered, RegisterPayee
from domain.payee.share_statements import ShareStatements, StatementsShared
from domain.payee.state import Payee, is_payee, may_see, stream_id
from tests.domain.given_payee import a_producer, an_agency, given_payee

EFT = {"pay_by": "eft", "account_ending": "4417"}
CHECK = {"pay_by": "check", "account_ending": None}


def test_an_agency_has_a_principal() -> None:
    """Who sees its statements by right; and it is paid by EFT or check."""
    given_payee().when(an_agency()).then(
        PayeeRegistered(kind="agency", principal_id="P1", pay_by="eft", account_ending="4417")
    )


def test_a_producer_is_its_own_principal() -> None:
    """Nobody else is named for it."""
    given_payee(payee_id="P7").when(a_producer()).then(
        PayeeRegistered(kind="producer", principal_id="P7", pay_by="check")
    )


@pytest.mark.parametrize(
    ("facts", "is_right"),
    [
        ({"kind": "agency", "principal_id": "P1", **EFT}, True),
        ({"kind": "agency", "principal_id": "P1", **CHECK}, True),
        ({"kind": "agency", **EFT}, False),
        ({"kind": "producer", **EFT}, True),
        ({"kind": "producer", "principal_id": "P1", **EFT}, False),
        ({"kind": "producer", "pay_by": "eft"}, False),
        ({"kind": "producer", "pay_by": "check", "account_ending": "4417"}, False),
        ({"kind": "producer", "pay_by": "eft", "account_ending": "441"}, False),
        ({"kind": "producer", "pay_by": "eft", "account_ending": "44170"}, False),
        ({"kind": "producer", "pay_by": "eft", "account_ending": "44 7"}, False),
        ({"kind": "producer"}, False),
        ({"kind": "carrier", **CHECK}, False),
    ],
)
def test_a_payee_is_registered_with_exactly_what_its_kind_needs(
    facts: dict[str, Any], is_right: bool
) -> None:
    """A principal for an agency only, the account's last four digits for EFT only."""
    if is_right:
        RegisterPayee.model_validate(facts)
    else:
        with pytest.raises(ValidationError):
            RegisterPayee.model_validate(facts)


def test_registering_the_same_again_changes_nothing() -> None:
    """But whatever differs does."""
    story = given_payee(an_agency())
    story.when(an_agency()).then_nothing()
    for changed in (
        an_agency(principal_id="P2"),
        an_agency(account_ending="4418"),
        an_agency(**CHECK),
        a_producer(**EFT),
    ):
        (event,) = story.when(changed).events
        assert isinstance(event, PayeeRegistered)
    given_payee(payee_id="P7").when(a_producer()).is_accepted().when(a_producer()).then_nothing()


def test_a_new_principal_decides_anew_who_may_see() -> None:
    """Whom the former one let in is out; another way of payment shuts out nobody."""
    shared = ShareStatements(reader_id="P2", allowed=True)
    story = given_payee(an_agency(), shared)
    story.and_given(an_agency(**CHECK)).check(lambda payee: payee.readers == {"P2"})
    story.and_given(an_agency(principal_id="P3")).check(lambda payee: payee.readers == set())


def test_who_is_let_in_before_the_payee_is_registered_stays() -> None:
    """There was no other principal before."""
    story = given_payee(StatementsShared(reader_id="P2", allowed=True), payee_id="P7")
    story.and_given(a_producer()).check(lambda payee: payee.readers == {"P2"})


def test_a_payees_stream_is_never_a_clients() -> None:
    """Its id has what no client id has."""
    assert (stream_id("A-200"), Payee(stream_id("A-200")).payee_id) == ("payee:A-200", "A-200")
    assert is_payee("payee:A-200")
    assert not is_payee("payee-A")


@pytest.mark.parametrize(
    ("role", "producer_id", "registered", "unregistered"),
    [
        ("portal", "P1", True, False),  # the agency's principal
        ("portal", "P2", False, False),  # someone else at the agency
        ("portal", "P3", True, True),  # who was let in
        ("portal", "A-200", False, True),  # of the payee's own id: a producer, as far as is known
        ("portal", None, False, False),
        ("carrier", None, True, True),
        ("auditor", None, True, True),
        ("operations", None, False, False),
    ],
)
def test_only_the_payee_sees_a_statement_by_right(
    role: Any, producer_id: str | None, registered: bool, unregistered: bool
) -> None:
    """And whom it lets, the carrier and auditors; nobody else at the agency (handbook §6)."""
    actor = Actor("someone", role, producer_id)
    payee = given_payee(an_agency()).client
    payee.readers.add("P3")
    assert may_see(payee, actor) is registered
    assert may_see(Payee("payee:A-200", readers={"P3"}), actor) is unregistered
