"""Every address of the service."""

from django.conf import settings
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView

from analyticsdataserver.docs.openapi.views import SchemaView
from analyticsdataserver.docs.swagger.views import DocsPage
from analyticsdataserver.serving import health
from analyticsdataserver.web import errors


class Moved(RedirectView):
    """Redirects for good whoever reads, and nobody else."""

    needs_no_database = True
    permanent = True
    http_method_names = ["get", "head", "options"]


OPERATIONS = {
    "status": health.StatusView,
    "health": health.HealthView,
    "authenticated": health.AuthenticatedView,
}

urlpatterns = [
    path("", RedirectView.as_view(url="/docs/"), name="root"),
    # The description lists its operations in the order in which they stand here.
    re_path(r"^api-token-auth/?\Z", health.KeyView.as_view(), name="token"),
    path("api/v0/", include("analytics_data_api.v0.urls")),
    *(re_path(rf"^{name}/?\Z", view.as_view(), name=name) for name, view in OPERATIONS.items()),
    *(re_path(rf"^api/v0/{name}/?\Z", Moved.as_view(url=f"/{name}/"), name=f"moved_{name}") for name in OPERATIONS),
    re_path(r"^api/schema/?\Z", SchemaView.as_view(), name="schema"),
    re_path(r"^docs/?\Z", DocsPage.as_view(), name="docs"),
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
