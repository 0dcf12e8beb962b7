"""How many files and functions one request runs through."""

import logging

import pytest
from django.contrib.auth.models import User

from analytics_data_api.access.throttling import clients
from analytics_data_api.tables.tests.factories import EnrollmentFactory
from analyticsdataserver.serving.wsgi import application
from benchmarks.walk import WARMING, send, walk
from conftest import KEY

logger = logging.getLogger(__name__)


# MySQL's streaming cursor and version of a table take a file and some functions more.
@pytest.mark.sqlite_only
@pytest.mark.django_db(databases=["default", "analytics"], transaction=True)
def test_a_small_request(reader: User, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    # It is one of a client that sends several, on however slow a machine.
    monkeypatch.setattr(clients, "KNOWN", clients.RECENT)
    # The server writes the log in another thread.
    caplog.set_level("CRITICAL", "analyticsdataserver.request")
    EnrollmentFactory()

    def request() -> bytes:
        return send(application, "/api/v0/courses/edX/DemoX/Demo_Course/enrollment/", KEY)

    for _ in range(WARMING):
        request()
    steps = walk(request)
    *_, figures = steps.lines()
    # --log-cli-level=INFO shows them.
    logger.info(figures)
    assert (len(steps.files) <= 16, len(steps.functions) <= 60, steps.returns <= 20) == (True,) * 3, "\n".join(
        steps.lines()
    )
