"""What Prometheus is told: each value by its name, and nothing where nothing is known."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from adapters.outbound import metrics
from processors.lag import Lag, Standing
from processors.ports import LogUnavailable
from processors.tallies import CommandTally, Distribution, event_batches
from tests.adapters.scraped import samples_in

_GROUP = "kafka_consumergroup_group"
_BEHIND = Standing(
    head=90,
    lags=[
        Lag("invoices", 90, 90, 0, 0.0, 1, 5.0, partition=0),
        Lag("invoices", 70, 90, 20, 12.5, 2, 9.0, partition=1, held_by="worker"),
        Lag("transactions", 90, 90, 0, 0.0, 0, 0.0, partition=0),
    ],
    relayed=80,
    relay_delay_seconds=3.25,
)


def told(registry: CollectorRegistry) -> dict[str, float]:
    """Every sample of the text that a scrape gets, as it is written there."""
    text, media_type = metrics.exposed(registry, "")
    assert media_type.startswith("text/plain")
    return samples_in(text.decode())


def test_lag_is_told_by_group_and_partition() -> None:
    """Under kafka-lag-exporter's names, and 0 where a projection is caught up."""
    samples = told(metrics.new_registry(lambda: _BEHIND))
    place = '{{group="ofrecord.{}",partition="{}",topic="ofrecord.events"}}'.format
    first, second = place("invoices", 0), place("invoices", 1)
    other = place("transactions", 0)
    for name, values in (
        ("offset", (90, 70, 90)),
        ("lag", (0, 20, 0)),
        ("lag_seconds", (0, 12.5, 0)),
    ):
        found = tuple(samples[f"{_GROUP}_{name}{labels}"] for labels in (first, second, other))
        assert found == values, name
    assert samples[_GROUP + '_max_lag{group="ofrecord.invoices"}'] == 20
    assert samples[_GROUP + '_max_lag{group="ofrecord.transactions"}'] == 0
    assert samples[_GROUP + '_max_lag_seconds{group="ofrecord.invoices"}'] == 12.5
    assert samples['ofrecord_parked_clients{projection="invoices"}'] == 3
    assert samples['ofrecord_parked_clients{projection="transactions"}'] == 0


def test_the_log_and_the_relay_are_told() -> None:
    """The relay by whoever can see its position: also when it is dead."""
    samples = told(metrics.new_registry(lambda: _BEHIND))
    assert samples["ofrecord_lag_measurable"] == 1
    assert samples["ofrecord_log_head"] == 90
    assert samples["ofrecord_relay_position"] == 80
    assert samples["ofrecord_relay_delay_seconds"] == 3.25


def test_without_a_topic_nothing_is_told_of_a_relay() -> None:
    """An embedded system has none that could be late."""
    samples = told(metrics.new_registry(lambda: Standing(0, [], None, 0.0)))
    assert not [name for name in samples if "relay" in name]


def test_what_cannot_be_measured_is_left_out_and_not_0() -> None:
    """And the rest is told; the log has the kind of failure, once it happens."""

    def away() -> Standing:
        raise LogUnavailable("OperationalError")

    registry = metrics.new_registry(away)
    metrics.watch_overdue(registry, lambda: 1 // 0)
    metrics.watch_relay(registry, lambda: False)
    with capture_logs() as lines:
        samples = told(registry)
    assert {line["error"] for line in lines} == {"OperationalError", "ZeroDivisionError"}
    assert {name for name in samples if not name.startswith("process_")} == {
        "ofrecord_lag_measurable",
        "ofrecord_relay_is_leader",
    }
    assert samples["ofrecord_lag_measurable"] == 0


@pytest.fixture
def let_go() -> Iterator[threading.Event]:
    """What a database that hangs waits for."""
    event = threading.Event()
    yield event
    event.set()


def test_a_database_that_hangs_holds_up_no_scrape(
    monkeypatch: pytest.MonkeyPatch, let_go: threading.Event
) -> None:
    """It is not measurable meanwhile, however often it is asked, and is again afterwards."""
    monkeypatch.setattr(metrics, "_MEASURING_SECONDS", 0.01)
    asked: list[int] = []

    def hanging() -> Standing:
        asked.append(1)
        assert let_go.wait(60)
        return _BEHIND

    registry = metrics.new_registry(hanging)
    for _ in range(3):
        assert told(registry)["ofrecord_lag_measurable"] == 0
    assert len(asked) == 1
    monkeypatch.setattr(metrics, "_MEASURING_SECONDS", 60.0)
    let_go.set()
    assert told(registry)["ofrecord_lag_measurable"] == 1


def test_commands_are_told_by_type_and_outcome() -> None:
    """With how long they took and how many shared an append."""
    tally = CommandTally()
    for outcome, seconds in (("accepted", 0.002), ("accepted", 0.2), ("refused", 20.0)):
        tally.note("change_plan", outcome, seconds)  # type: ignore[arg-type]  # one of them each
    tally.batches.note(3)
    registry = CollectorRegistry()
    metrics.watch_commands(registry, tally)
    samples = told(registry)
    assert samples['ofrecord_commands_total{outcome="accepted",type="change_plan"}'] == 2
    assert samples['ofrecord_commands_total{outcome="refused",type="change_plan"}'] == 1
    assert samples['ofrecord_command_seconds_bucket{le="0.001"}'] == 0
    assert samples['ofrecord_command_seconds_bucket{le="0.0025"}'] == 1
    assert samples['ofrecord_command_seconds_bucket{le="10.0"}'] == 2
    assert samples['ofrecord_command_seconds_bucket{le="+Inf"}'] == 3
    assert samples["ofrecord_command_seconds_count"] == 3
    assert samples["ofrecord_command_seconds_sum"] == pytest.approx(20.202)
    assert samples['ofrecord_append_batch_size_bucket{le="2.0"}'] == 0
    assert samples['ofrecord_append_batch_size_bucket{le="4.0"}'] == 1
    assert samples["ofrecord_append_batch_size_sum"] == 3


def test_what_a_worker_and_an_intake_did_is_told() -> None:
    """Batches by projection, foreign records, dead letters by reason: from the first scrape on."""
    batches: dict[str, Distribution] = {"invoices": event_batches()}
    batches["invoices"].note(40)
    registry = CollectorRegistry()
    metrics.watch_batches(registry, batches)
    metrics.watch_foreign(registry, lambda: 0)
    metrics.watch_dead_letters(registry, {"unsigned": 2, "key_unknown": 0})
    samples = told(registry)
    name = "ofrecord_projection_batch_events"
    assert samples[name + '_bucket{le="10.0",projection="invoices"}'] == 0
    assert samples[name + '_bucket{le="50.0",projection="invoices"}'] == 1
    assert samples[name + '_sum{projection="invoices"}'] == 40
    assert samples["ofrecord_foreign_records_total"] == 0
    assert samples['ofrecord_dead_letters_total{reason="unsigned"}'] == 2
    assert samples['ofrecord_dead_letters_total{reason="key_unknown"}'] == 0
