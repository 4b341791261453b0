"""How far the projections are, as operators and the reads of transactions want to know it."""

from __future__ import annotations

from adapters.outbound.transaction_reads import Progress
from adapters.services import Services
from processors.lag import Lag, Standing, measure_lag, measure_standing


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


def lags_of(services: Services) -> list[Lag]:
    """How far each projection is behind the log, and which stage holds it.

    Raises what ``measure_lag`` raises.
    """
    relayed = services.relayed()
    return measure_lag(services.log, services.rows, services.projections, services.clock, relayed)


def standing_of(services: Services) -> Standing:
    """Where everything that follows the log stands. Raises what ``measure_lag`` raises."""
    relayed = services.relayed()
    return measure_standing(
        services.log, services.rows, services.projections, services.clock, relayed
    )
