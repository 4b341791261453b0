"""Harbor Bakery to June 2026, served with its proofs, for tests of the pages for auditors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters import bootstrap
from tests.adapters.command_line import CommandLine
from tests.adapters.commission_house import House, harbor_until_june, instant
from tests.adapters.served import SUBSCRIBER, Served, served
from tests.adapters.test_http_explain import Clock

TRICKY = "tricky-mill"
TRICKY_NAME = "<script>document.title='owned'</script> & \"Sons\""


@contextmanager
def opened_bakery(database_url: str, folder: Path) -> Iterator[Served]:
    """The system on 10 June: all of the example is proven, a refused attempt of the day is not.

    Beside the bakery there is a client whose name is meant to do harm.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "SystemClock", Clock)
        patch.setenv("OFRECORD_PROOF_KEYS", str(folder / "keys"))
        with served(database_url) as api:
            house = House(api.application)
            harbor_until_june(house)
            opening = {"type": "open_client", "name": TRICKY_NAME, "segment": "large_group"}
            facts = {"county": "Hartford", "part_month_rule": "wash", "effective_on": "2026-07-01"}
            size = {"full_time_employees": "80", "part_time_hours": "0"}
            house.send(TRICKY, opening | facts | size, instant("2026-06-01"))
            assert CommandLine(database_url)("prove", "--once").code == 0
            change = {"type": "change_plan", "member_id": SUBSCRIBER, "plan_id": "GOLD"}
            refused = api.submit(change | {"effective_on": "2026-07-01"}, "a-try")
            assert refused.json()["code"] == "plan_unknown", refused.text
            assert house.reads, "everything is applied"
            yield api
