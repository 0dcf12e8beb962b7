"""The endpoint ``/metrics``, which exists only with the setting ``METRICS``."""

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from analyticsdataserver.observability.data_age import NewestLoads
from analyticsdataserver.observability.metrics import SHARED, Build, DataAge, registry
from analyticsdataserver.observability.shared_counts import forget_dead

NEWEST_LOADS: Final = NewestLoads()


@method_decorator(never_cache, name="dispatch")
class MetricsView(View):
    """Returns the metrics of all processes in the text format of Prometheus.

    Takes no key: the metrics are needed also while the database of users is away.
    """

    def get(self, request: HttpRequest) -> HttpResponse:
        collected = CollectorRegistry()
        if SHARED:
            forget_dead()
            MultiProcessCollector(collected)
        else:
            collected.register(registry())
        collected.register(DataAge(NEWEST_LOADS))
        collected.register(Build())
        return HttpResponse(generate_latest(collected), content_type=CONTENT_TYPE_PLAIN_0_0_4)
