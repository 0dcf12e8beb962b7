"""What is run again after a database error, and what is not."""

from collections.abc import Callable

import pytest
from django.db import OperationalError, transaction

from analytics_data_api.tables.retry import LOST, REFUSED, repeated_after


def failing(*numbers: int) -> tuple[Callable[[str], str], list[str]]:
    """Return a function that raises errors with these numbers first, and the list of its calls."""
    calls: list[str] = []
    errors = iter(numbers)

    def function(value: str) -> str:
        calls.append(value)
        number = next(errors, None)
        if number is not None:
            raise OperationalError(number, "some text")
        return f"done {value}"

    return function, calls


@pytest.mark.django_db(transaction=True, databases=["default", "analytics"])
@pytest.mark.parametrize("number", [1047, 1213])
def test_what_was_refused_is_written_once_more(number: int) -> None:
    function, calls = failing(number)
    assert repeated_after(REFUSED)(function)("it") == "done it"
    assert calls == ["it", "it"]


@pytest.mark.django_db(transaction=True, databases=["default", "analytics"])
def test_only_once_more() -> None:
    function, calls = failing(1213, 1213)
    with pytest.raises(OperationalError):
        repeated_after(REFUSED)(function)("it")
    assert calls == ["it", "it"]


@pytest.mark.django_db(transaction=True, databases=["default", "analytics"])
@pytest.mark.parametrize("number", [2013, 1205, 1146])
def test_what_may_have_been_written_is_not_repeated(number: int) -> None:
    function, calls = failing(number)
    with pytest.raises(OperationalError):
        repeated_after(REFUSED)(function)("it")
    assert calls == ["it"]


@pytest.mark.django_db(transaction=True, databases=["default", "analytics"])
def test_unless_writing_twice_does_no_harm() -> None:
    function, calls = failing(2013)
    assert repeated_after(LOST | REFUSED)(function)("it") == "done it"
    assert calls == ["it", "it"]


@pytest.mark.django_db(transaction=True, databases=["default", "analytics"])
def test_a_part_of_a_transaction_is_not_repeated() -> None:
    function, calls = failing(1213)
    with pytest.raises(OperationalError), transaction.atomic():
        repeated_after(REFUSED)(function)("it")
    assert calls == ["it"]
