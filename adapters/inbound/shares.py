"""Work that several processes share: each does one share, and tells as it goes.

A large log is folded by all cores, which threads of one Python process would not do. What is told
is values that can be pickled; what a share raises ends them all, and is raised to the caller.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

_LOOK_SECONDS = 0.5


class ShareDied(Exception):
    """A process of these was ended from outside."""


class _Ended(NamedTuple):
    error: Exception | None


def in_shares(work: Callable[..., Iterator[Any]], shares: int, *arguments: Any) -> Iterator[Any]:
    """What ``work(share, *arguments)`` yields for the shares 0, 1 …, in the order it comes.

    One share alone is done in this process. ``work`` must be a function of a module.
    """
    if shares == 1:
        yield from work(0, *arguments)
        return
    context = multiprocessing.get_context("spawn")
    told: Any = context.Queue(maxsize=100)
    processes = [
        context.Process(target=_do, args=(work, share, arguments, told, os.getpid()), daemon=True)
        for share in range(shares)
    ]
    for process in processes:
        process.start()
    try:
        running = shares
        while running:
            try:
                said = told.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                if any(process.exitcode for process in processes):
                    raise ShareDied from None
                continue
            if not isinstance(said, _Ended):
                yield said
            elif said.error is not None:
                raise said.error
            else:
                running -= 1
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _do(
    work: Callable[..., Iterator[Any]],
    share: int,
    arguments: tuple[Any, ...],
    told: Any,
    parent: int,
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever began this is told, and ends it
    try:
        for said in work(share, *arguments):
            if os.getppid() != parent:
                return  # nobody listens any more
            told.put(said)
        told.put(_Ended(None))
    except Exception as error:  # noqa: BLE001  # whatever it is, the caller is to have it
        told.put(_Ended(error))
