"""What every log must do for who goes through whole histories; on top of what every log must do."""

from __future__ import annotations

import pytest

from processors.replay_ports import Share, StreamSize, WholeLog
from tests.adapters.event_log_contract import NOON, EventLogContract, new

_NAMES = [f"C{n}" for n in range(1, 41)]


class WholeLogContract(EventLogContract):
    """Inherit, and provide ``log`` as a fixture."""

    @pytest.fixture
    def log(self) -> WholeLog:
        """An empty log."""
        raise NotImplementedError

    def test_streams_come_with_their_sizes_in_pages(self, log: WholeLog) -> None:
        """Each once, whatever the page's size."""
        log.append([new("A", 1), new("B", 1), new("A", 2), new("payee:X", 1)], [], NOON, {})
        assert sorted(log.streams("", 10, Share())) == [
            StreamSize("A", 2), StreamSize("B", 1), StreamSize("payee:X", 1),
        ]  # fmt: skip
        paged: list[StreamSize] = []
        while page := log.streams(paged[-1].stream_id if paged else "", 2, Share()):
            paged += page
        assert paged == log.streams("", 10, Share())

    def test_every_stream_is_of_one_share(self, log: WholeLog) -> None:
        """Shares are apart, and together they are everything; none of them is all of it."""
        log.append([new(name, 1) for name in _NAMES], [], NOON, {})
        shares = [log.streams("", 100, Share(number, 3)) for number in range(3)]
        found = [stream_id for share in shares for stream_id, _ in share]
        assert sorted(found) == sorted(_NAMES)
        assert all(0 < len(share) < len(_NAMES) for share in shares)

    def test_histories_come_whole_up_to_a_position_each(self, log: WholeLog) -> None:
        """Stream after stream as asked, by version, and nothing that came later."""
        log.append([new("A", 1), new("B", 1), new("A", 2), new("B", 2)], [], NOON, {})
        found = [(e.client_id, e.version) for e in log.histories({"B": 4, "Z": 4, "A": 2})]
        assert found == [("B", 1), ("B", 2), ("A", 1)]
        assert not list(log.histories({}))

    def test_long_histories_pass_by_in_pages(self, log: WholeLog) -> None:
        """Many small events, and few large ones: neither is cut off or comes twice."""
        long = [new("A", version) for version in range(1, 6_003)]
        large = [new("B", version, code="x" * 1_500_000) for version in range(1, 8)]
        log.append([*long, *large, new("C", 1)], [], NOON, {})
        head = log.head()
        found = [(e.client_id, e.version) for e in log.histories(dict.fromkeys("ABC", head))]
        assert found == [
            *(("A", version) for version in range(1, 6_003)),
            *(("B", version) for version in range(1, 8)),
            ("C", 1),
        ]

    def test_streams_are_known_by_their_events(self, log: WholeLog) -> None:
        """Whoever has none is not known."""
        log.append([new("A", 1)], [], NOON, {})
        assert set(log.known(["A", "B"])) == {"A"}

    def test_no_position_is_missing(self, log: WholeLog) -> None:
        """Up to the head."""
        assert log.missing(0) == 0
        log.append([new("A", 1), new("A", 2)], [], NOON, {})
        assert log.missing(2) == 0
        assert log.missing(5) == 3
