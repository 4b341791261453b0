"""Whatever is altered in the database is found by the offline verifier, and named.

``OFRECORD_ALTERATIONS`` says how many of each (altered and unaltered) are tried; `make alterations`
tries a thousand.
"""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from processors.archive_format import Scope
from tests.archives.alterations import ALTERATIONS, Altering, may_be_told
from tests.archives.house import WHOLE, House, new_house, verify, write_archive

_TRIES = int(os.environ.get("OFRECORD_ALTERATIONS", "60"))
_SLICES = 4


@pytest.fixture(scope="module")
def house(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[House, Path, int, int]:
    """A proven log with an earlier checkpoint of it."""
    folder = tmp_path_factory.mktemp("archives")
    house = new_house(module_database_url, folder / "keys")
    house.send(range(1, 4))
    early = house.prove()
    (folder / "early.txt").write_text(early)
    house.send(range(4, 6))
    return house, folder, int(early.split("\n")[1]), int(house.prove().split("\n")[1])


@pytest.mark.parametrize("part", range(_SLICES))
def test_every_alteration_is_found_and_named(
    house: tuple[House, Path, int, int], part: int
) -> None:
    """The verdict is that the log was altered, and the kinds are those of what was done."""
    log, folder, early, size = house
    archive, wrong = folder / f"altered-{part}.zip", []
    with log.transaction() as conn:
        for seed in range(part, _TRIES, _SLICES):
            alter = ALTERATIONS[seed % len(ALTERATIONS)]
            kinds = alter(Altering(conn, Random(seed), log, early, size))
            write_archive(conn, archive)
            conn.rollback()
            options = "--key", log.vkey, "--checkpoint", str(folder / "early.txt")
            verdict = verify(archive, *options)
            if verdict.code != 1 or not kinds <= verdict.kinds <= kinds | may_be_told(alter):
                wrong.append(f"{alter.__name__}, seed {seed}: {verdict.said}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("part", range(_SLICES))
def test_nothing_is_found_in_what_is_as_it_was(
    house: tuple[House, Path, int, int], part: int
) -> None:
    """Whole archives and those of every part of the log are intact."""
    log, folder, _, _ = house
    archive = folder / f"intact-{part}.zip"
    with log.transaction() as conn:
        for seed in range(part, _TRIES, _SLICES):
            scope = _any_scope(Random(seed), conn)
            write_archive(conn, archive, scope)
            conn.rollback()
            earlier = ("--checkpoint", str(folder / "early.txt")) if scope == WHOLE else ()
            verdict = verify(archive, "--key", log.vkey, *earlier)
            assert verdict.code == 0, f"seed {seed}, {scope}: {verdict.said}"


def _any_scope(random: Random, conn: psycopg.Connection[Any]) -> Scope:
    """The whole log, or a part of it."""
    client, producer = f"client-{random.randint(1, 5)}", f"P-{random.randint(1, 5)}"
    instants = [
        row[0]
        for row in conn.execute(
            "SELECT recorded_at FROM stored_events ORDER BY random() LIMIT 2"
        ).fetchall()
    ]
    number = producer.removeprefix("P-")
    streams = (f"client-{number}", *([f"payee:{producer}"] if int(number) % 2 else []))
    return random.choice(
        [
            WHOLE,
            Scope(kind="client", client_id=client, streams=(client,)),
            Scope(kind="producer", producer_id=producer, streams=streams),
            Scope(kind="period", since=min(instants)),
            Scope(kind="period", until=max(instants)),
            Scope(kind="period", since=min(instants), until=max(instants)),
        ]
    )
