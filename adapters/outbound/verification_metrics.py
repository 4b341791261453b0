"""What Prometheus is told of the verification that goes on beside serving."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from processors.verifying import VerifiedSoFar


def watch_verification(registry: CollectorRegistry, so_far: VerifiedSoFar) -> None:
    """Tell how much was compared, what differs now, and how old the last whole round is."""
    registry.register(_Verification(so_far))


class _Verification(Collector):
    def __init__(self, so_far: VerifiedSoFar) -> None:
        self._so_far = so_far

    def collect(self) -> Iterable[Metric]:
        streams = CounterMetricFamily(
            "ofrecord_verified_streams",
            "Clients and payees whose rows were compared with their histories, again and again.",
            value=self._so_far.streams,
        )
        differing = GaugeMetricFamily(
            "ofrecord_differing_streams",
            "Clients and payees whose rows were not what their histories say, or whose money did"
            " not add up, when they were last compared.",
            labels=["projection"],
        )
        for projection, client_ids in self._so_far.differing.items():
            differing.add_metric([projection], len(client_ids))
        age = GaugeMetricFamily(
            "ofrecord_verification_age_seconds",
            "Since all clients and payees had been compared, or since this process began to.",
            value=self._so_far.seconds_since_round,
        )
        return [streams, differing, age]
