"""Keys with an end and limits, however they are sent; what is stored of them; and what becomes of those of before."""

import importlib
import logging
import re
import time
from base64 import b64encode
from pathlib import Path
from typing import Any, Final

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import OperationalError, connections
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils.http import parse_http_date
from rest_framework.authtoken.models import Token

from analytics_data_api.access import authentication, keys, last_use
from analytics_data_api.access.digests import course_digests, entry_digest
from analytics_data_api.access.keys import Limits
from analytics_data_api.access.models import Key
from analytics_data_api.access.throttling.rates import Rate
from analytics_data_api.http.tests.shape import problem_of
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tests.cases import CASES, address
from analyticsdataserver.tests.forms import FormClient
from conftest import KEY, KEY_ID, give_key

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

ENROLLMENT: Final = f"/api/v0/courses/{make.COURSE_ID}/enrollment/"
LOGIN: Final = "/api-auth/login/"
DAY: Final = 86_400
NOW: Final = 1_800_000_000.0


def get(authorization: str, path: str = "/authenticated/") -> Any:
    return Client(raise_request_exception=False).get(path, headers={"authorization": authorization})


def basic(username: str, password: str) -> str:
    return f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"


@pytest.mark.usefixtures("reader")
class TestBasic:
    @pytest.mark.parametrize(("username", "password"), [("reader", KEY), ("anybody", KEY), ("", KEY), (KEY, "")])
    def test_the_key_is_the_password_or_a_user_name_with_an_empty_password(self, username: str, password: str) -> None:
        for scheme in ("Basic", "basic", "BASIC"):
            assert get(basic(username, password).replace("Basic", scheme)).status_code == 200

    @pytest.mark.parametrize(
        "header",
        [
            *("Basic", "Basic ", "Basic !!!", "Basic cmVhZGVy", "Basic Og==", f"Basic {KEY}", f"Basic {KEY}:"),
            *(basic("reader", ""), basic(KEY, "x"), basic("reader", f"{KEY} "), basic("reader", f"x:{KEY}")),
            *("Basic /////w==", basic("reader", KEY) + " x", "Basic \xff"),
        ],
    )
    def test_anything_else_is_401_and_does_not_make_a_browser_ask(self, header: str) -> None:
        response = get(header)
        body = problem_of(response, 401)
        assert response["WWW-Authenticate"] == "Token"
        assert KEY not in str(body)

    def test_a_password_of_an_account_is_a_wrong_key(self, reader: User, settings: Any) -> None:
        reader.set_password("chalk")
        reader.save()
        settings.THROTTLE_WRONG_KEYS = Rate(2, 60)
        assert [get(basic("reader", "chalk")).status_code for _ in range(3)] == [401, 401, 429]


class TestEnd:
    @pytest.fixture(autouse=True)
    def _fixed_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(time, "time", lambda: NOW)

    @pytest.mark.parametrize(
        ("left", "status", "is_told"),
        [(-1, 401, False), (0, 401, False), (1, 200, True), (14 * DAY, 200, True), (14 * DAY + 1, 200, False)],
    )
    def test_an_answer_says_so_in_the_last_14_days(self, reader: User, left: int, status: int, is_told: bool) -> None:
        make.EnrollmentFactory()
        give_key(reader, "k", expires=NOW + left)
        for path in ("/authenticated/", ENROLLMENT, f"{ENROLLMENT}?start_date=x", "/api/v1/key/"):
            response = get("Token k", path)
            assert (response.status_code == 401) == (status == 401)
            assert ("Sunset" in response) == is_told
            if is_told:
                assert parse_http_date(response["Sunset"]) == NOW + left
        if status == 401:
            problem_of(get("Token k"), 401, "key_expired")

    def test_sunset_goes_with_the_headers_of_a_limit(self, reader: User, settings: Any) -> None:
        settings.THROTTLE_DATA = Rate(5, 60)
        give_key(reader, "k", expires=NOW + 60)
        response = get("Token k", ENROLLMENT)
        assert {"Sunset", "RateLimit", "RateLimit-Policy"} <= set(response.headers)

    def test_ended_keys_do_not_count_as_wrong_ones(self, reader: User, settings: Any) -> None:
        settings.THROTTLE_WRONG_KEYS = Rate(1, 60)
        give_key(reader, "ended", expires=NOW - 1)
        give_key(reader, "revoked", revoked=NOW - 1)
        assert [get(f"Token {key}").status_code for key in ("ended", "revoked") * 2] == [401] * 4
        assert [get(f"Token {key}").status_code for key in ("wrong", "wrong", "ended", "revoked")] == [
            401,
            429,
            429,
            429,
        ]


