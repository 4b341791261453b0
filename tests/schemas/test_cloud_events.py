"""Events as records of a topic: what is written can be read, and says where it leads."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.cloud_events import NotOfTheLog, Passed, event_record, marker_record, read_record
from schemas.envelope import LogEntry, encode, topic_of
from tests.schemas.test_envelope import CAUSE, EVENT

_ENTRY = LogEntry(
    12,
    "harbor-bakery",
    3,
    datetime(2026, 3, 4, 17, tzinfo=UTC),
    topic_of(EVENT),
    encode(CAUSE, EVENT),
)


def test_an_event_is_a_cloud_event() -> None:
    """With the attributes that the specification asks for, and the stored bytes as its data."""
    event = json.loads(event_record(_ENTRY, 9))
    data = event.pop("data")
    assert event == {
        "specversion": "1.0",
        "id": "12",
        "source": "/ofrecord/log",
        "type": "plan_changed.v1",
        "subject": "harbor-bakery",
        "time": "2026-03-04T17:00:00Z",
        "datacontenttype": "application/json",
        "position": "12",
        "afterposition": "9",
        "clientversion": 3,
    }
    assert data == json.loads(_ENTRY.state)


@given(
    st.builds(
        LogEntry,
        position=st.integers(1, 2**63 - 1),
        client_id=st.text(min_size=1),
        version=st.integers(1, 2**31 - 1),
        recorded_at=st.datetimes(timezones=st.just(UTC)),
        topic=st.just("plan_changed.v1"),
        state=st.just(b'{"cause":{},"data":{"name":"O\\"Brien \xe2\x98\x82"}}'),
    ),
    st.integers(0, 2**62),
)
def test_what_is_written_is_read(entry: LogEntry, after: int) -> None:
    """Every id, instant and position, to the microsecond and the byte."""
    assert read_record(event_record(entry, after)) == Passed(after, entry.position, entry)


def test_the_event_of_a_record_is_the_logs() -> None:
    """In its current version, with its cause."""
    recorded = read_record(event_record(_ENTRY, 9)).read()
    assert recorded == _ENTRY.read()
    assert recorded is not None
    assert (recorded.cause, recorded.event) == (CAUSE, EVENT)


def test_a_marker_leads_on_without_an_event() -> None:
    """It is a CloudEvent, too, so that who reads the topic needs to know one form only."""
    record = marker_record(5, 9, _ENTRY.recorded_at)
    assert json.loads(record)["specversion"] == "1.0"
    assert read_record(record) == Passed(5, 9, None)
    assert read_record(record).read() is None


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"type": "x"}',
        event_record(_ENTRY, 9).replace(b'"12"', b'"twelve"'),
        event_record(_ENTRY, 9).replace(b"17:00:00Z", b"noon"),
    ],
)
def test_what_is_no_record_of_the_log_is_told(value: bytes) -> None:
    """Without what was in it."""
    with pytest.raises(NotOfTheLog) as caught:
        read_record(value)
    assert str(caught.value) == ""
    assert caught.value.__suppress_context__
