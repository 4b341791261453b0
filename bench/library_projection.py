"""The eventsourcing library's way to keep rows up with a log: one transaction for each event."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL

from bench.library_application import Account, Addresses

_ACCOUNTS = 100
_POLL_SECONDS = 0.1
_TABLE = "CREATE TABLE IF NOT EXISTS address_rows (id uuid PRIMARY KEY, line1 text, city text)"


class AddressRows(PostgresTrackingRecorder):
    """The newest address of each account."""

    def __init__(self, datastore: PostgresDatastore, **kwargs: Any) -> None:
        super().__init__(datastore, **kwargs)
        self.sql_create_statements.append(SQL("{}").format(SQL(_TABLE)))

    def put(self, account_id: UUID, line1: str, city: str, tracking: Tracking) -> None:
        """Row and position, in one transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(
                "INSERT INTO address_rows VALUES (%s, %s, %s) ON CONFLICT (id)"
                " DO UPDATE SET line1 = excluded.line1, city = excluded.city",
                (account_id, line1, city),
                prepare=True,
            )


class AddressProjection(Projection[AddressRows]):
    """Follows the accounts."""

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Apply one event."""
        line1, city = getattr(domain_event, "line1", ""), getattr(domain_event, "city", "")
        self.view.put(domain_event.originator_id, line1, city, tracking)


def fill_and_follow(env: dict[str, str], events: int, seconds: float) -> float:
    """Make a log of address changes, then follow it for a while; events a second."""
    with Addresses(env=env) as application:
        for _ in range(_ACCOUNTS):
            account = Account()
            for house in range(events // _ACCOUNTS):
                account.change_address(f"{house} Water Street", "Mystic")
            application.save(account)
    runner = ProjectionRunner(
        application_class=Addresses,
        projection_class=AddressProjection,
        view_class=AddressRows,
        env=env,
    )
    with runner:
        began = time.perf_counter()
        first = runner.view.max_tracking_id(runner.app_name) or 0
        while (elapsed := time.perf_counter() - began) < seconds:
            time.sleep(_POLL_SECONDS)
        reached = runner.view.max_tracking_id(runner.app_name) or 0
    assert reached < events, "the log was too short to measure on"
    return (reached - first) / elapsed
