"""From a command's 201 to its row, embedded and over Kafka, by whoever waits for it there."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

from bench.book import client_name, move, open_book
from bench.kafka_house import House, wait_until, wait_until_joined
from bench.measuring import Effort, Speed, speed_of
from bench.opened import log_and_processor
from bench.table import Table
from projections.catalog import PROJECTIONS
from tests.kafka_broker import KafkaForTests

_SEEN_IN = "book_of_business"
_PER_SECOND = 200
_SENDERS = 8
_PAUSE_SECONDS = 0.0005
_WARM_SECONDS = 2.0
_APPLIED_SECONDS_MAX = 30.0


def measure_end_to_end(one: House, kafka: KafkaForTests, table: Table, effort: Effort) -> None:
    """The same commands to the same server over HTTP, first embedded, then with a worker each."""
    clients = effort.size(1_000, 100)
    with log_and_processor(one.database_url) as (_, processor):
        open_book(processor, clients)
    authorization = {"Authorization": f"Bearer {one.token()}"}
    for name, serving in (("embedded", _embedded), ("over Kafka", _over_kafka)):
        with serving(one) as address:
            seen = _Seen(one, address, authorization, clients)
            seen.one_at_a_time(_WARM_SECONDS)
            alone = seen.one_at_a_time(effort.seconds)
            table.add(f"201 to row, {name}, alone", str(alone))
            beside, load = seen.beside_others(effort.seconds)
            table.add(f"201 to row, {name}, beside {load:,.0f} /s", str(beside))


@contextmanager
def _embedded(one: House) -> Iterator[str]:
    with _serving(one, "embedded") as address:
        yield address


@contextmanager
def _over_kafka(one: House) -> Iterator[str]:
    workers = [one.start("worker", projection.name) for projection in PROJECTIONS]
    for worker in workers:
        wait_until_joined([worker])
    relay = one.start("relay")
    with _serving(one, "kafka") as address:
        yield address
    for process in (relay, *workers):
        if process.stop() != 0:
            raise AssertionError(process.said)


@contextmanager
def _serving(one: House, transport: str) -> Iterator[str]:
    """A server that has caught up."""
    server = one.start("serve", "--port", "0", transport=transport)
    wait_until(lambda: server.url is not None, server)
    with log_and_processor(one.database_url) as (log, _):
        head = log.head()
    wait_until(lambda: all(one.applied(each.name) >= head for each in PROJECTIONS), server)
    assert server.url is not None
    yield server.url
    if server.stop() != 0:
        raise AssertionError(server.said)


class _Seen:
    """Sends transactions and looks when they are in the rows, as ``?after=`` looks."""

    def __init__(
        self, one: House, address: str, authorization: dict[str, str], clients: int
    ) -> None:
        self._one = one
        self._address = urlsplit(address)
        self._authorization = authorization
        self._numbers = itertools.count(time.time_ns())
        self._clients = itertools.cycle(range(1, clients + 1))
        self._taking = threading.Lock()

    def one_at_a_time(self, seconds: float) -> Speed:
        """Send one, wait until it is visible, and so on; timed from its receipt to its row."""
        took: list[float] = []
        began = time.perf_counter()
        with closing(self._connection()) as connection:
            while time.perf_counter() - began < seconds:
                position = self._send(connection)
                acknowledged = time.perf_counter()
                while self._one.applied(_SEEN_IN) < position:
                    if time.perf_counter() - acknowledged > _APPLIED_SECONDS_MAX:
                        raise AssertionError(f"not visible after {_APPLIED_SECONDS_MAX} seconds")
                    time.sleep(_PAUSE_SECONDS)
                took.append(time.perf_counter() - acknowledged)
        return speed_of(took, time.perf_counter() - began)

    def beside_others(self, seconds: float) -> tuple[Speed, float]:
        """The same while others send so many a second; how many they could."""
        until = time.perf_counter() + seconds + _WARM_SECONDS
        with ThreadPoolExecutor(_SENDERS) as others:
            sending = [others.submit(self._steadily, until) for _ in range(_SENDERS)]
            time.sleep(_WARM_SECONDS / 2)
            seen = self.one_at_a_time(seconds)
            sent = sum(future.result() for future in sending)
        return seen, sent / (seconds + _WARM_SECONDS)

    def _steadily(self, until: float) -> int:
        began, sent = time.perf_counter(), 0
        with closing(self._connection()) as connection:
            while (now := time.perf_counter()) < until:
                due = began + sent * _SENDERS / _PER_SECOND
                time.sleep(max(0.0, due - now))
                self._send(connection)
                sent += 1
        return sent

    def _connection(self) -> HTTPConnection:
        return HTTPConnection(str(self._address.hostname), self._address.port)

    def _send(self, connection: HTTPConnection) -> int:
        with self._taking:
            client, number = next(self._clients), next(self._numbers)
        headers = self._authorization | {
            "Idempotency-Key": f"seen-{number}", "Content-Type": "application/json",
        }  # fmt: skip
        path = f"/v1/clients/{client_name(client)}/transactions"
        connection.request("POST", path, json.dumps(move(1, number)), headers)
        response = connection.getresponse()
        body = json.loads(response.read())
        if response.status != 201:
            raise AssertionError(body)
        return int(body["position"])
