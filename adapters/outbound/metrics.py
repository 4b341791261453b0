"""What Prometheus is told: every metric is declared here, with what it means.

Nothing is measured until someone asks. Lag is measured then, against the log's own head, and told
under the names of kafka-lag-exporter, so that boards made for that one show it; but in positions of
the log, which say how far the rows are, where Kafka's offsets are only hints. What cannot be
measured is left out, and ``ofrecord_lag_measurable`` is 0: it is never told as 0.

Labels are names, codes and numbers of the program's own, never anything that was sent.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from adapters.outbound.accesses import AccessLog
from adapters.outbound.topics import EVENTS
from processors.applying import kind_of
from processors.lag import Lag, Standing
from processors.proving import Proven
from processors.tallies import CommandTally, Distribution

_MEASURING_SECONDS = 3.0
"""Prometheus waits ten: a database that hangs must not take the other metrics along."""

_GROUP = "kafka_consumergroup_group"

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


def exposed(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """All metrics as text, in the form that is asked for, and its media type."""
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type


def new_registry(standing: Callable[[], Standing]) -> CollectorRegistry:
    """The metrics that every process has: its own use of the machine, and where everything stands.

    ``standing`` may raise whatever it likes: then nothing is told of it.
    """
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Standing(standing))
    return registry


def watch_commands(registry: CollectorRegistry, tally: CommandTally) -> None:
    """Tell what became of the commands that this process decided."""
    registry.register(_Told(lambda: _commands(tally)))


def watch_batches(registry: CollectorRegistry, batches: Mapping[str, Distribution]) -> None:
    """Tell how many events this process applied at a time, by projection."""
    registry.register(_Told(lambda: [_projection_batches(batches)]))


def watch_accesses(registry: CollectorRegistry, accesses: AccessLog) -> None:
    """Tell what became of the records of who read whose personal data."""
    registry.register(_Told(lambda: _accesses(accesses)))


def watch_overdue(registry: CollectorRegistry, count: Callable[[], int]) -> None:
    """Tell how many transactions should be completed by now; ``count`` as ``standing``."""
    in_time = _InTime(count)
    registry.register(_Told(lambda: _overdue(in_time)))


def watch_relay(registry: CollectorRegistry, leads: Callable[[], bool]) -> None:
    """Tell whether this relay is the one that passes the log on."""
    told = "1 where this relay passes the log on, 0 where it stands by or cannot."
    registry.register(_Told(lambda: [_gauge("ofrecord_relay_is_leader", told, float(leads()))]))


def watch_proven(registry: CollectorRegistry, measure: Callable[[], Proven]) -> None:
    """Tell how far the log is proven; ``measure`` as ``standing``."""
    in_time = _InTime(measure)
    registry.register(_Told(lambda: _proven(in_time)))


def watch_prover(registry: CollectorRegistry, refuses: Callable[[], bool]) -> None:
    """Tell whether this prover signs nothing, for the tree is not the one that was signed."""
    told = "1 where this prover signs nothing: the tree is not the one that was signed last."
    registry.register(_Told(lambda: [_gauge("ofrecord_prover_refuses", told, float(refuses()))]))


def watch_foreign(registry: CollectorRegistry, count: Callable[[], int]) -> None:
    """Tell how many records of the topic of events were none of the log's."""
    told = f"Records of {EVENTS} that this worker passed over, since they are none of the log's."
    registry.register(_Told(lambda: [_counter("ofrecord_foreign_records", told, count())]))


def watch_dead_letters(registry: CollectorRegistry, by_reason: Mapping[str, int]) -> None:
    """Tell how many commands could not be read, by the reason's code."""
    registry.register(_Told(lambda: [_dead_letters(by_reason)]))


class _Told(Collector):
    """Metrics that a function makes."""

    def __init__(self, tell: Callable[[], Iterable[Metric]]) -> None:
        self._tell = tell

    def collect(self) -> Iterable[Metric]:
        return self._tell()


# ── Where everything stands ────────────────────────────────────────────────────────────────────


class _Standing(Collector):
    def __init__(self, standing: Callable[[], Standing]) -> None:
        self._measure = _InTime(standing)

    def collect(self) -> Iterator[Metric]:
        standing = self._measure()
        told = "1 if this process can say where everything stands, 0 if it cannot."
        yield _gauge("ofrecord_lag_measurable", told, float(standing is not None))
        if standing is None:
            return
        yield _gauge("ofrecord_log_head", "The log's newest position.", standing.head)
        yield from _of_partitions(standing.lags)
        yield from _of_groups(standing.lags)
        if standing.relayed is not None:
            told = f"Everything up to this position of the log is in {EVENTS}."
            yield _gauge("ofrecord_relay_position", told, standing.relayed)
            told = f"Since the oldest event that is not in {EVENTS} was recorded; 0 if all are."
            yield _gauge("ofrecord_relay_delay_seconds", told, standing.relay_delay_seconds)


def _of_partitions(lags: Iterable[Lag]) -> list[Metric]:
    """Under kafka-lag-exporter's names."""
    labels = ["group", "topic", "partition"]
    offset, behind, seconds = (
        GaugeMetricFamily(
            f"{_GROUP}_{name}", f"{told} The group is the projection's.", None, labels
        )
        for name, told in (
            ("offset", "The position of the log up to which a partition's rows are applied."),
            (
                "lag",
                "Positions of the log, of any partition, that a partition's rows are behind.",
            ),
            (
                "lag_seconds",
                "Since the oldest event that is missing in a partition's rows was recorded, or 0.",
            ),
        )
    )
    for lag in lags:
        values = [_group(lag.projection), EVENTS, str(lag.partition)]
        offset.add_metric(values, lag.position)
        behind.add_metric(values, lag.events_behind)
        seconds.add_metric(values, lag.seconds_behind)
    return [offset, behind, seconds]


