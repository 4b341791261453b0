"""Leaves: their bytes are fixed for ever, and every stored fact of an event changes them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.leaves import StoredCause, cause_of, instant_text, leaf_data, receipt_digest

_AT = datetime(2026, 3, 4, 15, tzinfo=UTC)
_EVENT: dict[str, Any] = {
    "position": 2403,
    "version": 7,
    "recorded_at": _AT,
    "client_id": "harbor-bakery",
    "type_": "address_changed.v1",
    "sender": "acmé",
    "receipt": "-",
    "state": b'{"cause":{}}',
}
_RECEIPT: dict[str, Any] = {
    "transaction_id": "b5fe",
    "recorded_at": _AT,
    "sender": "acmé",
    "key": "my-first",
    "client_id": "harbor-bakery",
    "content_hash": b"\x00" * 32,
    "body": b"{}",
}


def test_a_leaf_has_these_bytes() -> None:
    """Lengths count characters, the instant has microseconds, the state is as it is stored."""
    assert (
        leaf_data(**_EVENT)
        == (
            "ofrecord.event.v1 2403 7 2026-03-04T15:00:00.000000Z 13 18 4 -\n"
            "harbor-bakeryaddress_changed.v1acmé\n"
            '{"cause":{}}'
        ).encode()
    )


def test_a_receipt_has_these_bytes() -> None:
    """All that is stored of it."""
    assert (
        receipt_digest(**_RECEIPT)
        == (
            "ofrecord.receipt.v1 b5fe 2026-03-04T15:00:00.000000Z 4 8 13\n"
            "acmémy-firstharbor-bakery\n"
        ).encode()
        + b"\x00" * 32
        + b"{}"
    )


@pytest.mark.parametrize("name", _EVENT)
def test_every_fact_of_an_event_is_in_its_leaf(name: str) -> None:
    """Whichever is another, the leaf is."""
    assert leaf_data(**_EVENT | {name: _other(_EVENT[name])}) != leaf_data(**_EVENT)


@pytest.mark.parametrize("name", _RECEIPT)
def test_every_fact_of_a_receipt_is_in_its_digest(name: str) -> None:
    """Whichever is another, the digest is."""
    assert receipt_digest(**_RECEIPT | {name: _other(_RECEIPT[name])}) != receipt_digest(**_RECEIPT)


def _other(value: Any) -> Any:
    match value:
        case datetime():
            return value + timedelta(microseconds=1)
        case int():
            return value + 1
        case str():
            return hashlib.sha256(value.encode()).hexdigest()
        case _:
            return value + b" "


@given(texts=st.lists(st.text("ab\n 1", max_size=5), min_size=6, max_size=6))
def test_no_two_events_have_the_same_leaf(texts: list[str]) -> None:
    """However their texts run into each other."""
    first, second = (
        {"client_id": texts[n], "type_": texts[n + 1], "sender": texts[n + 2]} for n in (0, 3)
    )
    same = leaf_data(**_EVENT | first) == leaf_data(**_EVENT | second)
    assert same == (first == second)


def test_an_instant_is_told_in_utc() -> None:
    """Wherever it was read."""
    there = _AT.astimezone(timezone(timedelta(hours=-5)))
    assert instant_text(there) == "2026-03-04T15:00:00.000000Z"


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        (b'{"cause":{"transaction_id":"t","sender":"s","key":"k"},"data":{}}', ("t", "s")),
        (b'{"cause":{}}', ("", "")),
        (b'{"cause":{"transaction_id":"t","sender":1}}', ("", "")),
        (b"{}", ("", "")),
        (b"[]", ("", "")),
        (b"", ("", "")),
        (b'{"cause":{"transaction_id":"\xff","sender":"s"}}', ("", "")),
    ],
)
def test_a_state_that_cannot_be_read_has_no_sender(state: bytes, cause: tuple[str, str]) -> None:
    """And no receipt; it is proven all the same."""
    assert cause_of(state) == StoredCause(*cause)
