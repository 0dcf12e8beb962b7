"""What browsers may do with answers, and that they come by HTTPS."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware import security
from django.middleware.clickjacking import XFrameOptionsMiddleware

# Answers to programs show nothing; a browser that opens one takes it for a document all the same.
NOTHING_ALLOWED: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class HTTPSRequest(HttpRequest):
    """A request that came by HTTPS."""

    scheme = "https"


class SecurityMiddleware(security.SecurityMiddleware):
    """Django's, which redirects to HTTPS, together with the headers of Django's middleware against clickjacking.

    Which headers those are, Django's middleware is asked once, about an answer without any, and not for each answer.
    None of them depends on more of a request than whether it came by HTTPS. A page may have its own in place of each; a
    document without a policy of its own is allowed nothing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        super().__init__(get_response)
        self.of_http, self.of_https = map(self.headers_of, (HttpRequest(), HTTPSRequest()))

    def headers_of(self, request: HttpRequest) -> dict[str, str]:
        """Return the headers that answers to requests like this one get."""
        response = HttpResponse()
        del response.headers["Content-Type"]
        self.process_response(request, response)
        XFrameOptionsMiddleware(lambda _: response).process_response(request, response)
        return {**response.headers, "Content-Security-Policy": NOTHING_ALLOWED}

    def __call__(self, request: HttpRequest) -> Any:
        response: Any = self.process_request(request) or self.get_response(request)
        # Whoever gets a 304 has them with the answer, and is to keep them (RFC 9111, section 3.2).
        if response.status_code != HTTPStatus.NOT_MODIFIED:
            for name, value in (self.of_https if request.is_secure() else self.of_http).items():
                response.headers.setdefault(name, value)
        return response