class TestLoggingIn:
    def log_in(self, **form: str) -> Any:
        client: Any = FormClient(headers={"accept": "text/html"}, raise_request_exception=False)
        client.response = client.post(LOGIN, {"key": "", "username": "", "password": ""} | form)
        return client

    def status(self, client: Client, path: str = "/authenticated/") -> int:
        return client.get(path, headers={"accept": "application/json"}).status_code

    def test_a_key_opens_pages_with_its_scope(self, reader: User) -> None:
        make.EnrollmentFactory()
        make.EnrollmentFactory(course_id="a/b/c")
        give_key(reader, "limited", Limits(courses=frozenset({make.COURSE_ID})))
        client = self.log_in(key=" limited ")
        assert client.response.status_code == 302
        assert self.status(client, ENROLLMENT) == 200
        assert self.status(client, "/api/v0/courses/a/b/c/enrollment/") == 403
        page = client.get(ENROLLMENT)
        assert b"Log out" in page.content
        assert client.get("/api/v1/key/", headers={"accept": "application/json"}).json()["courses"] == [make.COURSE_ID]

    def test_the_session_has_the_keys_id_and_not_the_key(self, reader: User) -> None:
        client = self.log_in(key=KEY)
        data = Session.objects.get().get_decoded()
        assert data[authentication.SESSION_KEY_ID] == KEY_ID
        assert KEY not in str(data)
        assert KEY not in str(client.cookies)

    @pytest.mark.parametrize("change", ["revoked", "expires", "deleted", "inactive"])
    def test_the_session_ends_with_the_key(self, reader: User, change: str) -> None:
        client = self.log_in(key=KEY)
        assert self.status(client) == 200
        if change == "deleted":
            Key.objects.all().delete()
        elif change == "inactive":
            User.objects.update(is_active=False)
        else:
            Key.objects.update(**{change: 1.0})
        assert self.status(client) == 401

    def test_the_cookie_lasts_no_longer_than_the_key(self, reader: User) -> None:
        give_key(reader, "short", expires=time.time() + 600)
        client = self.log_in(key="short")
        assert 590 <= client.cookies["sessionid"]["max-age"] <= 600

    @pytest.mark.parametrize(
        ("form", "message"),
        [
            ({"key": "wrong"}, "key is not valid here"),
            ({"key": "ended"}, "This key ended"),
            ({"key": "revoked"}, "This key was revoked"),
            ({"key": "wrong", "username": "reader", "password": "chalk"}, "key is not valid here"),
            ({}, "This field is required"),
            ({"key": " "}, "This field is required"),
        ],
    )
    def test_others_are_refused_and_not_shown(self, reader: User, form: dict[str, str], message: str) -> None:
        reader.set_password("chalk")
        reader.save()
        give_key(reader, "ended", expires=1.0)
        give_key(reader, "revoked", revoked=1.0)
        client = self.log_in(**form)
        assert client.response.status_code == 200
        page = client.response.content.decode()
        assert message in page
        assert 'value="wrong"' not in page
        assert self.status(client) == 401

    def test_a_missing_key_is_a_fault_of_the_key(self) -> None:
        page = Client().post(LOGIN, {"key": ""}).content.decode()
        assert 'id="id_key_error"' in page
        assert 'id="id_username_error"' not in page

    def test_a_key_in_the_query_string_logs_nobody_in(self, reader: User) -> None:
        client = Client()
        assert client.get(LOGIN, {"key": KEY}).status_code == 200
        assert "sessionid" not in client.cookies
        assert self.status(client) == 401

    def test_wrong_ones_are_counted(self, reader: User, settings: Any) -> None:
        settings.THROTTLE_WRONG_KEYS = Rate(2, 60)
        assert [self.log_in(key="wrong").response.status_code for _ in range(3)] == [200, 200, 429]
        assert self.log_in(key=KEY).response.status_code == 429

    def test_a_session_of_a_password_is_not_gone_on_with(self, reader: User) -> None:
        reader.set_password("chalk")
        reader.save()
        client = self.log_in(username="reader", password="chalk")
        first = client.cookies["sessionid"].value
        give_key(reader, "limited", Limits(courses=frozenset({"a/b/c"})))
        client.post(LOGIN, {"key": "limited"})
        assert client.cookies["sessionid"].value != first
        assert not Session.objects.filter(session_key=first).exists()
        assert self.status(client, ENROLLMENT) == 403
        client.post(LOGIN, {"username": "reader", "password": "chalk"})
        assert self.status(client, ENROLLMENT) == 404


