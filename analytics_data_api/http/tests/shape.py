"""The one shape that every error has, whatever refused the request."""

import json
import re
from http import HTTPStatus
from typing import Any

MEMBERS = ["detail", "developer_message", "error_code", "status", "title", "type"]


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
    assert (body["type"], body["title"], body["status"]) == ("about:blank", HTTPStatus(status).phrase, status)
    assert isinstance(body["detail"], str)
    assert body["detail"]
    assert body["developer_message"] == body["detail"]
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", body["error_code"])
    assert error_code in (None, body["error_code"])
    return body
