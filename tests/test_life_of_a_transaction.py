"""One broker's transaction from the portal's request to the last read, in the order it happens.

Read this first. ARCHITECTURE.md names the files that each step passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.adapters.served import AGENT, HARBOR, SUBSCRIBER, Served, served_with_harbor

HISTORY = f"/v1/clients/{HARBOR}/history"
MEMBER = f"/v1/clients/{HARBOR}/members/{SUBSCRIBER}"
EVENT = "SELECT topic, originator_id FROM stored_events WHERE notification_id = %(position)s"
RECEIPT = "SELECT body, sender, key FROM receipts WHERE transaction_id = %(transaction_id)s"
ROW = """
SELECT address_line1 FROM book_of_business.member
WHERE client_id = %(client_id)s AND member_id = %(member_id)s
"""
MOVE: dict[str, Any] = {
    "type": "change_address",
    "member_id": SUBSCRIBER,
    "address": {"line1": "12 Water Street", "city": "Mystic", "state": "CT", "zip": "06355"},
}
"""The broker of Harbor Bakery has been told that its first subscriber moved."""


@pytest.fixture
def api(database_url: str) -> Iterator[Served]:
    """The whole system on a real PostgreSQL, with Harbor Bakery's history in it."""
    with served_with_harbor(database_url) as api:
        yield api


def test_the_life_of_a_transaction(api: Served, database_url: str) -> None:
    """Submitted, decided, appended once, projected, read back, completed; and repeated in vain."""
    before = api.get(HISTORY).json()["items"][-1]

    # The portal submits it, for the producer who is the client's agent of record.
    answer = api.submit(MOVE, key="move-1")

    # It is decided and durable when the answer comes: the receipt names its place in the history.
    assert answer.status_code == 201
    receipt = answer.json()
    assert receipt["status"] == "accepted"
    assert receipt["client_version"] == before["version"] + 1
    assert receipt["events"] == [{"type": "address_changed", "version": 1}]

    # The log has the event, under its stable name, and the receipt, byte for byte as answered.
    assert rows(database_url, EVENT, receipt) == [("address_changed.v1", HARBOR)]
    assert rows(database_url, RECEIPT, receipt) == [(answer.content, "portal-one", "move-1")]

    # The projectors follow the log. A reader who names the position sees its own write.
    after = {"after": receipt["position"]}
    member = api.get(MEMBER, "portal", params=after).json()
    assert member["address"] == MOVE["address"] | {"line2": None}
    assert rows(database_url, ROW, receipt | MOVE) == [("12 Water Street",)]

    # The transaction is listed for the member, and is completed: every projection has it.
    listed = api.get(f"{MEMBER}/transactions", "portal", params=after).json()["items"][0]
    assert listed["transaction_id"] == receipt["transaction_id"]
    assert listed["status"] == "completed"
    assert api.get(answer.headers["Location"], "portal", params=after).json() == listed

    # An auditor reads in the raw history who did it, for whom, and what exactly happened.
    (event,) = api.get(HISTORY, params={"after_version": before["version"]}).json()["items"]
    assert (event["position"], event["data"]["address"]) == (receipt["position"], MOVE["address"])
    cause = event["cause"]
    assert (cause["sender"], cause["producer_id"], cause["key"]) == ("portal-one", AGENT, "move-1")

    # The portal missed the answer and sends it again: the same bytes, and no second effect.
    again = api.submit(MOVE, key="move-1")
    assert (again.status_code, again.content) == (201, answer.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert api.get(HISTORY).json()["items"][-1] == event


def test_the_life_of_a_transaction_that_something_is_mailed_for(api: Served) -> None:
    """An ID card's order is accepted until the carrier confirms that the card was mailed."""
    order = {"type": "order_id_card", "member_id": SUBSCRIBER, "reason": "lost"}
    ordered = api.submit(order, key="card-1")
    path = ordered.headers["Location"]
    after = {"after": ordered.json()["position"]}
    assert api.get(path, "portal", params=after).json()["status"] == "accepted"

    confirmation = {"type": "confirm_id_card", "member_id": SUBSCRIBER}
    confirmed = api.submit(confirmation, key="card-1-mailed", who="carrier").json()
    after = {"after": confirmed["position"]}
    assert api.get(path, "portal", params=after).json()["status"] == "completed"


def test_the_life_of_a_transaction_that_is_refused(api: Served) -> None:
    """A rule says no: a problem with its code and a sentence, and the history remembers it."""
    answer = api.submit(MOVE | {"member_id": "99999999999"}, key="move-2")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "member_unknown")

    transactions = f"/v1/clients/{HARBOR}/transactions"
    after = {"after": problem["receipt"]["position"], "status": "refused"}
    listed = api.get(transactions, "portal", params=after).json()["items"][0]
    assert (listed["code"], listed["sentence"]) == ("member_unknown", problem["detail"])


def rows(database_url: str, query: str, facts: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What PostgreSQL has."""
    with psycopg.connect(database_url) as connection:
        return connection.execute(query.encode(), facts).fetchall()
