"""What differs between two sets of rows, as audits and steps of a replay show it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from processors.differences import Change, differences
from projections.kernel import Row
from tests.adapters.row_store_contract import a_tally
from tests.adapters.tally import LatestRow

rows = st.lists(
    st.builds(
        LatestRow,
        client_id=st.sampled_from(["C1", "C2"]),
        version=st.integers(1, 4),
        age=st.integers(0, 2),
    ),
    unique_by=lambda row: (row.client_id, row.version),
)


def test_rows_are_added_gone_and_changed() -> None:
    """By table and key, each with its columns before and after."""
    before: list[Row] = [
        a_tally("C2", events=1),
        LatestRow(client_id="C1", version=2, age=0),
        LatestRow(client_id="C1", version=1, age=1),
    ]
    after: list[Row] = [
        LatestRow(client_id="C1", version=1, age=1),
        LatestRow(client_id="C1", version=10, age=0),
        a_tally("C2", events=2),
    ]
    assert differences(before, after) == [
        Change("latest", {"client_id": "C1", "version": 2}, "gone", {"age": (0, None)}),
        Change("latest", {"client_id": "C1", "version": 10}, "added", {"age": (None, 0)}),
        Change(
            "tally",
            {"client_id": "C2"},
            "changed",
            {"events": (1, 2), "is_even": (False, True)},
        ),
    ]


@given(rows, rows)
def test_differences_lead_from_one_side_to_the_other(
    before: list[LatestRow], after: list[LatestRow]
) -> None:
    """Applied to what was before they give what is after, and back; none where all is the same."""
    found = differences(before, after)
    held = {(row.client_id, row.version): row.age for row in before}
    for change in found:
        key = change.key["client_id"], change.key["version"]
        was, becomes = change.columns["age"]
        assert held.get(key) == was
        if change.kind == "gone":
            del held[key]
        else:
            held[key] = becomes
    assert held == {(row.client_id, row.version): row.age for row in after}
    assert len(found) == len(differences(after, before))
    assert differences(after, reversed(after)) == []
