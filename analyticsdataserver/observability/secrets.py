"""Keys, passwords, sessions and database URLs, which no line of the log and no page about an error may show."""

import re
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from django.conf import settings
from django.http import HttpRequest
from django.http.cookie import parse_cookie
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from analytics_data_api.access.credentials import credentials

SUBSTITUTE: Final = "[hidden]"

# In the names of headers, parameters, settings and variables that hold a secret: Django's words, and this service's.
NAMES: Final = re.compile(
    "API|AUTH|TOKEN|KEY|SECRET|PASS|SIGNATURE|CREDENTIAL|COOKIE|SESSION|DATABASE_URL|MYSQL_URL", re.IGNORECASE
)

# A shorter secret is hidden only where it is a word of its own: other words may hold it.
LONG: Final = 8


def secrets_of(request: HttpRequest) -> Iterator[str]:
    """Yield what a request sent as a key, password or session, valid or not, in its headers and its query string."""
    for name, value in request.META.items():
        if name.startswith("HTTP_") and isinstance(value, str) and NAMES.search(name):
            yield from value.split()[1 if " " in value.strip() else 0 :]
    yield from credentials(request.META.get("HTTP_AUTHORIZATION", ""))
    cookies = parse_cookie(request.META.get("HTTP_COOKIE", ""))
    yield from (value for value in cookies.values() if len(value) >= LONG)
    query = request.META.get("QUERY_STRING", "")
    yield from (value for name, value in parse_qsl(query, errors="replace") if NAMES.search(name))
    # As they were sent.
    yield from (pair.partition("=")[2] for pair in query.split("&") if NAMES.search(pair.partition("=")[0]))


def secrets_of_form(request: HttpRequest) -> Iterator[str]:
    """Yield what a form sent as a password or key; reads the body where that has not been done."""
    for name, values in request.POST.lists():
        yield from (str(value) for value in values if NAMES.search(name))


def secrets_of_settings() -> Iterator[str]:
    """Yield the secrets of the service itself."""
    yield settings.SECRET_KEY
    for database in settings.DATABASES.values():
        yield database.get("PASSWORD", "")


def hide_secrets(text: str, request: HttpRequest | None, others: Iterable[str] = ()) -> str:
    """Return a text without the secrets of the service and of a request.

    Args:
        text: The text.
        request: The request that is being handled, or None.
        others: Further secrets.
    """
    secrets = {*secrets_of_settings(), *(secrets_of(request) if request is not None else ()), *others} - {""}
    # Also as Python, HTML and URLs write them. The longest first, because one may be a part of another.
    forms = {
        form
        for secret in secrets
        for form in (secret, repr(secret)[1:-1], escape(secret), quote(secret, "", errors="replace"))
    }
    return re.sub("|".join(map(pattern, sorted(forms, key=len, reverse=True))), SUBSTITUTE, text)


def pattern(secret: str) -> str:
    """Return a regular expression that finds a secret."""
    escaped = re.escape(secret)
    return escaped if len(secret) >= LONG else rf"(?<![^\W_]){escaped}(?![^\W_])"


class ReportFilter(SafeExceptionReporterFilter):
    """Hides settings, headers and variables on Django's page about an error by the words in NAMES."""

    hidden_settings = NAMES

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> Any:
        return [
            (name, self.cleansed_substitute if NAMES.search(name) else value)
            for name, value in super().get_traceback_frame_variables(request, tb_frame)
        ]


class Report(ExceptionReporter):
    """Django's page about an error, which it shows with DEBUG, without the values of known secrets."""

    def hide(self, page: str) -> SafeString:
        # Django's page has read the form.
        form = secrets_of_form(self.request) if self.request is not None else ()
        return mark_safe(hide_secrets(page, self.request, form))  # noqa: S308 - as safe as the page was

    def get_traceback_html(self) -> SafeString:
        return self.hide(super().get_traceback_html())

    def get_traceback_text(self) -> SafeString:
        return self.hide(super().get_traceback_text())
