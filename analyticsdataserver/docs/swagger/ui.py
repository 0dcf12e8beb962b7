"""django-rest-swagger's settings, ``SWAGGER_SETTINGS``, as options of a current Swagger UI."""

from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Warning
from django.shortcuts import resolve_url

# The module, not its swagger_settings: a change of the setting puts another object there.
from rest_framework_swagger import settings as swagger

# Settings that Swagger UI has an option for, and what it is called there.
OPTIONS: Final = {
    "APIS_SORTER": "tagsSorter",
    "OPERATIONS_SORTER": "operationsSorter",
    "SUPPORTED_SUBMIT_METHODS": "supportedSubmitMethods",
}
# Settings that the page acts on itself.
OWN: Final = {"CUSTOM_HEADERS", "DOC_EXPANSION", "LOGIN_URL", "LOGOUT_URL", "USE_SESSION_AUTH"}
# Settings that nothing reads any more, and why.
IGNORED: Final = {
    "ACCEPT_HEADER_VERSION": "the version of the API stands in its addresses",
    "JSON_EDITOR": "Swagger UI has no such editor any more",
    "SECURITY_DEFINITIONS": "the description at /api/schema/ has them from the authentication classes",
    "SHOW_REQUEST_HEADERS": "the curl command always shows them",
    "VALIDATOR_URL": "a validator is another host, and the page asks none",
}


def options() -> dict[str, Any]:
    """Return options of Swagger UI, by its names."""
    given = swagger.swagger_settings
    return {
        # Closed at first, which used to be the default.
        "docExpansion": given.DOC_EXPANSION or "none",
        **{option: getattr(given, name) for name, option in OPTIONS.items()},
    }


def custom_headers() -> dict[str, str]:
    """Return headers that each request from the page carries."""
    return dict(swagger.swagger_settings.CUSTOM_HEADERS)


def session_addresses() -> tuple[str, str] | None:
    """Return where to log in and where to log out; None where the page is to say nothing of sessions."""
    given = swagger.swagger_settings
    if not (given.USE_SESSION_AUTH and given.LOGIN_URL and given.LOGOUT_URL):
        return None
    return resolve_url(given.LOGIN_URL), resolve_url(given.LOGOUT_URL)


def check_settings(**options: Any) -> list[CheckMessage]:
    """Warn of settings that have no effect, when Django checks the project."""
    found: list[CheckMessage] = []
    for name in getattr(settings, "SWAGGER_SETTINGS", {}):
        if name in IGNORED:
            found.append(Warning(f"SWAGGER_SETTINGS has {name}: {IGNORED[name]}.", id="docs_page.W001"))
        elif name not in OPTIONS.keys() | OWN:
            found.append(Warning(f"SWAGGER_SETTINGS has {name}, which is none of its names.", id="docs_page.W002"))
    return found