class TestAboutTheKey:
    def test_of_a_limited_key(self, reader: User) -> None:
        limits = Limits(frozenset({"b/c/d", "a/b/c"}), frozenset({"edX"}), rate="5/day")
        key = give_key(reader, "k", limits, name="partner", expires=NOW + 10 * 365 * DAY)
        assert get("Token k", "/api/v1/key/").json() == {
            "id": key.key_id,
            "user": "reader",
            "name": "partner",
            "courses": ["a/b/c", "b/c/d"],
            "orgs": ["edX"],
            "expires": "2037-01-12T08:00:00Z",
            "rate": "5/day",
        }
        csv = get("Token k", "/api/v1/key.csv").content.decode().split("\r\n")
        assert csv[0] == "courses,expires,id,name,orgs,rate,user"
        assert csv[1].startswith('"a/b/c, b/c/d",2037-01-12T08:00:00Z,')

    def test_of_a_key_without_limits_and_of_a_password(self, browser: Client) -> None:
        everything: dict[str, Any] = {
            "name": None,
            "courses": [],
            "orgs": [],
            "expires": None,
            "rate": None,
            "user": "reader",
        }
        assert get(f"Token {KEY}", "/api/v1/key/").json() == {"id": KEY_ID} | everything
        assert browser.get("/api/v1/key.json").json() == {"id": None} | everything


class TestSmallCounts:
    # Of each endpoint that counts parts: fields that stay, with the least count 1000, and fields that are null.
    EXPECTED: Final[dict[str, tuple[dict[str, Any], set[str]]]] = {
        "enrollment": ({"count": 1892}, set()),
        "enrollment/birth_year": ({"birth_year": None}, {"count"}),
        "enrollment/gender": ({"male": 1155}, {"female", "other", "unknown"}),
        "enrollment/mode": ({"count": 1893, "cumulative_count": 1954}, {"honor", "professional", "verified"}),
        "enrollment/location": ({"country": {"alpha2": None, "alpha3": None, "name": "UNKNOWN"}}, {"count"}),
        "activity": ({"any": 3013, "played_video": 1049}, {"attempted_problem"}),
        "problems": ({"total_submissions": 300}, {"correct_submissions"}),
        "videos": ({"duration": 66, "users_at_start": 1044}, {"users_at_end"}),
    }

    @pytest.mark.parametrize("endpoint", EXPECTED)
    def test_are_null_and_totals_stay(self, reader: User, endpoint: str) -> None:
        path = f"v0/courses/{{course_id}}/{endpoint}"
        CASES[path].rows()
        give_key(reader, "k", Limits(min_count=1000))
        item = get("Token k", f"/api/{address(path)}").json()[0]
        stays, hidden = self.EXPECTED[endpoint]
        assert {name: item[name] for name in stays} == stays
        assert {name for name, value in item.items() if value is None} - set(stays) == hidden
        lines = get("Token k", f"/api/{address(path)}.csv")
        assert lines.status_code == 200
        whole = Client(headers={"authorization": f"Token {KEY}"})
        # MySQL has no version of a table that was changed just now.
        if tag := whole.get(f"/api/{address(path)}").headers.get("ETag"):
            assert get("Token k", f"/api/{address(path)}")["ETag"] != tag

    def test_of_an_entity_and_its_answers(self, reader: User) -> None:
        give_key(reader, "k", Limits(min_count=400))
        CASES["v0/videos/{video_id}/timeline"].rows()
        rows = get("Token k", f"/api/{address('v0/videos/{video_id}/timeline')}").json()
        assert [(row["segment"], row["num_users"]) for row in rows] == [(0, 472), (2, 438)]
        CASES["v0/problems/{problem_id}/grade_distribution"].rows()
        rows = get("Token k", f"/api/{address('v0/problems/{problem_id}/grade_distribution')}").json()
        assert {row["count"] for row in rows} == {None}

    def test_a_sum_of_selected_modes_is_no_total(self, reader: User) -> None:
        CASES["v1/courses/{course_id}/enrollment/mode"].rows()
        give_key(reader, "k", Limits(min_count=100))
        path = f"/api/{address('v1/courses/{course_id}/enrollment/mode')}"
        item = get("Token k", f"{path}?mode=audit").json()[0]
        assert (item["count"], item["audit"]) == (None, None)
        # Less what honor counts, the sum would be what masters counts.
        item = get("Token k", f"{path}?mode=honor,masters").json()[0]
        assert (item["count"], item["cumulative_count"], item["honor"], item["masters"]) == (None, None, 940, None)
        assert get("Token k", path).json()[0]["count"] == 1893

    @pytest.mark.parametrize("version", ["v0", "v1"])
    @pytest.mark.parametrize("factory", [make.SummaryFactory, make.EnrollmentModeFactory])
    def test_a_sum_over_courses_says_nothing_of_one(self, reader: User, version: str, factory: Any) -> None:
        give_key(reader, "k", Limits(min_count=10))
        mode = "mode" if factory is make.EnrollmentModeFactory else "enrollment_mode"
        for course, count in {"a/b/1": 100, "a/b/2": 3, "a/b/3": 50}.items():
            factory(**{"course_id": course, mode: "verified", "count": count, "cumulative_count": count})

        def totals(*courses: str) -> dict[str, Any]:
            found: dict[str, Any] = get(
                "Token k", f"/api/{version}/course_totals/?course_ids={','.join(courses)}"
            ).json()
            return found

        assert (totals("a/b/1", "a/b/3")["verified_enrollment"], totals("a/b/2")["verified_enrollment"]) == (150, None)
        assert totals("a/b/1", "a/b/2")["verified_enrollment"] is None
        assert totals("a/b/1", "a/b/2")["count"] == 103


