"""Stored bytes: stable names, versions, and old events read as today's."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, ClassVar

import msgspec
import pytest

from domain.catalog import EVENTS
from domain.client.change_plan import PlanChanged
from domain.client.state import Client
from domain.kernel import Cause, Event
from schemas import envelope
from schemas.envelope import HistoryDamaged, Recorded, decode, encode, topic_of
from schemas.upcasters import UPCASTERS

NOON = datetime(2026, 3, 4, 17, tzinfo=UTC)
CAUSE = Cause("t1", "change_plan", "portal-1", "portal", "key-1", NOON, producer_id="P1")
EVENT = PlanChanged(member_id="10000000001", plan_id="GOLD", first_day=date(2026, 4, 1))


class PlanChangedAgain(Event, frozen=True, kw_only=True):
    """A family moved to another plan, told differently since version 2."""

    type: ClassVar[str] = "plan_changed"
    version: ClassVar[int] = 3
    subscriber_id: str
    plan_id: str
    first_day: date
    asked_by: str


def _rename_member(data: dict[str, Any]) -> dict[str, Any]:
    return {
        **{k: v for k, v in data.items() if k != "member_id"},
        "subscriber_id": data["member_id"],
    }


def _unknown_asker(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "asked_by": "unknown"}


@pytest.fixture
def third_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in which plan_changed is at its third version."""
    monkeypatch.setitem(EVENTS, "plan_changed", PlanChangedAgain)
    monkeypatch.delitem(envelope._decoders, "plan_changed.v1")
    monkeypatch.setitem(UPCASTERS, ("plan_changed", 1), _rename_member)
    monkeypatch.setitem(UPCASTERS, ("plan_changed", 2), _unknown_asker)


def test_the_stored_name_is_type_and_version() -> None:
    """A file may move and a class be renamed: the log does not know them."""
    assert topic_of(EVENT) == "plan_changed.v1"


def test_bytes_read_back_as_they_were_written() -> None:
    """Cause and event survive being stored."""
    assert decode("plan_changed.v1", encode(CAUSE, EVENT)) == (CAUSE, EVENT)


@pytest.mark.usefixtures("third_version")
def test_an_event_of_the_first_version_is_read_as_the_third() -> None:
    """Upcasters are applied one version after the other."""
    cause, event = decode("plan_changed.v1", encode(CAUSE, EVENT))
    assert cause == CAUSE
    assert event == PlanChangedAgain(
        subscriber_id="10000000001", plan_id="GOLD", first_day=date(2026, 4, 1), asked_by="unknown"
    )


@pytest.mark.usefixtures("third_version")
def test_an_event_of_the_second_version_needs_only_the_last_upcaster() -> None:
    """What is done already is not done again."""
    data = {"subscriber_id": "1", "plan_id": "GOLD", "first_day": "2026-04-01"}
    stored = msgspec.json.encode({"cause": CAUSE, "data": data})
    _, event = decode("plan_changed.v2", stored)
    assert isinstance(event, PlanChangedAgain)
    assert (event.subscriber_id, event.asked_by) == ("1", "unknown")


@pytest.mark.parametrize("topic", ["plan_changed.v2", "plan_swapped.v1", "plan_changed", "plan.vX"])
def test_an_event_of_a_newer_program_is_not_guessed_at(topic: str) -> None:
    """An unknown name or version is an error, told by its name and without its data."""
    with pytest.raises(LookupError, match=topic):
        decode(topic, encode(CAUSE, EVENT))


@pytest.mark.parametrize("state", [b"", b"{}", b'{"cause": {}, "data": {}}', b"\xff"])
def test_bytes_that_are_no_such_event_are_an_error(state: bytes) -> None:
    """Damaged bytes never become an event."""
    with pytest.raises(msgspec.DecodeError):
        decode("plan_changed.v1", state)


def test_nothing_is_folded_out_of_order() -> None:
    """An event is folded into the version before its own, and into no other."""
    recorded = Recorded(7, "C1", 3, NOON, CAUSE, EVENT)
    with pytest.raises(HistoryDamaged, match="Version 2 is missing"):
        recorded.evolve(Client(client_id="C1", version=1))
