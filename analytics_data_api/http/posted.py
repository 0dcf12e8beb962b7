"""The parameters of a POST, which stand in its body."""

from typing import Any

from django.utils.datastructures import MultiValueDict
from rest_framework.request import Request

from analytics_data_api.access import bodies
from analytics_data_api.access.bodies import MAX_BODY_SIZE, MAX_LIST_SIZE, MAX_VALUES, TooManyValues, is_session
from analytics_data_api.http.parameters import Given
from analytics_data_api.http.problems import BadRequest
from analytics_data_api.text import quote_value


def parameters(request: Request) -> Given:
    """Return the parameters in the body of a POST: those of a form, or the members of a JSON object.

    A member is a text, a number, a boolean or a list of these; null and false count as not given. Of the query string
    only ``format`` is read, by content negotiation.

    Raises:
        UnsupportedMediaType: The body is neither JSON nor an urlencoded form. It has not been read.
        BodyTooLarge: It has not been read, or only up to the limit.
        TooManyValues: It has more values than MAX_VALUES.
        ParseError: It ends early, or is not JSON.
        BadRequest: It is no object of such values, or there are parameters in the query string.
    """
    # A session, which any page can send, has the limit of forms.
    given = members(bodies.data(request, MAX_BODY_SIZE if is_session(request) else MAX_LIST_SIZE))
    if sum(text.count(",") + 1 for _, texts in given.lists() for text in texts) > MAX_VALUES:
        raise TooManyValues
    for name in request.query_params:
        if name != "format":
            raise BadRequest(
                f"The query string has the parameter {quote_value(name)}; that of a POST takes format alone, its body "
                "the other parameters.",
                "parameter_in_query_string",
            )
    for name, texts in given.lists():
        for text in (name, *texts):
            if "\0" in text:
                raise BadRequest(
                    f"The parameter {quote_value(name)} holds a NUL character; it takes text.", "invalid_text"
                )
    return given


def members(body: Any) -> Given:
    """Return what a body says as parameters."""
    if isinstance(body, MultiValueDict):
        return body
    if not isinstance(body, dict):
        raise BadRequest(
            f"The body is {article(body)}; it takes an object whose members are parameters.", "invalid_body"
        )
    given = Given()
    for name, value in body.items():
        if value is None or value is False:
            continue
        values = value if isinstance(value, list) else [value]
        given.setlist(name, [text_of(name, each) for each in values if each is not None])
    return given


def text_of(name: str, value: Any) -> str:
    """Return a value of JSON as a query string would have it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise BadRequest(
        f"The parameter {quote_value(name)} is or holds {article(value)}; it takes a text, a number, a boolean, or a "
        "list of these.",
        "invalid_value",
    )


def article(value: Any) -> str:
    """Return the kind of a value of JSON, with its article."""
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")
