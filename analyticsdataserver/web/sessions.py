"""The pages below ``/api-auth/``, where people log in and out who open endpoints in a browser."""

import time
from copy import copy
from http import HTTPStatus
from typing import Any, Final, cast

from django import forms
from django.conf import settings
from django.contrib.auth import login, views
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import re_path, reverse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from rest_framework.exceptions import AuthenticationFailed

from analytics_data_api import NAME
from analytics_data_api.access.authentication import SESSION_KEY_ID, KeyAuthentication
from analytics_data_api.access.scope import Access
from analytics_data_api.formats.page import CONTENT_SECURITY_POLICY
from analytics_data_api.http.problems import problem
from analyticsdataserver.web import errors, login_links

# The backend that a session names, which reads its user.
SESSION_BACKEND: Final = "analytics_data_api.access.passwords.LimitedBackend"

WRONG_KEY: Final = "This key is not valid here."

# The headers in which browsers say that they only load in advance.
PURPOSES: Final = ("Sec-Purpose", "Purpose", "X-Moz")

NOT_LOCAL: Final = "A login link works only in a browser on the machine that runs the service, and through no proxy."
USED: Final = (
    "This login link has been used, or is older than five minutes. `make login-link` prints another one; a key or a "
    "password opens the pages, too."
)


class LoginForm(AuthenticationForm):
    """A key, or a name and a password instead.

    Attributes:
        access: What the key may see; None for a name and a password.
    """

    key = forms.CharField(
        required=False,
        strip=True,
        max_length=200,
        label="Key",
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    field_order = ("key", "username", "password")
    access: Access | None = None
    # A browser would not send the form with the key alone.
    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "User name"
        self.fields["username"].widget.attrs.pop("autofocus", None)
        # The page has a form for the key, without the other fields.
        is_key_alone = self.is_bound and not {"username", "password"} & set(self.data)
        self.fields["key"].required = is_key_alone
        if is_key_alone or self.data.get("key", "").strip():
            for name in ("username", "password"):
                self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        """Check the key, or else name and password.

        Raises:
            ValidationError: They are wrong.
            TooManyRequests: Too many wrong ones came from the client's network.
            django.db.Error: The database does not answer.
        """
        key = self.cleaned_data.get("key")
        if not key:
            return super().clean()
        try:
            # As in a header; wrong keys count as they do there.
            request = cast("HttpRequest", self.request)
            user, self.access = KeyAuthentication().authenticate_key(request, key)
        except AuthenticationFailed as error:
            is_wrong = error.get_codes() == error.default_code
            raise forms.ValidationError(WRONG_KEY if is_wrong else str(error.detail)) from None
        # Logging in writes to the user, and other requests with the key may have the same object.
        self.user_cache = copy(user)
        return self.cleaned_data


class LoginView(views.LoginView):
    """Asks for name and password, or a key, and leads to ``next``, an address of this service, or to the courses.

    A session that a key has begun has its scope, and ends with it: it holds the key's id, not the key.
    """

    authentication_form = LoginForm

    http_method_names = ["get", "post", "head", "options"]
    template_name = "analyticsdataserver/login.html"
    next_page = "courses"
    extra_context = {"service": NAME, "title": "Log in"}

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(*args, **kwargs)
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    def form_valid(self, form: Any) -> HttpResponse:
        access = form.access
        # Another user's session, or one with another scope, is not gone on with.
        self.request.session.flush()
        if access is None:
            return super().form_valid(form)
        user: User = form.get_user()
        login(self.request, user, SESSION_BACKEND)
        self.request.session[SESSION_KEY_ID] = access.key_id
        if access.expires:
            remaining = int(access.expires - time.time())
            self.request.session.set_expiry(max(1, min(remaining, settings.SESSION_COOKIE_AGE)))
        return HttpResponseRedirect(self.get_success_url())


@method_decorator(never_cache, name="dispatch")
class LoginLinkView(View):
    """Logs in by a link, and leads to the courses, at an address without the link's token."""

    # HEAD would use the link up although no person has followed it.
    http_method_names = ["get"]

    def get(self, request: HttpRequest) -> HttpResponse:
        if not settings.LOGIN_LINKS:
            return errors.page_not_found(request)
        if not login_links.is_local(request):
            return problem(HTTPStatus.FORBIDDEN, NOT_LOCAL, "login_link_not_local")
        # Nor does a browser that loads in advance what may never be opened.
        is_followed = not any("prefetch" in request.headers.get(name, "") for name in PURPOSES)
        visitor = login_links.redeem(request.GET.get(login_links.PARAMETER, "")) if is_followed else None
        if visitor is None:
            return problem(HTTPStatus.FORBIDDEN, USED, "login_link_invalid")
        request.session.flush()
        login(request, visitor.user, SESSION_BACKEND)
        if visitor.key_id:
            request.session[SESSION_KEY_ID] = visitor.key_id
        # It ends with the browser.
        request.session.set_expiry(0)
        response = HttpResponseRedirect(f"{reverse('courses')}/")
        response["Referrer-Policy"] = "no-referrer"
        return response


class LogoutView(views.LogoutView):
    """Ends the session, and leads to ``next``, or to the login page."""

    next_page = "rest_framework:login"


# The name that REST framework's settings and templates use.
app_name = "rest_framework"
urlpatterns = [
    re_path(r"^login/?\Z", LoginView.as_view(), name="login"),
    re_path(r"^link/?\Z", LoginLinkView.as_view(), name="link"),
    re_path(r"^logout/?\Z", LogoutView.as_view(), name="logout"),
]
