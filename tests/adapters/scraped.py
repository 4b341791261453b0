"""What a scrape gets, for tests: values by name and labels."""

from __future__ import annotations


def samples_in(text: str) -> dict[str, float]:
    """Values by name and labels, as they are written in Prometheus' text format."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def of(samples: dict[str, float], name: str) -> dict[str, float]:
    """The samples of one name."""
    return {key: value for key, value in samples.items() if key.partition("{")[0] == name}
