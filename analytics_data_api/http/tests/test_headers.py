"""Headers that are not checked for each answer are the same as if they were."""

import pytest
from django.http import BadHeaderError, HttpResponse

from analytics_data_api.http.headers import SharedHeaders, put


def test_an_answer_gets_those_that_it_lacks_and_keeps_its_own() -> None:
    response = HttpResponse(headers={"x-first": "own"})
    SharedHeaders({"X-First": "shared", "X-Second": "shared"}).complete(response)
    assert dict(response.headers) == {
        "Content-Type": "text/html; charset=utf-8",
        "x-first": "own",
        "X-Second": "shared",
    }
    del response["X-SECOND"]
    assert "X-Second" not in response


def test_they_stay_as_they_are_when_an_answer_changes_its_own() -> None:
    shared = SharedHeaders({"Vary": "Accept"})
    first, second = HttpResponse(), HttpResponse()
    shared.complete(first)
    first["Vary"] += ", Cookie"
    shared.complete(second)
    assert (first["Vary"], second["Vary"]) == ("Accept, Cookie", "Accept")


@pytest.mark.parametrize("headers", [{"X": "a\r\nb"}, {"X\n": "a"}])
def test_what_is_no_header_is_refused_when_it_is_declared(headers: dict[str, str]) -> None:
    with pytest.raises(BadHeaderError):
        SharedHeaders(headers)


def test_one_is_put_in_place_of_another() -> None:
    response = HttpResponse(headers={"etag": "old"})
    put(response, "ETag", "new")
    assert response.headers["etag"] == "new"
    assert [name for name in response.headers if name.lower() == "etag"] == ["ETag"]