class TestStored:
    def test_is_a_digest_only(self, reader: User) -> None:
        made = keys.create_key("partner", Limits(courses=frozenset({"a/b/c"})), "for a test", time.time() + DAY)
        token = keys.login_key(reader)
        for text in (made.text, token):
            assert re.fullmatch(r"oda_[0-9A-Za-z]{40}", text)
            assert get(f"Token {text}").status_code == 200
        dump = "".join(
            str(list(model._default_manager.values()))
            for model in apps.get_app_config("analytics_data_api").get_models()
        )
        for text in (made.text, token, KEY):
            assert text not in dump
            # Half of it, wherever it begins.
            assert not any(text[start : start + len(text) // 2] in dump for start in range(len(text) // 2 + 1))
        assert made.key.key_id == made.text[:12]

    def test_a_key_that_somebody_chose_is_not_in_its_id(self) -> None:
        keys.set_key("alice", "oda_mine")
        assert re.fullmatch(r"set_[0-9A-Za-z]{8}", Key.objects.get().key_id)

    def test_an_organization_is_compared_as_a_whole_and_as_bytes(self) -> None:
        assert course_digests("course-v1:edX+a+b")[1] == course_digests("edX/a/b")[1] == entry_digest("org", "edX")
        for other in ("edx/a/b", "ed_/a/b", "edX2/a/b", "xcourse-v1:edX/a/b", "a/edX/b", "edX ", "edX"):
            assert entry_digest("org", "edX") not in course_digests(other)


class TestLastUse:
    @pytest.fixture(autouse=True)
    def _at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.written: list[tuple[int, int]] = []
        notes = last_use.Notes()
        monkeypatch.setattr(last_use, "note", notes.note)
        monkeypatch.setattr(notes, "run", lambda: None)
        self.notes = notes

    def take(self) -> list[tuple[int, int]]:
        return [self.notes.queue.get_nowait() for _ in range(self.notes.queue.qsize())]

    def test_is_noted_once_a_day_and_key(self, reader: User, monkeypatch: pytest.MonkeyPatch) -> None:
        for day in (20_000, 20_001):
            monkeypatch.setattr(time, "time", lambda day=day: day * DAY + 5.0)
            for _ in range(3):
                assert get(f"Token {KEY}").status_code == 200
            key = Key.objects.get()
            assert self.take() == [(key.pk, day)]
            Key.objects.update(last_used=day)

    def test_is_not_noted_of_a_key_that_is_refused(self, reader: User) -> None:
        Key.objects.update(revoked=1.0)
        get(f"Token {KEY}")
        assert self.take() == []

    def test_is_written_and_never_earlier(self, reader: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connections["default"], "close", lambda: None)
        key = Key.objects.get()
        for day, stored in ((5, 5), (7, 7), (6, 7)):
            last_use.write(key.pk, day)
            assert Key.objects.get().last_used == stored

    def test_a_database_that_cannot_be_written_is_in_nobodys_way(
        self, reader: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def read_only(execute: Any, sql: str, *rest: Any) -> Any:
            if sql.startswith("UPDATE"):
                raise OperationalError("attempt to write a readonly database")
            return execute(sql, *rest)

        monkeypatch.setattr(connections["default"], "close", lambda: None)
        caplog.set_level(logging.INFO)
        with connections["default"].execute_wrapper(read_only):
            last_use.write(Key.objects.get().pk, 5)
        assert caplog.text == ""


class TestUpgrade:
    """Keys of an earlier version work before and after ``migrate``."""

    MOVE: Any = importlib.import_module("analytics_data_api.migrations.0003_hash_keys")

    @pytest.fixture(autouse=True)
    def _old_keys(self) -> None:
        for number in range(3):
            Token.objects.create(user=User.objects.create(username=f"user{number}"), key=f"old-key-{number}")

    def move(self) -> None:
        class Editor:
            connection = connections["default"]

        self.MOVE.hash_keys(apps, Editor)

    def test_they_become_digests_and_are_deleted(self) -> None:
        self.move()
        self.move()
        assert not Token.objects.exists()
        assert Key.objects.count() == 3
        assert [get(f"Token old-key-{number}").status_code for number in range(3)] == [200] * 3
        assert set(Key.objects.values_list("origin", "is_limited", "expires")) == {("set", False, None)}
        keys.set_key("user0", "new")
        assert [get(f"Token {key}").status_code for key in ("old-key-0", "new")] == [401, 200]

    def test_batches_of_any_size_move_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(self.MOVE, "BATCH_SIZE", 2)
        self.move()
        assert (Token.objects.count(), Key.objects.count()) == (0, 3)

    def test_a_move_that_was_cut_off_goes_on(self) -> None:
        keys.set_key("user0", "old-key-0")
        self.move()
        assert (Token.objects.count(), Key.objects.count()) == (0, 3)

    @pytest.fixture
    def before(self) -> Any:
        """The tables before ``migrate``; a statement is answered as by a database that lacks them."""

        def lacking(execute: Any, sql: str, *rest: Any) -> Any:
            if "api_key" in sql:
                raise OperationalError("no such table: api_key")
            return execute(sql, *rest)

        MigrationRecorder.Migration.objects.filter(app="analytics_data_api", name="0002_keys").delete()
        with connections["default"].execute_wrapper(lacking):
            yield

    def test_before_migrate_they_are_found_where_they_were(self, before: None, settings: Any) -> None:
        make.EnrollmentFactory()
        settings.THROTTLE_WRONG_KEYS = Rate(2, 60)
        assert get("Token old-key-1", ENROLLMENT).status_code == 200
        assert get(basic("x", "old-key-2"), ENROLLMENT).status_code == 200
        assert [get("Token wrong").status_code for _ in range(3)] == [401, 401, 429]
        assert get("Token old-key-0").status_code == 429
        assert get("Token old-key-1", ENROLLMENT).status_code == 200

    def test_a_table_that_is_gone_later_is_a_fault_of_the_database(self, before: None) -> None:
        MigrationRecorder.Migration.objects.create(app="analytics_data_api", name="0002_keys")
        problem_of(get("Token old-key-1"), 503)
        problem_of(get("Token wrong"), 503)


def test_the_page_about_what_is_stored_names_what_is(reader: User) -> None:
    text = (Path(__file__).parents[3] / "SECURITY.rst").read_text()
    for needed in ("SHA-256", "api_key", "VACUUM", "rotate_key", "--min-count"):
        assert needed in text
