"""How far the projections are, as the reads of transactions want to know it."""

from __future__ import annotations

from adapters.outbound.transaction_reads import Progress
from adapters.services import Services


def progress_of(services: Services) -> Progress:
    """The positions applied and the clients parked, now.

    Looked up before the rows are read: what is completed by these is completed in the rows.
    """
    return Progress(
        now=services.clock.now(),
        applied={name: services.rows.position(name) for name in services.projections},
        parked={
            (parked.projection, parked.client_id): parked.position
            for parked in services.rows.parked()
        },
    )
