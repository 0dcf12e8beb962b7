"""The limits on wrong keys by address, and on data by user, as clients see them."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analytics_data_api.access import authentication
from analytics_data_api.access.keys import Limits
from analytics_data_api.access.models import Counter, Key
from analytics_data_api.access.throttling import clients, counters
from analytics_data_api.access.throttling.clients import Memory
from analytics_data_api.access.throttling.rates import Rate
from analytics_data_api.http.tests.shape import problem_of
from analytics_data_api.tables.tests import factories as make
from conftest import KEY, give_key

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

ENROLLMENT = f"/api/v0/courses/{make.COURSE_ID}/enrollment"
HERE, THERE = "192.0.2.7", "198.51.100.1"
SECOND_KEY = "a-second-key"


@pytest.fixture(autouse=True)
def _three_wrong_keys_and_a_fixed_time(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.THROTTLE_WRONG_KEYS = Rate(3, 60)
    monkeypatch.setattr(counters, "now", lambda: 1_700_000_000.0)


@pytest.fixture
def second_reader(reader: User) -> User:
    user = User.objects.create(username="second")
    give_key(user, SECOND_KEY)
    return user


def get(key: str | None, address: str = HERE, path: str = "/authenticated/") -> Any:
    headers = {} if key is None else {"authorization": f"Token {key}"}
    return Client(raise_request_exception=False).get(path, headers=headers, REMOTE_ADDR=address)


def statuses(*keys: str, address: str = HERE) -> list[int]:
    return [get(key, address).status_code for key in keys]


def new_process() -> None:
    """Go on as another process, which has seen no client yet."""
    clients.memory.clear()


@pytest.mark.usefixtures("second_reader")
class TestWrongKeys:
    def test_are_429_once_there_were_too_many(self) -> None:
        assert statuses("a", "b", "c", "d", "a") == [401, 401, 401, 429, 429]
        body = problem_of(get("e"), 429, "throttled")
        assert body["detail"] == "Your address has sent too many keys that were wrong. Try again in 60 seconds."

    def test_have_the_number_that_is_left(self) -> None:
        headers = [(answer["RateLimit-Policy"], answer["RateLimit"]) for answer in map(get, "abcde")]
        left = ['"wrong-keys";r=2;t=60', '"wrong-keys";r=1;t=60', '"wrong-keys";r=0;t=60', '"wrong-keys";r=0;t=60']
        assert headers == [('"wrong-keys";q=3;w=60', each) for each in (*left, '"wrong-keys";r=0;t=60')]
        assert get("f")["Retry-After"] == "60"
        assert "Retry-After" not in get("a", THERE)

    @pytest.mark.parametrize("path", ["/authenticated/", ENROLLMENT, f"{ENROLLMENT}?format=csv"])
    def test_count_wherever_they_are_sent(self, path: str) -> None:
        assert [get(key, path=path).status_code for key in "abcd"] == [401, 401, 401, 429]
        assert statuses("e") == [429]

    def test_of_one_address_do_not_count_at_another(self) -> None:
        statuses(*"abcd")
        assert statuses("a", KEY, address=THERE) == [401, 200]

    def test_are_logged_by_address_once_there_were_too_many(self, caplog: pytest.LogCaptureFixture) -> None:
        statuses("secret-a", "secret-b", "secret-c", "secret-d", "secret-e")
        messages = [record.getMessage() for record in caplog.records if "policies" in record.name]
        assert messages == [f"The limit wrong-keys is reached by {HERE}."]
        assert "secret" not in caplog.text

    def test_of_one_ipv6_network_count_together(self) -> None:
        assert [get("a", f"2001:db8::{number}").status_code for number in range(1, 5)] == [401, 401, 401, 429]
        assert statuses("a", address="2001:db8:0:1::1") == [401]

    def test_of_a_client_cannot_be_counted_as_anothers(self) -> None:
        forwarded = {"authorization": "Token a", "x-forwarded-for": THERE}
        answers = [Client().get("/authenticated/", headers=forwarded, REMOTE_ADDR=HERE) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
        assert statuses("a", address=THERE) == [401]

    def test_of_an_inactive_user_count(self, second_reader: User) -> None:
        User.objects.filter(pk=second_reader.pk).update(is_active=False)
        assert statuses(*[SECOND_KEY] * 4) == [401, 401, 401, 429]

    def test_that_are_none_at_all_do_not_count(self) -> None:
        malformed = [None, "", "a b", "\xff"]
        assert [get(key).status_code for key in malformed * 3] == [401] * 12
        assert statuses("a") == [401]
        assert "RateLimit" not in get(None)

    def test_count_anew_when_the_time_is_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        statuses(*"abcd")
        monkeypatch.setattr(counters, "now", lambda: 1_700_000_060.0)
        assert statuses(*"abcd", KEY) == [401, 401, 401, 429, 429]

    def test_are_not_limited_where_that_is_off(self, settings: Any) -> None:
        settings.THROTTLE_WRONG_KEYS = None
        answers = [get("a") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [401] * 5
        assert "RateLimit" not in answers[0]

    def test_of_which_too_many_were_sent_are_503_where_they_cannot_be_counted(self) -> None:
        def fail(execute: Any, sql: str, *args: Any) -> Any:
            if "throttle_counter" in sql and "authtoken" not in sql:
                raise OperationalError(1205, "Lock wait timeout")
            return execute(sql, *args)

        with connections["default"].execute_wrapper(fail):
            problem_of(get("a"), 503, "table_locked")


@pytest.mark.usefixtures("second_reader")
class TestRightKeysWhereTooManyWrongOnesWereSent:
    def test_that_were_used_there_before_are_taken(self) -> None:
        assert statuses(KEY, *"abcd", KEY, KEY) == [200, 401, 401, 401, 429, 200, 200]
        assert "RateLimit" not in get(KEY)

    def test_that_are_new_there_are_refused_like_wrong_ones(self) -> None:
        statuses(KEY, *"abc")
        right, wrong = get(SECOND_KEY), get("unknown")
        assert right.status_code == wrong.status_code == 429
        assert right.content == wrong.content
        # Differs in each response.
        assert right.headers.pop("X-Request-ID") != wrong.headers.pop("X-Request-ID")
        assert dict(right.headers) == dict(wrong.headers)

    def test_that_are_new_there_take_the_same_steps(self) -> None:
        statuses(*"abc")
        steps = []
        for key in (SECOND_KEY, "unknown"):
            with CaptureQueriesContext(connections["default"]) as captured:
                assert statuses(key) == [429]
            steps.append([re.sub(r"'[^']*'", "?", query["sql"]) for query in captured])
        assert steps[0] == steps[1]

    def test_that_are_new_there_go_on_being_new(self) -> None:
        assert statuses(*"abc", *[KEY] * 3) == [401] * 3 + [429] * 3

    def test_that_were_used_there_are_taken_by_every_process_once_the_first_has_noted_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        statuses(KEY, *"abc")
        with monkeypatch.context() as other_process:
            memory = Memory(10)
            other_process.setattr(authentication, "memory", memory)
            other_process.setattr(clients, "memory", memory)
            assert statuses(KEY) == [429]
        # Long after it has used the key, the first process reads the limit again.
        with monkeypatch.context() as later:
            later.setattr(clients, "RECENT", 0)
            assert statuses(KEY) == [200]
        new_process()
        assert statuses(KEY, SECOND_KEY) == [200, 429]

    def test_that_were_used_new_process_are_new(self) -> None:
        assert statuses(KEY, address=THERE) == [200]
        assert statuses(*"abc", KEY) == [401, 401, 401, 429]

    def test_cost_one_query_all_the_same(self, django_assert_num_queries: Any) -> None:
        for _ in range(2):
            with django_assert_num_queries(1):
                assert statuses(KEY) == [200]
        statuses(*"abc")
        # Nor does one in a network above the limit.
        with django_assert_num_queries(1):
            assert statuses(KEY) == [200]

    def test_whose_user_is_inactive_meanwhile_are_not(self, reader: User) -> None:
        statuses(KEY, *"abc")
        User.objects.filter(pk=reader.pk).update(is_active=False)
        assert statuses(KEY) == [429]

    def test_that_were_removed_meanwhile_are_not(self) -> None:
        statuses(KEY, *"abc")
        Key.objects.filter(user__username="reader").delete()
        assert statuses(KEY) == [429]


@pytest.mark.usefixtures("second_reader")
class TestData:
    @pytest.fixture(autouse=True)
    def _two_requests(self, settings: Any) -> None:
        settings.THROTTLE_DATA = Rate(2, 3600)
        make.EnrollmentFactory()

    def test_is_429_above_the_limit(self) -> None:
        answers = [get(KEY, path=ENROLLMENT) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer["RateLimit"] for answer in answers] == [
            '"data";r=1;t=3600',
            '"data";r=0;t=3600',
            '"data";r=0;t=3600',
        ]
        assert {answer["RateLimit-Policy"] for answer in answers} == {'"data";q=2;w=3600'}
        body = problem_of(answers[-1], 429, "throttled")
        assert body["detail"] == "Your key has asked for data too often. Try again in 3600 seconds."
        assert answers[-1]["Retry-After"] == "3600"

    def test_counts_by_user_and_not_by_address(self) -> None:
        assert [get(KEY, address, ENROLLMENT).status_code for address in (HERE, THERE, HERE)] == [200, 200, 429]
        assert get(SECOND_KEY, HERE, ENROLLMENT).status_code == 200

    def test_counts_for_a_session_by_itself(self, browser: Client) -> None:
        assert [browser.get(ENROLLMENT).status_code for _ in range(3)] == [200, 200, 429]
        assert [get(KEY, path=ENROLLMENT).status_code for _ in range(3)] == [200, 200, 429]

    def test_counts_each_key_of_a_user_by_itself(self, reader: User) -> None:
        give_key(reader, "another")
        for key in (KEY, "another"):
            assert [get(key, path=ENROLLMENT).status_code for _ in range(3)] == [200, 200, 429]

    def test_a_key_may_have_a_rate_of_its_own(self, reader: User, settings: Any) -> None:
        give_key(reader, "another", Limits(rate="1/hour"))
        settings.THROTTLE_SERVICE, settings.THROTTLE_SERVICE_USERS = Rate(50, 60), frozenset({"reader"})
        for limit in (Rate(2, 60), None):
            settings.THROTTLE_DATA = limit
            Counter.objects.all().delete()
            responses = [get("another", path=ENROLLMENT) for _ in range(2)]
            assert [response.status_code for response in responses] == [200, 429]
            assert responses[0]["RateLimit-Policy"] == '"key";q=1;w=3600'

    def test_counts_whatever_the_response(self) -> None:
        paths = [f"{ENROLLMENT}?start_date=x", "/api/v0/courses/a/b/c/enrollment", ENROLLMENT]
        answers = [get(KEY, path=path) for path in paths]
        assert [answer.status_code for answer in answers] == [400, 404, 429]
        assert answers[0]["RateLimit"] == '"data";r=1;t=3600'

    def test_a_service_has_a_limit_of_its_own(self, settings: Any) -> None:
        settings.THROTTLE_SERVICE, settings.THROTTLE_SERVICE_USERS = Rate(3, 60), {"reader"}
        answers = [get(KEY, path=ENROLLMENT) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[0]["RateLimit-Policy"] == '"service";q=3;w=60'
        assert [get(SECOND_KEY, path=ENROLLMENT).status_code for _ in range(3)] == [200, 200, 429]

    def test_a_service_may_have_none(self, settings: Any) -> None:
        settings.THROTTLE_SERVICE, settings.THROTTLE_SERVICE_USERS = None, {"reader"}
        assert [get(KEY, path=ENROLLMENT).status_code for _ in range(4)] == [200] * 4

    def test_does_not_count_requests_for_no_data(self) -> None:
        assert [get(KEY).status_code for _ in range(4)] == [200] * 4
        assert "RateLimit" not in get(KEY)
        # Nor requests without a valid key.
        assert get("unknown", path=ENROLLMENT)["RateLimit-Policy"] == '"wrong-keys";q=3;w=60'

    def test_is_503_where_requests_cannot_be_counted(self) -> None:
        def fail(execute: Any, sql: str, *args: Any) -> Any:
            if sql.startswith("UPDATE"):
                raise OperationalError(1205, "Lock wait timeout")
            return execute(sql, *args)

        with connections["default"].execute_wrapper(fail):
            problem_of(get(KEY, path=ENROLLMENT), 503, "table_locked")

    def test_is_not_limited_unless_that_is_on(self, settings: Any, django_assert_num_queries: Any) -> None:
        settings.THROTTLE_DATA = None
        with django_assert_num_queries(1):
            answer = get(KEY, path=ENROLLMENT)
        assert "RateLimit" not in answer
        assert "RateLimit-Policy" not in answer
