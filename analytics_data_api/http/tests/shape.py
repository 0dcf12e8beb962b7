"""The one shape that every error has, whatever refused the request."""

import json
import re
from http import HTTPStatus
from typing import Any

MEMBERS = ["detail", "developer_message", "error_code", "status", "title", "type"]


def title_of(status: int) -> str:
    """Return the title of a status (RFC 9110); Python 3.13 is the first that has the one of 413."""
    return "Content Too Large" if status == 413 else HTTPStatus(status).phrase


def error_page_of(response: Any, status: int, error_code: str) -> str:
    """Check that a response is the page of an error, and return its HTML."""
    assert (response.status_code, response["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert "default-src 'none'; style-src 'self'" in response["Content-Security-Policy"]
    assert "Accept" in response["Vary"].split(", ")
    html: str = response.content.decode()
    for text in (f"<h1>{title_of(status)}</h1>", f"Status {status}, error code <code>{error_code}</code>"):
        assert text in html
    return html


def problem_of(response: Any, status: int, error_code: str | None = None) -> Any:
    """Check that an answer is an error of the contract's shape.

    Args:
        response: The answer.
        status: The status it has to have.
        error_code: The word it has to have for programs, where that is known.

    Returns:
        The members of the body.
    """
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    body = json.loads(response.content)
    assert sorted(body) == MEMBERS
    # RFC 9457, section 4.2.1: about:blank has the title of the status.
    assert (body["type"], body["title"], body["status"]) == ("about:blank", title_of(status), status)
    assert isinstance(body["detail"], str)
    assert body["detail"]
    assert body["developer_message"] == body["detail"]
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", body["error_code"])
    assert error_code in (None, body["error_code"])
    return body
