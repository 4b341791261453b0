"""Which partition a client belongs to."""

from __future__ import annotations

from collections import Counter

from aiokafka.partitioner import murmur2 as kafkas_murmur2
from hypothesis import given
from hypothesis import strategies as st

from processors.partitions import murmur2, partition_of


@given(st.binary(max_size=64))
def test_the_hash_is_kafkas_own(key: bytes) -> None:
    """So that records keyed by client id go where any other producer would put them."""
    assert murmur2(key) == kafkas_murmur2(key) & 0xFFFFFFFF


def test_clients_are_spread_and_stay() -> None:
    """Each has one of the partitions; with one partition it is that."""
    clients = [f"client-{number}" for number in range(6_000)]
    spread = Counter(partition_of(client, 12) for client in clients)
    assert spread.keys() == set(range(12))
    assert max(spread.values()) < 2 * min(spread.values())
    assert {partition_of(client, 1) for client in clients} == {0}
