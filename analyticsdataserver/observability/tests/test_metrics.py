"""What the metrics count."""

import platform
from collections.abc import Callable
from typing import Any

import django
import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError, connections
from django.test import Client

from analytics_data_api.http.tests.shape import problem_of
from analytics_data_api.tables.tests import factories as make
from analyticsdataserver import VERSION
from analyticsdataserver.observability import data_age, metrics
from analyticsdataserver.observability.access_log import AccessLogRecord
from analyticsdataserver.observability.data_age import NewestLoads
from analyticsdataserver.observability.metrics import Metrics
from analyticsdataserver.observability.tests import urls
from analyticsdataserver.observability.tests.samples import Series, read, series
from analyticsdataserver.observability.tests.wsgi import WSGIResponse
from conftest import KEY

pytestmark = pytest.mark.django_db(databases=["default", "analytics"], transaction=True)

ENROLLMENT = f"/api/v0/courses/{make.COURSE_ID}/enrollment/"
ROUTE = "v0:CourseEnrollmentView"

Scrape = Callable[[], dict[Series, float]]


@pytest.fixture(autouse=True)
def _metrics(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics that have counted nothing yet."""
    settings.METRICS = True
    settings.ROOT_URLCONF = urls.__name__
    metrics.metrics.cache_clear()
    metrics.registry.cache_clear()
    monkeypatch.setattr(data_age, "newest_loads", lambda alias: {"video": make.CREATED})
    monkeypatch.setattr("analyticsdataserver.observability.views.NEWEST_LOADS", NewestLoads())


@pytest.fixture
def scrape() -> Scrape:
    """Read the metrics by their name, as Prometheus does."""

    def scrape() -> dict[Series, float]:
        response = Client().get("/metrics")
        assert response.status_code == 200
        assert response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return read(response.content.decode())

    return scrape


def counts(values: dict[Series, float], *names: str) -> dict[Series, float]:
    """Return those of some names that are not zero."""
    return {name: value for name, value in values.items() if name[0] in names and value}


def test_requests_rows_and_bytes_are_exact(client: Client, scrape: Scrape) -> None:
    make.EnrollmentFactory()
    make.EnrollmentFactory(date=make.DAY.replace(day=1))
    sizes = [len(client.get(f"{ENROLLMENT}?start_date=2014-12-01").content) for _ in range(3)]
    sizes.append(len(client.get(ENROLLMENT).content))
    client.head(ENROLLMENT)
    sizes.append(len(Client().get(ENROLLMENT).content))
    nowhere = len(Client().get("/nowhere").content)
    refused = len(Client().get("/%00").content)
    values = scrape()

    assert counts(values, "dataapi_requests_total") == {
        series("dataapi_requests_total", route=ROUTE, method="GET", status=200): 4,
        series("dataapi_requests_total", route=ROUTE, method="HEAD", status=200): 1,
        series("dataapi_requests_total", route=ROUTE, method="GET", status=401): 1,
        series("dataapi_requests_total", route="not_found", method="GET", status=404): 1,
        series("dataapi_requests_total", route="none", method="GET", status=400): 1,
    }
    assert counts(values, "dataapi_rows_total") == {series("dataapi_rows_total", route=ROUTE): 3 * 2 + 1 + 1}
    assert counts(values, "dataapi_response_bytes_total") == {
        series("dataapi_response_bytes_total", route=ROUTE): sum(sizes),
        series("dataapi_response_bytes_total", route="not_found"): nowhere,
        series("dataapi_response_bytes_total", route="none"): refused,
    }
    durations = "dataapi_request_duration_seconds"
    assert values[series(f"{durations}_count", route=ROUTE, method="GET", status=200)] == 4
    assert values[series(f"{durations}_bucket", route=ROUTE, method="GET", status=200, le="+Inf")] == 4
    assert 0 < values[series(f"{durations}_sum", route=ROUTE, method="GET", status=200)] < 60
    # The request for the metrics themselves.
    assert values[series("dataapi_requests_in_progress")] == 1
    assert scrape()[series("dataapi_requests_total", route="metrics", method="GET", status=200)] == 1


def test_durations_fall_into_the_right_buckets(scrape: Scrape) -> None:
    counted = metrics.metrics()
    for milliseconds in (2.5, 2.6, 100, 59_000, 61_000):
        counted.in_progress.inc()
        counted.count(entry(duration_ms=milliseconds))
    values = scrape()
    buckets = {
        dict(labels)["le"]: value
        for (name, labels), value in values.items()
        if name == "dataapi_request_duration_seconds_bucket" and ("route", "x") in labels
    }
    assert buckets == {
        "0.0025": 1,
        "0.005": 2,
        "0.01": 2,
        "0.025": 2,
        "0.05": 2,
        "0.1": 3,
        "0.25": 3,
        "0.5": 3,
        "1.0": 3,
        "2.5": 3,
        "5.0": 3,
        "10.0": 3,
        "30.0": 3,
        "60.0": 4,
        "+Inf": 5,
    }


def entry(**fields: Any) -> AccessLogRecord:
    return AccessLogRecord(
        {"route": "x", "method": "GET", "status": 200, "duration_ms": 1.0, "rows": None, "bytes": 0}
        | {"outcome": "complete"}
        | fields
    )


class TestBrokenOff:
    @pytest.mark.usefixtures("reader")
    def test_responses_are_counted_by_how_they_ended(self, scrape: Scrape) -> None:
        make.EnrollmentFactory()
        response = WSGIResponse(ENROLLMENT, WSGIHandler())
        assert scrape()[series("dataapi_requests_in_progress")] == 2
        with pytest.raises(ConnectionResetError):
            response.read(error=ConnectionResetError())
        values = scrape()
        assert values[series("dataapi_requests_in_progress")] == 1
        broken = "dataapi_responses_broken_off_total"
        assert counts(values, broken) == {series(broken, route=ROUTE, outcome="aborted"): 1}


class TestDatabaseErrors:
    NAME = "dataapi_database_errors_total"

    def fail(self, *args: Any) -> None:
        # As Django does where the driver raises.
        with connections[self.alias].wrap_database_errors:
            connection: Any = connections[self.alias]
            raise connection.Database.OperationalError(2013, "Lost connection")

    def test_are_there_from_the_beginning(self, scrape: Scrape) -> None:
        values = scrape()
        assert {alias: values[series(self.NAME, database=alias)] for alias in ("default", "analytics")} == {
            "default": 0,
            "analytics": 0,
        }

    @pytest.mark.parametrize("alias", ["default", "analytics"])
    def test_are_counted_by_database(self, client: Client, scrape: Scrape, alias: str) -> None:
        self.alias = alias
        with connections[alias].execute_wrapper(self.fail):
            assert client.get(ENROLLMENT).status_code == 503
            assert client.get(ENROLLMENT).status_code == 503
        assert client.get(ENROLLMENT).status_code == 404
        assert counts(scrape(), self.NAME) == {series(self.NAME, database=alias): 2}

    def test_of_a_connection_that_cannot_be_made_are_counted_once(
        self, client: Client, scrape: Scrape, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.alias = "analytics"
        connection = connections["analytics"]
        monkeypatch.setattr(connection, "connection", None)
        with monkeypatch.context() as away:
            away.setattr(connection, "ensure_connection", self.fail)
            assert client.get(ENROLLMENT).status_code == 503
        assert not connection.errors_occurred
        # Another reason for a 503.
        self.alias = "default"
        with connections["default"].execute_wrapper(self.fail):
            assert client.get(ENROLLMENT).status_code == 503
        assert counts(scrape(), self.NAME) == {
            series(self.NAME, database="analytics"): 1,
            series(self.NAME, database="default"): 1,
        }


class TestLabels:
    def test_of_unknown_methods(self, scrape: Scrape) -> None:
        for number in range(20):
            Client().generic(f"MADE-UP-{number}", "/nowhere")
        requests = counts(scrape(), "dataapi_requests_total")
        assert requests == {series("dataapi_requests_total", route="not_found", method="other", status=404): 20}

    def test_are_the_same_whatever_is_asked_for(self, client: Client, scrape: Scrape) -> None:
        def ask(number: int) -> None:
            for path in (
                f"/{number}",
                f"/static/{number}",
                f"/?x=%00{number}",
                f"/api/v0/courses/a/b/{number}/enrollment",
            ):
                client.get(path, headers={"x-request-id": str(number), "user-agent": str(number)})

        ask(0)
        scrape()
        series_before = set(scrape())
        for number in range(1, 20):
            ask(number)
        assert set(scrape()) == series_before


def test_nothing_secret_is_in_them(reader: Any, log: Any) -> None:
    for path in (ENROLLMENT, f"/{KEY}", f"/?token={KEY}", f"/?x=%00{KEY}"):
        Client(headers={"authorization": f"Token {KEY}", "cookie": f"sessionid={KEY}"}).get(path)
        Client().generic(KEY, path)
    assert KEY not in Client().get("/metrics").content.decode()


class TestAddress:
    @pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
    def test_answers_head_too_and_asks_for_no_key_and_no_database(
        self, path: str, django_assert_num_queries: Any
    ) -> None:
        with django_assert_num_queries(0):
            assert Client(headers={"authorization": "Token unknown"}).get(path).status_code == 200
        assert Client().head(path).status_code == 200

    def test_refuses_others(self) -> None:
        response = Client().post("/metrics")
        problem_of(response, 405, "method_not_allowed")
        assert response["Allow"] == "GET, HEAD, OPTIONS"

    def test_is_not_cached(self) -> None:
        assert "no-store" in Client().get("/metrics")["Cache-Control"]

    def test_has_age_and_version(self, scrape: Scrape) -> None:
        values = scrape()
        assert values[series("dataapi_data_age_seconds", table="video")] > 3e8
        labels = {"version": VERSION, "python": platform.python_version(), "django": django.__version__}
        assert values[series("dataapi_build_info", **labels)] == 1

    def test_answers_while_a_database_is_away(self, scrape: Scrape, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(alias: str) -> None:
            raise OperationalError(2002, "Can't connect")

        monkeypatch.setattr(data_age, "newest_loads", fail)
        assert not [name for name, _ in scrape() if name == "dataapi_data_age_seconds"]


def test_without_the_setting_there_is_no_address_and_no_count(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.METRICS = False
    settings.ROOT_URLCONF = "analyticsdataserver.urls"
    monkeypatch.setattr(Metrics, "count", None)
    detail = problem_of(Client().get("/metrics"), 404, "not_found")["detail"]
    assert detail == problem_of(Client().get("/metricz"), 404)["detail"].replace("metricz", "metrics")
