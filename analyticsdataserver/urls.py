"""The URL configuration of the service."""

from typing import Any

from django.conf import settings
from django.urls import include, path, re_path, reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView

from analytics_data_api.access.views import AuthenticatedView, KeyView
from analytics_data_api.http.listing import EndpointsView, VersionsView
from analytics_data_api.http.report_files import ROUTE, ReportFileView
from analytics_data_api.versions import VERSIONS
from analyticsdataserver.docs.guides.views import GuideImageView, GuideView
from analyticsdataserver.docs.openapi.views import SchemaView
from analyticsdataserver.docs.swagger.views import DocsPage
from analyticsdataserver.serving import health
from analyticsdataserver.web import errors
from analyticsdataserver.web.pages import views as pages


class Moved(RedirectView):
    """A redirect of GET and HEAD to a route, with a slash at the end."""

    http_method_names = ["get", "head", "options"]

    def get_redirect_url(self, *args: Any, **kwargs: Any) -> str:
        return f"{reverse(self.pattern_name)}/"


OPERATIONS = {
    "status": health.StatusView,
    "health": health.HealthView,
    "authenticated": AuthenticatedView,
}

urlpatterns = [
    path("", Moved.as_view(pattern_name="docs"), name="root"),
    # The OpenAPI description has the operations in this order.
    re_path(r"^api-token-auth/?\Z", KeyView.as_view(), name="token"),
    path("api/v0/", include("analytics_data_api.v0.urls")),
    path("api/v1/", include("analytics_data_api.v1.urls")),
    re_path(r"^api/?\Z", VersionsView.as_view(listed=VERSIONS), name="versions"),
    *(
        re_path(rf"^api/{version}/?\Z", EndpointsView.as_view(listed=endpoints), name=f"endpoints_{version}")
        for version, endpoints in VERSIONS.items()
    ),
    *(re_path(rf"^{name}/?\Z", view.as_view(), name=name) for name, view in OPERATIONS.items()),
    *(
        re_path(
            rf"^api/{version}/{name}/?\Z",
            Moved.as_view(pattern_name=name, permanent=True),
            name=f"moved_{name}_{version}",
        )
        for version in VERSIONS
        for name in OPERATIONS
    ),
    re_path(r"^report-files/(?P<name>[\w.-]+)\Z", ReportFileView.as_view(), name=ROUTE),
    re_path(r"^api/schema/?\Z", SchemaView.as_view(), name="schema"),
    re_path(r"^docs/?\Z", DocsPage.as_view(), name="docs"),
    *pages.urlpatterns,
    re_path(r"^docs/guides/?\Z", GuideView.as_view(), name="guides"),
    re_path(r"^docs/guides/(?P<path>_images/[\w-]+\.(?:svg|png|webp))\Z", GuideImageView.as_view(), name="guide_image"),
    re_path(r"^docs/guides/(?P<name>[\w-]+(?:/[\w-]+)?)/?\Z", GuideView.as_view(), name="guide"),
    path("api-auth/", include("analyticsdataserver.web.sessions")),
    # Also with DEBUG, where Django would show a page of its own.
    re_path("", csrf_exempt(errors.page_not_found), name="not_found"),
]

if settings.METRICS:
    from analyticsdataserver.observability.views import MetricsView

    urlpatterns.insert(0, re_path(r"^metrics/?\Z", MetricsView.as_view(), name="metrics"))

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.page_not_found
handler500 = errors.server_error
