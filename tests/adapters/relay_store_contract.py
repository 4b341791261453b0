"""What every store of relays must do. The test classes of each one inherit this suite."""

from __future__ import annotations

import threading

import pytest

from processors.relay import RelayState, RelayStore

TOPIC = "events"
LONG = 600.0
OVER = 0.0
"""A lease that has run out when it begins."""


class RelayStoreContract:
    """Inherit, and provide ``store`` as a fixture."""

    @pytest.fixture
    def store(self) -> RelayStore:
        """A store that no relay has used."""
        raise NotImplementedError

    def test_a_topic_that_no_relay_worked_for_has_no_state(self, store: RelayStore) -> None:
        """Which is not the same as position 0."""
        assert store.state(TOPIC) is None

    def test_the_first_relay_begins_at_the_first_event(self, store: RelayStore) -> None:
        """Of a topic that is not known yet."""
        assert store.take(TOPIC, "A", LONG) == RelayState(0, None, is_held=True)
        assert store.state(TOPIC) == RelayState(0, None, is_held=True)

    def test_a_lease_is_for_one_relay(self, store: RelayStore) -> None:
        """Another gets none meanwhile; who has it may take it again, and so keep it."""
        store.take(TOPIC, "A", LONG)
        assert store.take(TOPIC, "B", LONG) is None
        assert store.take(TOPIC, "A", LONG) is not None
        assert store.take(TOPIC, "B", LONG) is None
        assert store.take("another topic", "B", LONG) is not None

    def test_a_lease_that_was_given_back_is_free_at_once(self, store: RelayStore) -> None:
        """Only its holder can give it back."""
        store.take(TOPIC, "A", LONG)
        store.release(TOPIC, "B")
        assert store.take(TOPIC, "B", LONG) is None
        store.release(TOPIC, "A")
        assert store.state(TOPIC) == RelayState(0, None, is_held=False)
        assert store.take(TOPIC, "B", LONG) is not None
        assert store.take(TOPIC, "A", LONG) is None

    def test_a_lease_that_has_run_out_is_free(self, store: RelayStore) -> None:
        """Its holder keeps it only while nobody else took it."""
        store.take(TOPIC, "A", OVER)
        assert store.state(TOPIC) == RelayState(0, None, is_held=False)
        assert store.advance(TOPIC, "A", 3, OVER)
        assert store.take(TOPIC, "B", LONG) == RelayState(3, None, is_held=True)
        assert store.take(TOPIC, "A", LONG) is None

    def test_a_position_is_kept_with_the_lease(self, store: RelayStore) -> None:
        """Who takes over goes on from there."""
        store.take(TOPIC, "A", OVER)
        assert store.begin_again(TOPIC, "A", "made-1")
        assert store.advance(TOPIC, "A", 2**40, LONG)
        assert store.take(TOPIC, "B", LONG) is None
        store.release(TOPIC, "A")
        assert store.take(TOPIC, "B", LONG) == RelayState(2**40, "made-1", is_held=True)

    def test_a_topic_made_anew_is_at_the_beginning(self, store: RelayStore) -> None:
        """And the lease stays."""
        store.take(TOPIC, "A", LONG)
        store.begin_again(TOPIC, "A", "made-1")
        store.advance(TOPIC, "A", 9, LONG)
        assert store.begin_again(TOPIC, "A", "made-2")
        assert store.state(TOPIC) == RelayState(0, "made-2", is_held=True)

    def test_who_has_not_the_lease_changes_nothing(self, store: RelayStore) -> None:
        """Neither before anyone worked, nor after another took over."""
        assert not store.advance(TOPIC, "A", 9, LONG)
        assert not store.begin_again(TOPIC, "A", "made-1")
        store.take(TOPIC, "A", OVER)
        store.advance(TOPIC, "A", 5, OVER)
        store.take(TOPIC, "B", LONG)
        assert not store.advance(TOPIC, "A", 9, LONG)
        assert not store.begin_again(TOPIC, "A", "made-1")
        store.release(TOPIC, "A")
        assert store.state(TOPIC) == RelayState(5, None, is_held=True)

    def test_of_many_who_take_at_once_one_gets_it(self, store: RelayStore) -> None:
        """However they race."""
        won: list[str] = []
        together = threading.Barrier(8)

        def take(holder: str) -> None:
            together.wait()
            if store.take(TOPIC, holder, LONG) is not None:
                won.append(holder)

        threads = [threading.Thread(target=take, args=(f"R{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
