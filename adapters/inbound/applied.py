"""Waiting for a read to have a write: ``?after=<position>``.

However many readers wait, the positions are looked up by one question at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from fastapi import Query, Request
from starlette.concurrency import run_in_threadpool

from adapters.inbound.authentication import Reader
from adapters.inbound.problems import Fault, Problem
from adapters.services import Services
from domain.dates import carrier_date
from domain.kernel import Actor
from processors.ports import RowStore

_FIRST_PAUSE_SECONDS = 0.001
_LONGEST_PAUSE_SECONDS = 0.05

POSITION_MAX = 2**63 - 1
_BEYOND_THE_LOG = Fault("query:after", "No transaction has this position yet")


class AppliedWatch:
    """Watches how far projections are, while anyone waits for them."""

    def __init__(self, rows: RowStore, projections: Sequence[str]) -> None:
        self._rows = rows
        self._projections = projections
        self._looking: asyncio.Future[dict[str, int]] | None = None

    async def reached(self, names: Sequence[str], position: int, timeout_seconds: float) -> bool:
        """Whether these projections have applied the position, before the time is over."""
        clock = asyncio.get_running_loop().time
        until = clock() + timeout_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            applied = await self._look()
            if all(applied[name] >= position for name in names):
                return True
            if clock() >= until:
                return False
            await asyncio.sleep(min(pause, max(until - clock(), 0)))
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)

    async def _look(self) -> dict[str, int]:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(run_in_threadpool(self._positions))
        return await asyncio.shield(self._looking)

    def _positions(self) -> dict[str, int]:
        return {name: self._rows.position(name) for name in self._projections}


def applied_in(*projections: str) -> Callable[..., Awaitable[None]]:
    """The dependency of reads of these projections that waits for ``after``."""

    async def wait(
        request: Request,
        actor: Reader,
        after: Annotated[
            int | None,
            Query(
                ge=0,
                le=POSITION_MAX,
                description="A position from a receipt: wait until this read has that write.",
            ),
        ] = None,
    ) -> None:
        if after is None:
            return
        services: Services = request.app.state.services
        watch: AppliedWatch = request.app.state.applied
        client_id = request.path_params.get("client_id")
        if not await watch.reached(projections, after, 0.0):
            if after > await run_in_threadpool(services.log.head):
                raise Problem("invalid_request", errors=[_BEYOND_THE_LOG])
            seconds = services.http.after_timeout_seconds
            if not await watch.reached(projections, after, seconds):
                raise Problem("not_yet_applied")
        if client_id is not None:
            await run_in_threadpool(
                _require_not_parked, services, actor, projections, client_id, after
            )

    return wait


def _require_not_parked(
    services: Services, actor: Actor, projections: Sequence[str], client_id: str, after: int
) -> None:
    """A parked client's events wait although the projection has passed them."""
    today = carrier_date(services.clock.now())
    for parked in services.rows.parked():
        here = parked.projection in projections and parked.client_id == client_id
        if here and parked.position <= after:
            services.reads.require_visible(client_id, actor.producer_id, today)
            raise Problem("not_yet_applied", "This client's later events wait for an operator.")
