"""What must stand in no log and on no page about an error: keys, passwords, sessions."""

import re
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final
from urllib.parse import parse_qsl

from django.conf import settings
from django.http import HttpRequest
from django.http.cookie import parse_cookie
from django.utils.datastructures import MultiValueDict
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

SUBSTITUTE: Final = "[hidden]"

# In the names of headers, parameters, settings and variables that hold a secret: Django's words, and this service's.
NAMES: Final = re.compile(
    "API|AUTH|TOKEN|KEY|SECRET|PASS|SIGNATURE|CREDENTIAL|COOKIE|SESSION|DATABASE_URL|MYSQL_URL", re.IGNORECASE
)

# Secrets that are shorter than this are hidden only where they stand as words: parts of others would make no sense.
LONG: Final = 8


def secrets_of(request: HttpRequest) -> Iterator[str]:
    """Yield the secrets that a request came with: what was sent as a key, password or session, valid or not."""
    for name, value in request.META.items():
        if name.startswith("HTTP_") and isinstance(value, str) and NAMES.search(name):
            yield from value.split()[1 if " " in value.strip() else 0 :]
    cookies = parse_cookie(request.META.get("HTTP_COOKIE", ""))
    yield from (value for value in cookies.values() if len(value) >= LONG)
    query = request.META.get("QUERY_STRING", "")
    yield from (value for name, value in parse_qsl(query, errors="replace") if NAMES.search(name))
    # As they were sent, which is how addresses show them.
    yield from (pair.partition("=")[2] for pair in query.split("&") if NAMES.search(pair.partition("=")[0]))
    # Only a form that has been read: reading it here might wait for a client.
    posted = vars(request).get("_post", MultiValueDict())
    yield from (str(value) for name, values in posted.lists() for value in values if NAMES.search(name))


def secrets_of_settings() -> Iterator[str]:
    """Yield the secrets of the service itself."""
    yield settings.SECRET_KEY
    for database in settings.DATABASES.values():
        yield database.get("PASSWORD", "")


def hidden(text: str, request: HttpRequest | None) -> str:
    """Return a text without any secret of the service, or of a request that is being handled."""
    found = {*secrets_of_settings(), *(secrets_of(request) if request is not None else ())} - {""}
    # Also as Python and HTML write them. The longest first, because one may be a part of another.
    forms = {form for secret in found for form in (secret, repr(secret)[1:-1], escape(secret))}
    return re.sub("|".join(map(pattern, sorted(forms, key=len, reverse=True))), SUBSTITUTE, text)


def pattern(secret: str) -> str:
    """Return a regular expression that finds a secret."""
    escaped = re.escape(secret)
    return escaped if len(secret) >= LONG else rf"(?<![^\W_]){escaped}(?![^\W_])"


class ReportFilter(SafeExceptionReporterFilter):
    """What Django's page about an error shows of settings, headers and variables: none that is named like a secret."""

    hidden_settings = NAMES

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> Any:
        return [
            (name, self.cleansed_substitute if NAMES.search(name) else value)
            for name, value in super().get_traceback_frame_variables(request, tb_frame)
        ]


class Report(ExceptionReporter):
    """Django's page about an error, without any secret that we know of; only with DEBUG does anybody see it."""

    def get_traceback_html(self) -> SafeString:
        return mark_safe(hidden(super().get_traceback_html(), self.request))  # noqa: S308 - as safe as it was

    def get_traceback_text(self) -> SafeString:
        return mark_safe(hidden(super().get_traceback_text(), self.request))  # noqa: S308 - it is no HTML
