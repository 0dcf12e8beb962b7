"""Where a request comes in, and its answer goes out: outside of every other middleware."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from analyticsdataserver.observability.request_log import RequestLog


class RequestLogMiddleware:
    """Gives each request an id, a line in the log and, with the setting ``METRICS``, a place in the metrics.

    It has to be the first: then it sees whatever answers, also what refuses a request before anybody looks at it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.metrics = None
        if settings.METRICS:
            # Its package keeps the counts of all processes in files, and begins to when it is imported.
            from analyticsdataserver.observability.metrics import metrics

            self.metrics = metrics()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        observation = RequestLog(request, self.metrics)
        try:
            response = self.get_response(request)
        except BaseException:
            observation.fail()
            raise
        observation.follow(response)
        return response
