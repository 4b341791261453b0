"""Running something for a while, and what came of it."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to measure."""

    seconds: float
    """For each figure."""
    quick: bool = False
    """Small logs: to see that everything runs, not how fast."""

    def size(self, full: int, quick: int) -> int:
        """Of something to make first."""
        return quick if self.quick else full


class Speed(NamedTuple):
    """How fast, and how long each took."""

    per_second: float
    p50_ms: float
    p99_ms: float
    longest_ms: float

    def __str__(self) -> str:
        return (
            f"{self.per_second:10,.0f} /s   p50 {self.p50_ms:7.2f} ms   p99 {self.p99_ms:7.2f} ms"
        )


def speed_of(took: Sequence[float], elapsed: float) -> Speed:
    """The speed of what took these seconds each, within ``elapsed`` seconds."""
    ordered = sorted(took)
    last = len(ordered) - 1
    return Speed(
        len(ordered) / elapsed,
        ordered[last // 2] * 1e3,
        ordered[min(last, int(len(ordered) * 0.99))] * 1e3,
        ordered[last] * 1e3,
    )


def one_after_the_other(do: Callable[[], object], seconds: float) -> Speed:
    """Call ``do`` again and again."""
    took: list[float] = []
    began = time.perf_counter()
    while (now := time.perf_counter()) - began < seconds:
        do()
        took.append(time.perf_counter() - now)
    return speed_of(took, time.perf_counter() - began)


def _keep_full(room: threading.Semaphore, start: Callable[[], object], until: float) -> None:
    """Start one whenever there is room, until the time is over or there are no more."""
    while time.perf_counter() < until:
        room.acquire()
        try:
            start()
        except StopIteration:
            room.release()
            return


def in_flight(
    submit: Callable[[], Future[Any]],
    many: int,
    seconds: float,
    check: Callable[[Any], None] = lambda result: None,
) -> Speed:
    """Keep ``many`` futures in flight; afterwards ``check`` sees each result.

    Until the time is over, or ``submit`` has no more (``StopIteration``).
    """
    took: list[float] = []
    futures: list[Future[Any]] = []
    room = threading.Semaphore(many)

    def finished(since: float) -> Callable[[Future[Any]], None]:
        def note(_: Future[Any]) -> None:
            took.append(time.perf_counter() - since)
            room.release()

        return note

    def start() -> Future[Any]:
        since = time.perf_counter()
        future = submit()
        futures.append(future)
        if many > 1:
            future.add_done_callback(finished(since))
        return future

    began = time.perf_counter()
    if many == 1:
        speed = one_after_the_other(lambda: start().result(), seconds)
    else:
        _keep_full(room, start, until=began + seconds)
        for _ in range(many):
            room.acquire()
        speed = speed_of(took, time.perf_counter() - began)
    for future in futures:
        check(future.result())
    return speed


def peak_memory_mb(pid: int | str = "self") -> float | None:
    """The most memory a process has had so far; None where the system does not tell."""
    with contextlib.suppress(OSError):
        told = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(told[1]) / 1024 if told else None
    return None
