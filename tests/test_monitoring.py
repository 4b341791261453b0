"""What Prometheus is to look at, to tell and to draw is what the program tells it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import promql_parser
import yaml

from adapters.outbound import metrics
from adapters.outbound.verification_metrics import watch_verification
from processors.lag import Lag, Standing
from processors.proving import Proven
from processors.tallies import CommandTally, event_batches
from processors.verifying import VerifiedSoFar
from tests.kafka.broker import COMPOSE_FILE
from tests.tidy_rules import ROOT

_LAG = Lag("invoices", 1, 2, 1, 0.5, 1, 0.5, partition=0)


def _read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def _rules() -> list[dict[str, Any]]:
    (group,) = _read("monitoring/alerts.yml")["groups"]
    return list(group["rules"])


def _told() -> set[str]:
    """The names of all samples that any process of the program gives."""
    tally = CommandTally()
    tally.note("change_address", "accepted", 0.1)
    registry = metrics.new_registry(lambda: Standing(2, [_LAG], relayed=1, relay_delay_seconds=1))
    metrics.watch_commands(registry, tally)
    metrics.watch_batches(registry, {"invoices": event_batches()})
    metrics.watch_overdue(registry, lambda: 1)
    metrics.watch_relay(registry, lambda: True)
    metrics.watch_proven(registry, lambda: Proven(1, 1, 0.5))
    metrics.watch_prover(registry, lambda: False)
    metrics.watch_foreign(registry, lambda: 1)
    metrics.watch_dead_letters(registry, {"unreadable": 1})
    watch_verification(registry, VerifiedSoFar(differing={"invoices": {"C1"}}))
    accesses: Any = SimpleNamespace(recorded=1, lost=0, turned_away=0, waiting=0)
    metrics.watch_accesses(registry, accesses)
    return {sample.name for family in registry.collect() for sample in family.samples}


def _asked(expression: str) -> Iterator[str]:
    """The names of the samples that an expression, which must be one of PromQL, asks for."""
    names: list[str] = []

    def note(part: Any) -> None:
        if isinstance(part, promql_parser.VectorSelector):
            names.append(part.name)

    promql_parser.walk(promql_parser.parse(expression), note)
    yield from set(names) - {"up"}  # Prometheus' own


def test_every_process_is_asked_and_missed() -> None:
    """Prometheus asks each service that goes on, and an alert says when one is gone."""
    services = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))["services"]
    running = {
        name: service["environment"]["OFRECORD_METRICS_PORT"]
        for name, service in services.items()
        if service["image"] == "ofrecord" and "restart" in service
    }
    (scraped,) = _read("monitoring/prometheus.yml")["scrape_configs"]
    (found,) = scraped["dns_sd_configs"]
    assert set(found["names"]) == set(running)
    assert set(running.values()) == {found["port"]}
    gone = next(rule for rule in _rules() if rule["alert"] == "ProcessGone")
    assert set(re.findall(r'absent\(up\{service="([\w-]+)"\}\)', gone["expr"])) == set(running)


def test_alerts_ask_for_what_is_told() -> None:
    """No alert stays silent for ever because a metric has another name."""
    asked = {name for rule in _rules() for name in _asked(rule["expr"])}
    assert len(asked) > 5
    assert asked <= _told()


def test_charts_show_what_is_told() -> None:
    """No chart stays empty because a metric has another name."""
    board = json.loads((ROOT / "monitoring/grafana/ofrecord.json").read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    asked = {name for query in queries for name in _asked(query)}
    assert len(asked) > 5
    assert asked <= _told()


def test_every_alert_says_what_to_do() -> None:
    """Whoever is woken reads what is wrong, how urgent it is, and what to do about it."""
    for rule in _rules():
        assert rule["labels"]["severity"] in ("page", "ticket"), rule["alert"]
        assert rule["annotations"].keys() == {"summary", "runbook"}, rule["alert"]


def test_alerts_come_when_they_should() -> None:
    """Prometheus itself agrees with the rules, and with examples of what each makes of what is
    scraped; where it is installed.
    """
    if promtool := shutil.which("promtool"):
        for arguments in (
            ("check", "config", "monitoring/prometheus.yml"),
            ("test", "rules", "monitoring/alerts_test.yml"),
        ):
            ended = subprocess.run(
                [promtool, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
            )
            assert ended.returncode == 0, ended.stdout + ended.stderr
