"""People who do not exist: names made of syllables, addresses in towns that no map shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from domain.client.state import Relationship

_FIRST_BEGINS = ("Bel", "Cor", "Dra", "El", "Fen", "Hal", "Jor", "Kel", "Lor", "Tes", "Vel")
_FIRST_ENDS = ("anor", "dis", "ewyn", "ika", "imar", "ola", "ovan", "ryn", "tavia", "uel")
_LAST_BEGINS = ("Ald", "Brack", "Crow", "Dun", "Ever", "Grim", "Hol", "Lark", "Mor", "Pem", "Thorn")
_LAST_ENDS = ("abey", "bridger", "combe", "fathom", "garde", "hollow", "meadow", "quill", "wicket")
_STREETS = ("Anchor", "Lantern", "Millrace", "Orchard", "Quarry", "Sparrow", "Tidewater", "Weaver")
_TOWNS = ("Eastmarsh", "Fernmoor", "Gullhaven", "Northquay", "Oldwick", "Saltbridge", "Westmere")
_TRADES = ("Bakery", "Boatworks", "Books", "Dental", "Design", "Foundry", "Gardens", "Logistics")

_DAYS_A_YEAR = 365.25


@dataclass(slots=True)
class Person:
    """A member to be: who they are, and since and until when the book believes them covered."""

    member_id: str
    relationship: Relationship
    first: str
    last: str
    birth_date: date
    first_day: date
    last_day: date | None = None

    def name(self) -> dict[str, str]:
        """The name as a transaction carries it."""
        return {"first": self.first, "last": self.last}

    def covered_on(self, day: date) -> bool:
        """Whether the book believes the person covered on a day."""
        return self.first_day <= day and (self.last_day is None or day <= self.last_day)


def first_name(rng: Random) -> str:
    """A first name."""
    return rng.choice(_FIRST_BEGINS) + rng.choice(_FIRST_ENDS)


def last_name(rng: Random) -> str:
    """A last name."""
    return rng.choice(_LAST_BEGINS) + rng.choice(_LAST_ENDS)


def company_name(rng: Random) -> str:
    """An employer's name."""
    return f"{rng.choice(_TOWNS)} {rng.choice(_TRADES)}"


def birth_date(rng: Random, years_min: int, years_max: int, on: date) -> date:
    """The birth date of somebody who is between so many years old on a day."""
    days = rng.uniform(years_min * _DAYS_A_YEAR, (years_max + 1) * _DAYS_A_YEAR - 1)
    return on - timedelta(days=int(days))


def address(rng: Random) -> dict[str, Any]:
    """A postal address in Connecticut."""
    made = {
        "line1": f"{rng.randint(1, 299)} {rng.choice(_STREETS)} Street",
        "city": rng.choice(_TOWNS),
        "state": "CT",
        "zip": f"06{rng.randint(1, 999):03}",
    }
    if rng.random() < 0.2:
        made["line2"] = f"Apt {rng.randint(1, 40)}"
    return made


def contact(rng: Random, person: Person) -> dict[str, str]:
    """An e-mail address and a telephone number that reach nobody (RFC 2606; 555-01xx)."""
    return {
        "email": f"{person.first}.{person.last}{rng.randint(1, 99)}@example.com".lower(),
        "phone": f"203-555-01{rng.randint(0, 99):02}",
    }
