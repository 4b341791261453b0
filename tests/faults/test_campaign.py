"""Nothing is lost and nothing happens twice, whatever is done to the processes.

``make faults`` runs more seeds, longer.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import PostgresForTests
from tests.faults.campaign import Campaign, wrong_with

SEEDS = range(1, 1 + int(os.environ.get("OFRECORD_FAULT_SEEDS", "1")))
CLIENTS = int(os.environ.get("OFRECORD_FAULT_CLIENTS", "8"))


@pytest.mark.parametrize("seed", SEEDS)
def test_i1_i2_i3_i4_i6_everything_heals(
    postgres: PostgresForTests, database_url: str, tmp_path: Path, seed: int
) -> None:
    """I1, I2, I3, I4, I6: killed, frozen and cut off again and again, it is as if nothing was."""
    campaign = Campaign(postgres, database_url, tmp_path, seed, CLIENTS)
    outcome = campaign.run()
    assert not wrong_with(database_url, outcome), outcome.faults
