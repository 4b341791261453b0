"""Share statements: the payee lets others see them, and nobody else does."""

from __future__ import annotations

from domain.payee.share_statements import ShareStatements, StatementsShared
from tests.domain.given import CARRIER
from tests.domain.given_payee import PRINCIPAL, an_agency, given_payee


def sharing(reader_id: str = "P2", allowed: bool = True) -> ShareStatements:
    """P2 may see the statements."""
    return ShareStatements(reader_id=reader_id, allowed=allowed)


def test_a_payee_lets_someone_see_its_statements_and_takes_it_back() -> None:
    """One after the other, each by an event of its own."""
    story = given_payee(an_agency()).when(sharing(), actor=PRINCIPAL)
    story = story.then(StatementsShared(reader_id="P2", allowed=True))
    story = story.and_given(sharing("P3")).check(lambda payee: payee.readers == {"P2", "P3"})
    story = story.when(sharing(allowed=False)).then(StatementsShared(reader_id="P2", allowed=False))
    story.check(lambda payee: payee.readers == {"P3"})


def test_what_holds_already_is_no_event() -> None:
    """Letting in who is in, shutting out who is not."""
    story = given_payee(an_agency(), sharing())
    story.when(sharing()).then_nothing()
    story.when(sharing("P3", allowed=False)).then_nothing()


def test_the_carrier_shares_nothing_of_a_payee_that_there_is_not() -> None:
    """A mistyped id makes no payee; a producer may share before it is registered."""
    given_payee().when(sharing(), actor=CARRIER).refused("payee_not_found")
    given_payee().when(sharing(), actor=PRINCIPAL).then(
        StatementsShared(reader_id="P2", allowed=True)
    )
