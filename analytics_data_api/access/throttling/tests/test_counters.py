"""Counts in the database: exact, shared, and not kept for long."""

import logging
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connections

from analytics_data_api.access.models import Counter
from analytics_data_api.access.throttling import counters
from analytics_data_api.access.throttling.rates import Rate
from analytics_data_api.access.throttling.tests.conftest import Clock

pytestmark = pytest.mark.django_db

RATE = Rate(3, 60)


def hit(times: int, subject: str = "client") -> list[tuple[bool, int, int]]:
    return [counters.hit(subject, RATE) for _ in range(times)]


def test_as_many_are_admitted_as_the_rate_says(clock: Clock) -> None:
    assert hit(5) == [(True, 2, 60), (True, 1, 60), (True, 0, 60), (False, 0, 60), (False, 0, 60)]


def test_subjects_are_counted_apart(clock: Clock) -> None:
    hit(3)
    assert hit(1) == [(False, 0, 60)]
    assert hit(1, "another") == [(True, 2, 60)]


def test_a_window_begins_with_the_first_and_ends_after_its_time(clock: Clock) -> None:
    hit(1)
    clock.advance(20.5)
    assert hit(3) == [(True, 1, 40), (True, 0, 40), (False, 0, 40)]
    clock.advance(39.25)
    # Less than a second is one, so that no client tries again too early.
    assert hit(1) == [(False, 0, 1)]
    clock.advance(0.25)
    assert hit(4) == [(True, 2, 60), (True, 1, 60), (True, 0, 60), (False, 0, 60)]


def test_those_who_are_refused_do_not_prolong_it(clock: Clock) -> None:
    hit(3)
    clock.advance(59)
    hit(10)
    clock.advance(1)
    assert hit(1) == [(True, 2, 60)]


def test_those_who_are_refused_cost_one_query_that_reads(clock: Clock, django_assert_num_queries: Any) -> None:
    hit(3)
    with django_assert_num_queries(1) as captured:
        hit(1)
    assert captured[0]["sql"].startswith("SELECT")


def test_one_that_is_admitted_costs_two_queries(clock: Clock, django_assert_num_queries: Any) -> None:
    hit(1)
    with django_assert_num_queries(2):
        hit(1)


def test_a_row_that_others_filled_meanwhile_is_full(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    hit(2)
    whole = counters.count_one
    raced: list[bool] = []

    def counted(*args: Any) -> bool:
        if not raced:
            raced.append(whole(*args))
        return whole(*args)

    monkeypatch.setattr(counters, "count_one", counted)
    assert hit(1) == [(False, 0, 60)]
    assert raced == [True]
    assert Counter.objects.get().count == 3


def test_a_row_that_comes_and_goes_all_the_time_admits_none(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "count_one", lambda *args: False)
    assert hit(1) == [(False, 0, 1)]


class TestGivingBack:
    def test_leaves_room_for_one_more(self, clock: Clock) -> None:
        hit(3)
        clock.advance(10)
        assert counters.refund("client", RATE) == (True, 1, 50)
        assert hit(2) == [(True, 0, 50), (False, 0, 50)]

    def test_is_nothing_once_the_window_is_over(self, clock: Clock) -> None:
        hit(3)
        clock.advance(60)
        assert counters.refund("client", RATE) == (True, 3, 60)
        assert hit(1) == [(True, 2, 60)]

    def test_never_leaves_more_than_there_were(self, clock: Clock) -> None:
        hit(1)
        for _ in range(3):
            counters.refund("client", RATE)
        assert hit(1) == [(True, 2, 60)]


class TestNotes:
    def test_last_as_long_as_they_are_meant_to(self, clock: Clock) -> None:
        assert not counters.is_noted("x")
        counters.note("x", 10)
        clock.advance(9)
        assert counters.is_noted("x")
        clock.advance(1)
        assert not counters.is_noted("x")

    def test_last_longer_when_they_are_made_again(self, clock: Clock) -> None:
        counters.note("x", 10)
        clock.advance(5)
        counters.note("x", 10)
        clock.advance(9)
        assert counters.is_noted("x")


class TestOldRows:
    def test_go_when_new_ones_come(self, clock: Clock) -> None:
        for number in range(250):
            hit(1, f"old {number}")
        clock.advance(60)
        for number in range(5):
            hit(1, f"new {number}")
        assert sorted(Counter.objects.values_list("subject", flat=True)) == [f"new {number}" for number in range(5)]

    def test_are_kept_as_long_as_they_count(self, clock: Clock) -> None:
        hit(1, "first")
        clock.advance(59.9)
        hit(1, "second")
        assert Counter.objects.count() == 2

    @pytest.mark.django_db(transaction=True)
    def test_that_cannot_be_removed_do_not_fail_the_request(
        self, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        hit(1, "old")
        clock.advance(60)

        def fail(execute: Any, sql: str, *args: Any) -> Any:
            if sql.startswith("DELETE"):
                raise OperationalError(1213, "Deadlock found")
            return execute(sql, *args)

        with connections["default"].execute_wrapper(fail), caplog.at_level(logging.WARNING):
            assert hit(1, "new") == [(True, 2, 60)]
        assert "not removed" in caplog.text


def test_a_database_that_does_not_answer_admits_none(clock: Clock) -> None:
    def fail(*args: Any) -> None:
        raise OperationalError(2006, "Gone away")

    with connections["default"].execute_wrapper(fail), pytest.raises(DatabaseError):
        hit(1)
