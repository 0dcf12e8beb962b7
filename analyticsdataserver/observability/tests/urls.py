"""The addresses that there are with the setting METRICS, which the tests' settings leave off."""

from django.urls import re_path

from analyticsdataserver import urls
from analyticsdataserver.observability.views import MetricsView

urlpatterns = [re_path(r"^metrics/?\Z", MetricsView.as_view(), name="metrics"), *urls.urlpatterns]

handler400, handler403, handler404, handler500 = urls.handler400, urls.handler403, urls.handler404, urls.handler500
