"""Counts of what the service does, as Prometheus reads them."""

import os
import platform
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Final

import django
from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from analyticsdataserver import VERSION
from analyticsdataserver.observability.access_log import COMPLETE, AccessLogRecord
from analyticsdataserver.observability.data_age import NewestLoads

METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT"})
OTHER: Final = "other"

# Seconds: small responses take milliseconds, the largest many seconds.
DURATIONS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

# Whether prometheus_client keeps the counts of all processes in files; see shared_counts.
SHARED: Final = "PROMETHEUS_MULTIPROC_DIR" in os.environ


class Metrics:
    """The counts of this process.

    Each label has few values, whatever clients send: every combination of values is a series of its own.

    Args:
        registry: Where the metrics are registered; None where all processes share files.
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
        # At zero from the start, so that a first error is an increase.
        for alias in settings.DATABASES:
            self.database_errors.labels(alias)
        # labels() costs several times as much as a cache.
        self.request_series = cache(lambda *labels: (self.requests.labels(*labels), self.durations.labels(*labels)))
        self.route_series = cache(lambda route: (self.rows.labels(route), self.bytes.labels(route)))

    def count(self, record: AccessLogRecord, failed_databases: Iterable[str] = ()) -> None:
        """Count a request.

        Args:
            record: Its record in the access log.
            failed_databases: The databases that made it fail.
        """
        self.in_progress.dec()
        route, method = record["route"], record["method"]
        requests, durations = self.request_series(route, method if method in METHODS else OTHER, str(record["status"]))
        requests.inc()
        durations.observe(record["duration_ms"] / 1000)
        rows, size = self.route_series(route)
        rows.inc(record["rows"] or 0)
        size.inc(record["bytes"])
        if record["outcome"] != COMPLETE:
            self.broken.labels(route, record["outcome"]).inc()
        for alias in failed_databases:
            self.database_errors.labels(alias).inc()


@cache
def registry() -> CollectorRegistry:
    """Return the registry of this process, where no other process shares its counts."""
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
        for table, loaded in sorted(self.loads.latest().items()):
            family.add_metric([table], (now - loaded).total_seconds())
        yield family
