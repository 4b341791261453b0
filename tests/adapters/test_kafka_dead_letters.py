"""Records of nobody known, records of any bytes, and what happens while something is away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from adapters.bootstrap import open_application
from adapters.inbound.kafka_commands import REASONS, RECORD_BYTES_MAX, CommandDoor, Record
from adapters.outbound.api_keys import ApiKeys, split_token
from adapters.outbound.topics import DEAD_LETTERS
from processors.command_processor import CommandProcessor
from processors.ports import LogUnavailable
from tests.adapters.commanded import (
    Headers,
    Portals,
    a_record,
    an_address,
    code_of,
    reason_of,
    signed,
    status_of,
)
from tests.adapters.served import AGENT, HARBOR
from tests.conftest import PostgresForTests

CANARY = "Canary-Zwilling"


@pytest.fixture(scope="module")
def portals(module_database_url: str) -> Iterator[Portals]:
    """A door with Harbor Bakery behind it."""
    with open_application(module_database_url) as application:
        yield Portals(application)


# ── Who is not known is not ────────────────────────────────────────────────────────────────────


def _without(name: str) -> Any:
    return lambda headers: {n: v for n, v in headers.items() if n != name}


def _with(**changes: bytes) -> Any:
    return lambda headers: headers | {n.replace("_", "-"): v for n, v in changes.items()}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_without("ofrecord-key"), "unsigned"),
        (_without("ofrecord-signature"), "unsigned"),
        (_without("idempotency-key"), "idempotency_key_invalid"),
        (_with(idempotency_key=b"other"), "signature_wrong"),
        (_with(idempotency_key=b"tab\tkey"), "idempotency_key_invalid"),
        (_with(idempotency_key="é".encode()), "idempotency_key_invalid"),
        (_with(idempotency_key=b"\xff"), "header_not_utf8"),
        (_with(producer_id=b"P-900"), "signature_wrong"),
        (_with(producer_id=b"\xff"), "header_not_utf8"),
        (_with(correlation_id=b"\xff"), "header_not_utf8"),
        (_with(ofrecord_key=b"nobodyskey00"), "key_unknown"),
        (_with(ofrecord_key=b"no\0key"), "key_unknown"),
        (_with(ofrecord_signature=b"0" * 64), "signature_wrong"),
        (_with(ofrecord_signature="é".encode()), "signature_wrong"),
    ],
)
def test_a_record_of_nobody_known_is_a_dead_letter(
    portals: Portals, change: Any, reason: str
) -> None:
    """Kept as it came, with a code and its place beside it, and nothing that was sent."""
    value = json.dumps(an_address(CANARY)).encode()
    headers = signed(portals.tokens["portal"], HARBOR.encode(), "dead-1", value)
    record = a_record(value, change(headers) | {CANARY: CANARY.encode()}, offset=17)
    (answer,) = portals.door.answer([record])
    assert (answer.topic, answer.key, answer.value) == (DEAD_LETTERS, HARBOR.encode(), value)
    assert dict(answer.headers) == {"reason": reason.encode(), "at": b"ofrecord.commands/0/17"}
    assert reason in REASONS


@pytest.mark.parametrize(
    ("key", "kept"), [(None, None), (b"", b""), (b"\xff", b"\xff"), (b"k" * 201, None)]
)
def test_a_record_key_names_a_client_or_payee(
    portals: Portals, key: bytes | None, kept: bytes | None
) -> None:
    """Else it is known neither what it is about nor where its answer belongs."""
    headers = signed(portals.tokens["portal"], key or b"", "dead-2", b"{}")
    (answer,) = portals.door.answer([a_record(b"{}", headers, key)])
    assert (reason_of(answer), answer.key) == ("record_key_invalid", kept)


def test_a_changed_value_or_client_is_not_the_signed_one(portals: Portals) -> None:
    """Who can write to the topic still cannot speak for another."""
    record = portals.record(an_address(), "dead-3")
    for other in (record._replace(value=b"{}"), record._replace(key=b"another")):
        (answer,) = portals.door.answer([other])
        assert reason_of(answer) == "signature_wrong"


def test_a_revoked_key_opens_nothing(portals: Portals) -> None:
    """Though the signature is right."""
    keys = portals.application.services.keys
    made = keys.create("portal", "portal-three", AGENT)
    keys.revoke(made.key_id)
    headers = signed(made.token, HARBOR.encode(), "dead-4", b"{}")
    (answer,) = portals.door.answer([a_record(b"{}", headers)])
    assert reason_of(answer) == "key_revoked"


def test_the_secret_itself_signs_nothing_else(portals: Portals) -> None:
    """A signature made with another key's secret is not this key's."""
    record = portals.record(an_address(), "dead-5", "stranger")
    parts = split_token(portals.tokens["portal"])
    assert parts is not None
    headers = {**dict(record.headers or ()), "ofrecord-key": parts[0].encode()}
    (answer,) = portals.door.answer([record._replace(headers=list(headers.items()))])
    assert reason_of(answer) == "signature_wrong"


def test_a_dead_letter_that_kafka_would_not_take_is_kept_without_its_value(
    portals: Portals,
) -> None:
    """The record itself is still where the letter says."""
    (answer,) = portals.door.answer([a_record(b"x" * (RECORD_BYTES_MAX + 1), {})])
    assert (reason_of(answer), answer.value) == ("idempotency_key_invalid", b"")
    assert dict(answer.headers)["bytes-left-out"] == str(RECORD_BYTES_MAX + 1).encode()


_VALUES = st.one_of(
    st.none(),
    st.binary(max_size=60),
    st.sampled_from([json.dumps(an_address()).encode(), b'{"type":"order_id_card"}', b"{}"]),
)
_KEYS = st.one_of(st.none(), st.binary(max_size=30), st.sampled_from([HARBOR.encode(), b"payee:A"]))
_NAMES = st.one_of(
    st.sampled_from(["idempotency-key", "ofrecord-key", "ofrecord-signature", "producer-id"]),
    st.text(max_size=20),
)
_HEADERS = st.lists(st.tuples(_NAMES, st.one_of(st.none(), st.binary(max_size=70))), max_size=8)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(key=_KEYS, value=_VALUES, headers=st.none() | _HEADERS, sign=st.booleans())
def test_no_bytes_and_no_headers_ever_raise(
    portals: Portals,
    key: bytes | None,
    value: bytes | None,
    headers: list[tuple[str, bytes | None]] | None,
    sign: bool,
) -> None:
    """Whatever comes, signed or not, is answered, or is a dead letter with one of the reasons."""
    if sign and headers is not None:
        right: Headers = signed(portals.tokens["many"], key or b"", "any", value or b"")
        headers = [*right.items(), *headers]
    answers = portals.door.answer([Record("ofrecord.commands/0/0", key, value, headers)])
    assert answers
    for answer in answers:
        if answer.topic == DEAD_LETTERS:
            assert reason_of(answer) in REASONS
        else:
            assert status_of(answer) in (201, 400, 403, 404, 422)


# ── When something is away ─────────────────────────────────────────────────────────────────────


def test_while_the_keys_cannot_be_read_nothing_is_answered(
    portals: Portals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch is tried again, so nobody is told to be unknown who is not."""

    def away(_self: ApiKeys, _key_id: str) -> None:
        raise LogUnavailable

    record = portals.record(an_address("10 Tenth St"), "away-1")
    door = CommandDoor(portals.application.services)
    with monkeypatch.context() as patched:
        patched.setattr(ApiKeys, "find", away)
        with pytest.raises(LogUnavailable):
            door.answer([record])
    (answer,) = door.answer([record])
    assert status_of(answer) == 201


