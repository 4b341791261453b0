"""Digests of rows: equal if the rows are, different if any value, table or count differs."""

from __future__ import annotations

from typing import ClassVar

from processors.verification import digest_of
from projections.kernel import Row
from tests.adapters.tally import LatestRow


class OldestRow(Row, frozen=True, kw_only=True):
    """A row that differs from ``LatestRow`` in its table alone."""

    table: ClassVar[str] = "oldest"
    key: ClassVar[tuple[str, ...]] = ("client_id", "version")
    scope: ClassVar[tuple[str, ...]] = ("client_id",)

    client_id: str
    version: int
    age: int


ONE = LatestRow(client_id="C1", version=1, age=0)
TWO = LatestRow(client_id="C1", version=2, age=0)
OTHER = LatestRow(client_id="C2", version=1, age=0)


def test_the_order_of_rows_does_not_matter() -> None:
    """Rows stream by as a database gives them."""
    assert digest_of([ONE, TWO, OTHER]) == digest_of([OTHER, TWO, ONE])


def test_each_client_has_a_digest_of_its_own_rows() -> None:
    """What is wrong with one client is not drowned in a digest of all."""
    digest = digest_of([ONE, OTHER])
    assert digest["C1"] == digest_of([ONE])["C1"]
    assert digest["C2"] == digest_of([OTHER])["C2"] != digest["C1"]
    assert digest_of([]) == {}


def test_any_difference_shows() -> None:
    """A value, a row more or less, a row twice, the same values in another table."""
    elsewhere = OldestRow(client_id="C1", version=1, age=0)
    all_of_them: list[list[Row]] = [[ONE], [TWO], [ONE, TWO], [ONE, ONE], [elsewhere]]
    assert len({digest_of(rows)["C1"] for rows in all_of_them}) == len(all_of_them)
