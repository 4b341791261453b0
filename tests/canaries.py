"""Canaries: personal data that is like no other, sent in every way, to be searched for afterwards.

Every text has ``MARK`` in it; dates and numbers are ones that nothing else would say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from tests.every_action import Body, People, address_of, every_action

MARK = "Qzx"
TEXT = f"{MARK} Wrong Person"
"""Not a valid id, date or number, so that nothing may take it for one of these."""

PEOPLE = People(
    group=f"{MARK}bakery of {MARK}owner",
    mia={"first": f"{MARK}mia", "middle": f"{MARK}m", "last": f"{MARK}silva"},
    mia_renamed={"first": f"{MARK}maria", "middle": f"{MARK}r", "last": f"{MARK}stone"},
    leo={"first": f"{MARK}leo", "middle": f"{MARK}l", "last": f"{MARK}oak"},
    zoe={"first": f"{MARK}zoe", "middle": f"{MARK}z", "last": f"{MARK}elm"},
    address={
        "line1": f"77 {MARK}quay",
        "line2": f"{MARK}attic",
        "city": f"{MARK}mystic",
        "state": "CT",
        "zip": "06917-7317",
    },
    moved_to={
        "line1": f"99 {MARK}road",
        "line2": f"{MARK}cellar",
        "city": f"{MARK}groton",
        "state": "CT",
        "zip": "06918-7318",
    },
    contact={"email": f"{MARK}.mia@example.com", "phone": "+1 977-731-9415"},
    reached_at={"email": f"{MARK}.maria@example.org", "phone": "+1 977-731-9416"},
    mia_born="1937-11-19",
    mia_born_really="1937-11-29",
    leo_born="1938-03-31",
    reason=f"{MARK}boss was ill.",
)
_BORN = (PEOPLE.mia_born, PEOPLE.mia_born_really, PEOPLE.leo_born)
_NUMBERS = ("06917-7317", "06918-7318", "977-731-9415", "977-731-9416", "9777319415")
_SEARCHED = (
    MARK.lower(),
    *_NUMBERS,
    *_BORN,
    *(f"{day.year}, {day.month}, {day.day}" for day in map(date.fromisoformat, _BORN)),
)


def found_in(text: str) -> list[str]:
    """The places in a text where there is personal data, with what is around each."""
    small = text.lower()
    return [
        text[max(0, at - 60) : at + 60]
        for canary in _SEARCHED
        if (at := small.find(canary)) >= 0  # the first place of each is enough to know
    ]


def bodies() -> list[Body]:
    """Each action once, with canaries wherever it speaks of people."""
    by_type = {step.body["type"]: step.body for step in every_action(PEOPLE)}
    return list(by_type.values())


def wrong_bodies(address: Body) -> Iterator[bytes]:
    """Each action on a client (or a payee) wrong in many ways, with canaries in it.

    None of them has a valid form.
    """
    for body in (body for body in bodies() if address_of(body) == address):
        whole = json.dumps(body).encode()
        yield whole[:-2]
        yield whole.replace(b"{", b"{" + TEXT.encode(), 1)
        yield b"[" + whole + b"]"
        yield json.dumps(body | {TEXT: TEXT}).encode()
        yield json.dumps(body | {"type": TEXT}).encode()
        yield json.dumps(body | {"received_at": TEXT}).encode()
        yield whole + b"\xff" + TEXT.encode("utf-16")
        for field in body.keys() - {"type"}:
            for value in ([TEXT], {TEXT: TEXT}, TEXT + "\x00", TEXT * 50):
                yield json.dumps(body | {field: value}).encode()
            if isinstance(body[field], dict):
                yield from _wrong_inside(body, field)


def _wrong_inside(body: Body, field: str) -> Iterator[bytes]:
    inside: dict[str, Any] = body[field]
    yield json.dumps(body | {field: inside | {TEXT: TEXT}}).encode()
    for name in inside:
        for value in ([TEXT], TEXT + "\x00", TEXT * 50):
            yield json.dumps(body | {field: inside | {name: value}}).encode()
