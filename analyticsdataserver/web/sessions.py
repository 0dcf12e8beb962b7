"""The pages below ``/api-auth/``, where people log in and out who open endpoints in a browser."""

from typing import Any

from django.contrib.auth import views
from django.http import HttpResponseBase
from django.urls import re_path

from analytics_data_api import NAME
from analytics_data_api.formats.page import CONTENT_SECURITY_POLICY


class LoginView(views.LoginView):
    """Asks for name and password, and leads to ``next``, an address of this service, or to the documentation."""

    http_method_names = ["get", "post", "head", "options"]
    template_name = "analyticsdataserver/login.html"
    next_page = "docs"
    extra_context = {"service": NAME, "title": "Log in"}

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(*args, **kwargs)
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response


class LogoutView(views.LogoutView):
    """Ends the session, and leads to ``next``, or to the login page."""

    next_page = "rest_framework:login"


# The name that REST framework's settings and templates use.
app_name = "rest_framework"
urlpatterns = [
    re_path(r"^login/?\Z", LoginView.as_view(), name="login"),
    re_path(r"^logout/?\Z", LogoutView.as_view(), name="logout"),
]