def test_while_the_log_is_away_nothing_is_answered_and_order_stays(
    postgres: PostgresForTests, database_url: str
) -> None:
    """I1: the same batch, once the database is back, is decided in its order and once."""
    with open_application(database_url) as application:
        portals = Portals(application)
        records = [portals.record(an_address(f"{n} Away St"), f"log-{n}") for n in range(1, 6)]
        portals.door.answer([records[0]])  # the door knows the key now
        postgres.take_away(database_url)
        with pytest.raises(LogUnavailable):
            portals.door.answer(records[1:])
        postgres.bring_back(database_url)
        answers = portals.door.answer(records)
        versions = [json.loads(answer.value)["client_version"] for answer in answers]
        assert versions == list(range(versions[0], versions[0] + 5))


def test_a_fault_of_the_program_is_told_and_the_record_kept(
    portals: Portals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500, and a dead letter that can be sent again when the fault is mended."""

    def broken(_self: CommandProcessor, _batch: object) -> None:
        raise RuntimeError(CANARY)

    record = portals.record(an_address("11 Eleventh St"), "fault-1")
    with monkeypatch.context() as patched:
        patched.setattr(CommandProcessor, "_attempt", broken)
        told, kept = portals.door.answer([record])
    assert (status_of(told), code_of(told)) == (500, "internal_error")
    assert reason_of(kept) == "internal_error"
    assert CANARY.encode() not in told.value
    (answer,) = portals.door.answer([record])
    assert status_of(answer) == 201
