"""Reading transactions: what is said about bad ones repeats nothing that was sent."""

from __future__ import annotations

import pytest

from adapters.inbound.incoming import check_address, fault_of, read_line, read_transaction
from adapters.inbound.problems import Problem
from domain.catalog import COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_actions_example_is_read_as_its_command(name: str) -> None:
    """Also an action that is added tomorrow."""
    body = COMMANDS[name].model_validate(COMMANDS[name].example).model_dump_json().encode()
    command = read_transaction(body).command
    assert type(command) is COMMANDS[name]


def test_a_value_that_a_message_quotes_is_taken_out() -> None:
    """Some of pydantic's messages repeat what was found."""
    quoted = {"loc": ("kind",), "msg": "Input tag 'Zwilling' is not known", "input": "Zwilling"}
    assert fault_of(quoted, "#/").detail == "This value is not allowed here"
    plain = {"loc": ("kind",), "msg": "Field required", "input": {"a": "Field"}}
    assert fault_of(plain, "#/").detail == "Field required"


def test_what_only_a_line_has_is_taken_from_the_line() -> None:
    """Client, key, correlation, whom it is sent for, and when it was received."""
    line = read_line(
        b'{"client_id":"C1","key":"k","correlation_id":"task","as_producer_id":"P1",'
        b'"received_at":"2026-03-01T07:00:00-05:00","type":"order_id_card",'
        b'"member_id":"00000000001","reason":"lost"}'
    )
    assert (line.client_id, line.key, line.correlation_id, line.producer_id) == (
        "C1",
        "k",
        "task",
        "P1",
    )
    received_at = line.transaction.received_at
    assert received_at is not None
    assert received_at.isoformat() == "2026-03-01T12:00:00+00:00"


@pytest.mark.parametrize("missing", ["client_id", "key"])
def test_a_line_names_its_client_and_its_key(missing: str) -> None:
    """Without either there is nothing to do it to, or no way to repeat it."""
    line = {"client_id": b'"client_id":"C1",', "key": b'"key":"k",'}
    del line[missing]
    with pytest.raises(Problem) as raised:
        read_line(b"{" + b"".join(line.values()) + b'"type":"order_id_card"}')
    assert [fault.pointer for fault in raised.value.errors or ()] == [f"#/{missing}"]


def test_everything_wrong_beside_the_body_is_told_at_once() -> None:
    """Each with its place."""
    with pytest.raises(Problem) as raised:
        check_address("path:client_id", "no/client", None, "two words")
    assert [fault.pointer for fault in raised.value.errors or ()] == [
        "path:client_id",
        "header:Correlation-Id",
        "header:Idempotency-Key",
    ]


@pytest.mark.parametrize("body", [b'{"type": "\xff"}', b'{"type": "change_name", "x": "\xff"}'])
def test_a_body_that_is_not_utf_8_is_malformed_wherever_that_is(body: bytes) -> None:
    """In the type, too, which is read before all else."""
    with pytest.raises(Problem) as raised:
        read_transaction(body)
    assert raised.value.code == "malformed_json"
