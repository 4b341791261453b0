"""A whole made-up book: so many clients, one after the other, through the door of the portals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random

import msgspec

from adapters.inbound.simulation import moments, opening
from adapters.inbound.simulation.account import Account, Line
from adapters.inbound.submitting import submit_lines
from domain.client.state import Segment
from domain.kernel import Actor
from processors.command_processor import CommandProcessor

CLIENTS_MAX = 999_999
_SEGMENTS: dict[Segment, int] = {
    "small_group": 30,
    "solo": 22,
    "large_group": 3,
    "exchange_direct": 15,
    "medicare_advantage": 8,
    "ffs": 7,
    "exchange": 15,
}
"""Each segment's weight; the first clients of a book are one of each, in this order."""

_encoder = msgspec.json.Encoder()


def segment_of(seed: int, index: int) -> Segment:
    """The segment of a book's client, who is counted from 1."""
    segments = list(_SEGMENTS)
    if index <= len(segments):
        return segments[index - 1]
    return Random(f"{seed}:{index}:segment").choices(segments, list(_SEGMENTS.values()))[0]


def life_of(seed: int, index: int) -> Iterator[Line]:
    """All transactions of one client, in the order in which they are received."""
    account = Account(seed, index, segment_of(seed, index))
    opening.begin(account)
    account.every_month(account.effective_on, partial(moments.month, account))
    return account.play()


@dataclass(slots=True)
class Simulated:
    """What a simulation came to so far."""

    clients: int = 0
    """Played to the end."""
    transactions: int = 0
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """By the code of the rule that said no."""
    repeated: int = 0
    """Among the accepted and refused: those whose key had been answered before."""


def simulate(
    processor: CommandProcessor,
    clients: int,
    seed: int,
    progress: Callable[[Simulated], None] = lambda so_far: None,
) -> Simulated:
    """Submit the lives of a book's clients. ``progress`` is told after every client.

    Memory holds one client's life and what is on its way. A simulation that was broken off may be
    run again: what was answered before is answered the same, without a second effect.
    """
    done = Simulated()
    for outcome in submit_lines(processor, _lines(clients, seed, done, progress)):
        if outcome.problem is not None:
            raise AssertionError(f"the simulation sent a malformed line: {outcome.problem}")
        assert outcome.answer is not None
        receipt = outcome.answer.receipt
        done.transactions += 1
        done.repeated += outcome.answer.repeated
        if receipt.status == "accepted":
            done.accepted += 1
        else:
            done.refused[receipt.code or ""] += 1
    return done


def _lines(
    clients: int, seed: int, done: Simulated, progress: Callable[[Simulated], None]
) -> Iterator[tuple[Actor, bytes]]:
    for index in range(1, clients + 1):
        for line in life_of(seed, index):
            yield line.actor, _encoder.encode(line.fields)
        done.clients = index
        progress(done)
