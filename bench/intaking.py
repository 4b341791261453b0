"""Commands over Kafka: how many a second an intake answers."""

from __future__ import annotations

from typing import Any

import msgspec
from kafka import KafkaProducer

from adapters.outbound.topics import COMMANDS, RECEIPTS
from bench.book import client_name, move, open_book
from bench.kafka_house import House, wait_until
from bench.measuring import Effort
from bench.opened import log_and_processor
from bench.table import Table
from tests.adapters.commanded import signed
from tests.adapters.kafka_topics import read_all
from tests.kafka_broker import KafkaForTests

_CREATED = b"201"


def measure_intake(one: House, kafka: KafkaForTests, table: Table, effort: Effort) -> None:
    """All are in the topic before the intake starts; timed from the first receipt to the last.

    Each is signed, decided, durable, answered on the topic of receipts and acknowledged.
    """
    clients, commands = effort.size(1_000, 100), effort.size(20_000, 1_000)
    with log_and_processor(one.database_url) as (log, processor):
        open_book(processor, clients)
        opened = log.head()
        _send(one, clients, commands)
        intake = one.start("intake")
        wait_until(lambda: log.head() >= opened + commands, intake)
    if intake.stop() != 0:
        raise AssertionError(intake.said)
    receipts = read_all(one.servers, RECEIPTS)
    refused = [each for each in receipts if dict(each.headers)["status"] != _CREATED]
    if refused or len(receipts) != commands:
        raise AssertionError(f"{len(receipts)} receipts, of which {len(refused)} refuse")
    table.add("intake, signed commands to receipts", f"{_per_second(receipts):10,.0f} /s")


def _send(one: House, clients: int, commands: int) -> None:
    token = one.token()
    with KafkaProducer(bootstrap_servers=one.servers) as producer:
        for number in range(commands):
            client_id, key = client_name(1 + number % clients), f"intake-{number}"
            value = msgspec.json.encode(move(1, number + 1))
            headers = signed(token, client_id.encode(), key, value)
            producer.send(COMMANDS, value, client_id.encode(), list(headers.items()))


def _per_second(receipts: list[Any]) -> float:
    """By the instants at which they were sent."""
    instants: list[int] = sorted(each.timestamp for each in receipts)
    return 1000 * len(receipts) / (instants[-1] - instants[0])
