"""Sessions, for people who open endpoints in a browser; they log in and out at the addresses below ``/api-auth/``."""

import re
from collections.abc import Callable
from typing import Any, Final

from django.contrib.auth import views
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import re_path

from analytics_data_api import NAME
from analytics_data_api.formats.page import CONTENT_SECURITY_POLICY
from analyticsdataserver.paths import API_PATHS

IS_API_PATH: Final = re.compile(API_PATHS)


class SessionsMiddleware:
    """Django's middleware for sessions and against CSRF, for requests with a cookie, and for the pages that give one.

    Other requests have neither ``session`` nor, until REST framework has found out, ``user``. Whether a form comes from
    a page of this service is looked at for every view, as Django does it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        csrf = CsrfViewMiddleware(get_response)
        self.process_view = csrf.process_view
        self.with_session: Any = SessionMiddleware(AuthenticationMiddleware(csrf))

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        without = "HTTP_COOKIE" not in request.META and IS_API_PATH.match(request.path_info)
        response: HttpResponseBase = (self.get_response if without else self.with_session)(request)
        return response


class LoginView(views.LoginView):
    """Asks for name and password, and leads to ``next``, an address of this service, or to the documentation."""

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


# REST framework's own name for them, which its settings and templates, and others', look for.
app_name = "rest_framework"
urlpatterns = [
    re_path(r"^login/?\Z", LoginView.as_view(), name="login"),
    re_path(r"^logout/?\Z", LogoutView.as_view(), name="logout"),
]
