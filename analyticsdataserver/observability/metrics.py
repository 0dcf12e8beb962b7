"""Counts of what the service does, as Prometheus reads them."""

import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import Final

import django
from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.values import ValueClass

from analyticsdataserver import VERSION
from analyticsdataserver.observability.access_log import COMPLETE, FAILED, AccessLogRecord
from analyticsdataserver.observability.data_age import NewestLoads
from analyticsdataserver.observability.database_errors import databases_in_error

METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT"})
OTHER: Final = "other"

# Seconds: small answers take milliseconds, the largest many seconds.
DURATIONS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

# Whether the counts of all processes lie in files; see shared_counts.
SHARED: Final = bool(ValueClass._multiprocess)


class Metrics:
    """What is counted.

    Each label has few values, whatever clients send: every combination of values is a series of its own.

    Args:
        registry: What the metrics are read through where there is but one process.
    """

    def __init__(self, registry: CollectorRegistry | None) -> None:
        request = ("route", "method", "status")
        self.requests = Counter("dataapi_requests", "Requests that have been answered.", request, registry=registry)
        self.durations = Histogram(
            "dataapi_request_duration_seconds",
            "Time from the arrival of a request until the last byte of its answer was handed over.",
            request,
            buckets=DURATIONS,
            registry=registry,
        )
        self.rows = Counter("dataapi_rows", "Rows of the pipeline's data in answers.", ["route"], registry=registry)
        self.bytes = Counter("dataapi_response_bytes", "Bytes of the answers' bodies.", ["route"], registry=registry)
        self.broken = Counter(
            "dataapi_responses_broken_off",
            "Answers that ended early: aborted by the client, or failed here.",
            ["route", "outcome"],
            registry=registry,
        )
        self.database_errors = Counter(
            "dataapi_database_errors",
            "Requests that failed because a database did.",
            ["database"],
            registry=registry,
        )
        self.in_progress = Gauge(
            "dataapi_requests_in_progress",
            "Requests that are being answered.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        # Known from the beginning, so that a first error is seen as an increase.
        for alias in settings.DATABASES:
            self.database_errors.labels(alias)
        # Looking series up here costs a fraction of what it costs there.
        self.of_request = cache(lambda *labels: (self.requests.labels(*labels), self.durations.labels(*labels)))
        self.of_route = cache(lambda route: (self.rows.labels(route), self.bytes.labels(route)))

    def count(self, entry: AccessLogRecord) -> None:
        """Count a request that has been answered."""
        self.in_progress.dec()
        route, method, status = entry["route"], entry["method"], entry["status"]
        requests, durations = self.of_request(route, method if method in METHODS else OTHER, str(status))
        requests.inc()
        durations.observe(entry["duration_ms"] / 1000)
        rows, size = self.of_route(route)
        rows.inc(entry["rows"] or 0)
        size.inc(entry["bytes"])
        if entry["outcome"] != COMPLETE:
            self.broken.labels(route, entry["outcome"]).inc()
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or entry["outcome"] == FAILED:
            for alias in databases_in_error():
                self.database_errors.labels(alias).inc()


@cache
def registry() -> CollectorRegistry:
    """Return what this process's metrics are read through, where there is no other process."""
    return CollectorRegistry()


@cache
def metrics() -> Metrics:
    """Return the metrics of this process."""
    return Metrics(None if SHARED else registry())


class Build(Collector):
    """Which version runs."""

    def collect(self) -> Iterator[Metric]:
        labels = {"version": VERSION, "python": platform.python_version(), "django": django.__version__}
        family = GaugeMetricFamily("dataapi_build_info", "Which version of the service runs.", labels=list(labels))
        family.add_metric(list(labels.values()), 1)
        yield family


class DataAge(Collector):
    """How long ago each table was loaded last."""

    def __init__(self, loads: NewestLoads) -> None:
        self.loads = loads

    def collect(self) -> Iterator[Metric]:
        now = datetime.now(UTC)
        family = GaugeMetricFamily(
            "dataapi_data_age_seconds", "Time since the newest load of a table.", labels=["table"]
        )
        for table, loaded in sorted(self.loads.known().items()):
            family.add_metric([table], (now - loaded).total_seconds())
        yield family
