"""Many transactions of the carrier's own, with few on their way, beside whatever portals send.

The command processor decides what waits together, so whoever submits many makes all others wait
for them. A large group's invoice takes a second; so the number on their way follows how soon
answers come, from ``WINDOW_MOST`` down to one at a time.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from typing import NamedTuple

from processors.command_processor import CommandProcessor
from processors.ports import LogUnavailable
from processors.receipts import Answer, Submission
from processors.runs import Tally

WINDOW_MOST = 32
ANSWERED_WITHIN_SECONDS = 0.25
"""Where answers take longer, fewer are submitted at a time."""
_WINDOW_FIRST = 4
_LOOK_SECONDS = 0.25


class Window:
    """How many may be on their way: one more for each quick answer, half for a slow one."""

    def __init__(self, most: int = WINDOW_MOST) -> None:
        self.room = min(_WINDOW_FIRST, most)
        self._most = most

    def answered(self, seconds: float) -> None:
        """An answer came so long after its transaction was submitted."""
        if seconds > ANSWERED_WITHIN_SECONDS:
            self.room = max(1, self.room // 2)
        elif self.room < self._most:
            self.room += 1


class Submitted(NamedTuple):
    """What came of one: an answer, or the failure that took its place."""

    submission: Submission
    answer: Answer | None
    failure: BaseException | None


class _Waiting(NamedTuple):
    submission: Submission
    future: Future[Answer]
    since: float


def submit_many(
    commands: CommandProcessor,
    submissions: Iterable[Submission],
    goes_on: Callable[[], bool],
    window: Window | None = None,
) -> Iterator[Submitted]:
    """Submit one after the other and give what came of each, in order.

    ``goes_on`` is asked several times a second; when it says no, those on their way are still
    answered, and then it ends. ``submissions`` is read only as fast as there is room.
    """
    window = window or Window()
    waiting: deque[_Waiting] = deque()
    for submission in submissions:
        while len(waiting) >= window.room:
            yield _answered(waiting.popleft(), window, goes_on)
        if not goes_on():
            break
        waiting.append(_Waiting(submission, commands.submit(submission), time.monotonic()))
    while waiting:
        yield _answered(waiting.popleft(), window, goes_on)


def _answered(waiting: _Waiting, window: Window, goes_on: Callable[[], bool]) -> Submitted:
    future = waiting.future
    while not wait([future], _LOOK_SECONDS).done:
        goes_on()  # so that a run whose client takes long shows that it lives
    window.answered(time.monotonic() - waiting.since)
    failure = future.exception()
    return Submitted(waiting.submission, None if failure else future.result(), failure)


def count(tally: Tally, submitted: Submitted, outcome: str) -> None:
    """Count what came of one: as ``outcome`` if it had an effect, ``already`` if it had none.

    Raises ``LogUnavailable`` where that is what came of it.
    """
    if isinstance(submitted.failure, LogUnavailable):
        raise submitted.failure
    tally.done += 1
    stream = submitted.submission.client_id
    if submitted.answer is None:
        tally.fail(stream, type(submitted.failure).__name__)
        return
    receipt = submitted.answer.receipt
    tally.position = max(tally.position, receipt.position)
    if receipt.status == "refused":
        tally.refuse(stream, receipt.code or "", receipt.sentence or "")
    else:
        tally.count(outcome if receipt.events else "already")
