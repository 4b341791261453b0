"""The same over Kafka: whatever is done to processes, broker and topic, it is as if nothing was.

``make faults`` runs more seeds, longer.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import PostgresForTests
from tests.faults.campaign import wrong_with
from tests.faults.kafka_campaign import KafkaCampaign
from tests.faults.test_campaign import CLIENTS, SEEDS
from tests.kafka_broker import KafkaForTests


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
def test_i1_i2_i3_i4_i6_everything_heals_over_kafka(
    postgres: PostgresForTests, kafka: KafkaForTests, database_url: str, tmp_path: Path, seed: int
) -> None:
    """I1, I2, I3, I4, I6: relays, workers, API, broker and topic are broken again and again."""
    campaign = KafkaCampaign(postgres, kafka, database_url, tmp_path, seed, CLIENTS)
    outcome = campaign.run()
    assert not wrong_with(database_url, outcome), outcome.faults