def _of_groups(lags: Sequence[Lag]) -> list[Metric]:
    most = GaugeMetricFamily(
        f"{_GROUP}_max_lag",
        "The most positions of the log that one of the group's partitions is behind.",
        labels=["group"],
    )
    longest = GaugeMetricFamily(
        f"{_GROUP}_max_lag_seconds",
        "The longest that one of the group's partitions is behind.",
        labels=["group"],
    )
    parked = GaugeMetricFamily(
        "ofrecord_parked_clients",
        "Clients whose events could not be applied: theirs wait, others' do not.",
        labels=["projection"],
    )
    for projection in {lag.projection: None for lag in lags}:
        of_projection = [lag for lag in lags if lag.projection == projection]
        group = [_group(projection)]
        most.add_metric(group, max(lag.events_behind for lag in of_projection))
        longest.add_metric(group, max(lag.seconds_behind for lag in of_projection))
        parked.add_metric([projection], sum(lag.parked_clients for lag in of_projection))
    return [most, longest, parked]


def _group(projection: str) -> str:
    """The consumer group of a projection's workers."""
    return f"ofrecord.{projection}"


class _InTime(Generic[_T]):
    """Measures in a thread, for so long; None where it fails or takes longer."""

    def __init__(self, measure: Callable[[], _T]) -> None:
        self._measure = measure
        self._idle = threading.Lock()

    def __call__(self) -> _T | None:
        if not self._idle.acquire(timeout=_MEASURING_SECONDS):
            return None  # an earlier one still hangs
        measured: queue.SimpleQueue[_T | None] = queue.SimpleQueue()

        def measure() -> None:
            try:
                measured.put(self._measure())
            except Exception as error:  # noqa: BLE001  # whatever it is, there is nothing to tell
                _log.warning("metrics.not_measurable", error=kind_of(error))
                measured.put(None)
            finally:
                self._idle.release()

        threading.Thread(target=measure, name="measuring", daemon=True).start()
        try:
            return measured.get(timeout=_MEASURING_SECONDS)
        except queue.Empty:
            return None


# ── What this process did ──────────────────────────────────────────────────────────────────────


def _commands(tally: CommandTally) -> list[Metric]:
    outcomes = CounterMetricFamily(
        "ofrecord_commands",
        "Commands answered: accepted, refused by a rule, repeated with the answer given before,"
        " with a key_reused for other content, unavailable (the database was away), failed.",
        labels=["type", "outcome"],
    )
    for (command_type, outcome), count in tally.outcomes.copy().items():
        outcomes.add_metric([command_type, outcome], count)
    seconds = HistogramMetricFamily(
        "ofrecord_command_seconds", "From submitting a command to its answer.", labels=[]
    )
    batches = HistogramMetricFamily(
        "ofrecord_append_batch_size", "Commands that shared one append to the log.", labels=[]
    )
    _distribute(seconds, [], tally.seconds)
    _distribute(batches, [], tally.batches)
    return [outcomes, seconds, batches]


def _projection_batches(batches: Mapping[str, Distribution]) -> Metric:
    metric = HistogramMetricFamily(
        "ofrecord_projection_batch_events",
        "Events that a projection applied in one transaction.",
        labels=["projection"],
    )
    for projection, distribution in batches.items():
        _distribute(metric, [projection], distribution)
    return metric


def _distribute(metric: HistogramMetricFamily, labels: list[str], given: Distribution) -> None:
    buckets, count = [], 0
    bounds = [*map(str, map(float, given.bounds)), "+Inf"]
    for bound, more in zip(bounds, given.counts.copy(), strict=True):
        count += more
        buckets.append((bound, count))
    metric.add_metric(labels, buckets, given.total)


def _dead_letters(by_reason: Mapping[str, int]) -> Metric:
    metric = CounterMetricFamily(
        "ofrecord_dead_letters",
        "Commands from Kafka that became dead letters, by reason; again if they came again.",
        labels=["reason"],
    )
    for reason, count in by_reason.items():
        metric.add_metric([reason], count)
    return metric


def _accesses(accesses: AccessLog) -> list[Metric]:
    outcomes = CounterMetricFamily(
        "ofrecord_accesses",
        "Records of who read whose personal data: recorded, lost (never to be), turned_away (no"
        " room for it, so the read was refused).",
        labels=["outcome"],
    )
    outcomes.add_metric(["recorded"], accesses.recorded)
    outcomes.add_metric(["lost"], accesses.lost)
    outcomes.add_metric(["turned_away"], accesses.turned_away)
    told = "Records of who read whose personal data that are not written yet."
    return [outcomes, _gauge("ofrecord_accesses_waiting", told, accesses.waiting)]


def _proven(measure: _InTime[Proven]) -> list[Metric]:
    proven = measure()
    if proven is None:
        return []
    told = "Since the oldest event that no checkpoint covers was recorded; 0 if there is none."
    return [
        _gauge("ofrecord_proof_size", "Events that the newest checkpoint covers.", proven.size),
        _gauge("ofrecord_proof_delay_seconds", told, proven.seconds_unproven),
    ]


def _overdue(count: _InTime[int]) -> list[Metric]:
    overdue = count()
    if overdue is None:
        return []
    told = "Transactions accepted more than 24 hours ago and not completed."
    return [_gauge("ofrecord_overdue_transactions", told, overdue)]


def _gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value=value)


def _counter(name: str, told: str, value: float) -> Metric:
    return CounterMetricFamily(name, told, value=value)
