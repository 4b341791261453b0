"""Verification that goes on beside serving: a small part of a core; what it finds, as metrics."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry

from adapters.bootstrap import open_verification
from adapters.outbound.verification_metrics import watch_verification
from adapters.settings import Settings
from processors.verifying import ContinuousVerification
from projections.catalog import PROJECTIONS


@contextmanager
def verified(settings: Settings, database_url: str, registry: CollectorRegistry) -> Iterator[None]:
    """Compare rows with histories, round and round, in a thread; unless it is turned off."""
    if not settings.verify_percent:
        yield
        return
    with open_verification(database_url) as (log, verification):
        part_of_core = settings.verify_percent / 100
        work = ContinuousVerification(verification, log, PROJECTIONS, part_of_core)
        watch_verification(registry, work.so_far)
        stop = threading.Event()
        thread = threading.Thread(target=work.run, args=(stop,), name="verification", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
