"""The parameters in the body of a POST."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from analytics_data_api.access.bodies import MAX_LIST_SIZE, MAX_VALUES
from analytics_data_api.http import posted

JSON, FORM = "application/json", "application/x-www-form-urlencoded"


def request(body: bytes, content_type: str, query: str = "", key: object = "key") -> Request:
    made = Request(RequestFactory().post(f"/{query}", body, content_type=content_type))
    # As authentication leaves them.
    made.user, made.auth = AnonymousUser(), key
    return made


def of_json(value: Any) -> dict[str, list[str]]:
    return dict(posted.parameters(request(json.dumps(value).encode(), JSON)).lists())


def refused(body: bytes, content_type: str = JSON, query: str = "", key: object = "key") -> tuple[int, Any, str]:
    with pytest.raises(APIException) as error:
        posted.parameters(request(body, content_type, query, key))
    return error.value.status_code, error.value.get_codes(), str(error.value.detail)


def test_a_form() -> None:
    form = "ids=a%2Bb&ids=c,d&x=&name=caf%C3%A9&y=1+2"
    taken = posted.parameters(request(form.encode(), FORM))
    assert dict(taken.lists()) == {"ids": ["a+b", "c,d"], "x": [""], "name": ["café"], "y": ["1 2"]}


def test_json() -> None:
    assert of_json({"ids": ["a", "b,c"], "name": "café", "last": 7, "all": True, "share": 0.5, "years": [1984]}) == {
        "ids": ["a", "b,c"],
        "name": ["café"],
        "last": ["7"],
        "all": ["true"],
        "share": ["0.5"],
        "years": ["1984"],
    }


def test_null_and_false_are_not_given_and_an_empty_list_is_none() -> None:
    assert of_json({"a": None, "b": False, "c": [], "d": ""}) == {"c": [], "d": [""]}


@pytest.mark.parametrize("content_type", [JSON, FORM, "text/plain"])
def test_no_body_has_no_parameters(content_type: str) -> None:
    assert not posted.parameters(request(b"", content_type))


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"[]", "a list"), (b'"a"', "a text"), (b"1", "a number"), (b"null", "null"), (b"true", "a bool")],
)
def test_json_that_is_no_object(body: bytes, kind: str) -> None:
    status, code, detail = refused(body)
    assert (status, code) == (400, "invalid_body")
    assert detail.startswith(f"The body is {kind}")


@pytest.mark.parametrize("value", [b'{"a": {"b": 1}}', b'{"a": [[1]]}', b'{"a": [{"b": 1}]}'])
def test_members_that_no_parameter_has(value: bytes) -> None:
    status, code, detail = refused(value)
    assert (status, code) == (400, "invalid_value")
    assert detail.startswith("The parameter 'a' is or holds a")


@pytest.mark.parametrize(
    ("body", "content_type"), [(b'{"a": "x\\u0000"}', JSON), (b"a=x%00", FORM), (b"a%00=x", FORM), (b"a=%ff", FORM)]
)
def test_what_is_no_text(body: bytes, content_type: str) -> None:
    assert refused(body, content_type)[:2] == (400, "invalid_text")


@pytest.mark.parametrize("body", [b'{"a": "\\ud800"}', b'{"a": "\xff"}', b"{", b"{}{}", b"[" * 10_000])
def test_what_is_no_json(body: bytes) -> None:
    assert refused(body)[:2] == (400, "parse_error")


class TestQueryString:
    def test_takes_format(self) -> None:
        assert not posted.parameters(request(b"{}", JSON, "?format=csv"))

    @pytest.mark.parametrize("query", ["?ids=a", "?format=csv&ids=a", "?ids="])
    def test_takes_nothing_else(self, query: str) -> None:
        status, code, detail = refused(b"{}", JSON, query)
        assert (status, code) == (400, "parameter_in_query_string")
        assert "'ids'" in detail


class TestLimits:
    def test_the_most_values(self) -> None:
        assert len(of_json({"ids": ["a"] * MAX_VALUES})["ids"]) == MAX_VALUES
        assert posted.parameters(request(b"&".join([b"a=b"] * MAX_VALUES), FORM))
        assert posted.parameters(request(b"a=" + b",".join([b"b"] * MAX_VALUES), FORM))

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            (json.dumps({"ids": ["a"] * MAX_VALUES, "b": 1}).encode(), JSON),
            (json.dumps({"ids": ",".join("a" * (MAX_VALUES + 1))}).encode(), JSON),
            (b"&".join([b"a=b"] * (MAX_VALUES + 1)), FORM),
            (b"a=" + b",".join([b"b"] * (MAX_VALUES + 1)), FORM),
        ],
    )
    def test_one_value_more(self, body: bytes, content_type: str) -> None:
        assert refused(body, content_type)[:2] == (413, "too_many_values")

    @pytest.mark.parametrize(("key", "limit"), [("key", MAX_LIST_SIZE)])
    def test_the_longest_body(self, key: object, limit: int) -> None:
        assert not posted.parameters(request(b"{}".ljust(limit), JSON, key=key))
        status, code, detail = refused(b"{}".ljust(limit + 1), key=key)
        assert (status, code) == (413, "body_too_large")
        assert f"up to {limit // 1024} kB" in detail

    def test_another_type(self) -> None:
        assert refused(b"a", "text/plain")[:2] == (415, "unsupported_media_type")

    def test_size_and_type_go_before_the_query_string(self) -> None:
        assert refused(b"a", "text/plain", "?ids=a")[0] == 415
        assert refused(b"{}".ljust(MAX_LIST_SIZE + 1), JSON, "?ids=a")[0] == 413


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON_VALUES | st.dictionaries(st.text(), JSON_VALUES))
def test_any_json_is_parameters_or_the_clients_mistake(value: Any) -> None:
    status, texts = 200, []
    try:
        taken = posted.parameters(request(json.dumps(value).encode(), JSON))
        texts = [text for _, each in taken.lists() for text in each]
    except APIException as error:
        status = error.status_code
    assert status in (200, 400)
    assert all(isinstance(text, str) for text in texts)
