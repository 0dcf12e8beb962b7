"""Reading what /metrics answers, with Prometheus's own parser."""

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

# A sample's name and labels, the latter sorted.
Series = tuple[str, tuple[tuple[str, str], ...]]


def read(text: str) -> dict[Series, float]:
    """Return the value of each series."""
    values: dict[Series, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = series(sample.name, **sample.labels)
            assert name not in values
            values[name] = sample.value
    return values


def series(name: str, **labels: Any) -> Series:
    return name, tuple(sorted((label, str(value)) for label, value in labels.items()))
