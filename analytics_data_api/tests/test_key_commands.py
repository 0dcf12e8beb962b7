"""create_key, list_keys, revoke_key and rotate_key."""

import io
import json
import logging
import re
import time
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connections
from django.test import Client

from analytics_data_api.access import keys
from analytics_data_api.access.models import Key, ScopeEntry
from analytics_data_api.tables.tests import factories as make

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

# 2027-01-15 08:00:00, UTC.
NOW: Final = 1_800_000_000.0
DAY: Final = 86_400
KEY: Final = re.compile(r"oda_[0-9A-Za-z]{40}\n")


@pytest.fixture(autouse=True)
def _fixed_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)


def run(command: str, *arguments: str) -> tuple[str, str]:
    """Return what a command writes to standard output and to standard error."""
    out, err = io.StringIO(), io.StringIO()
    call_command(command, *arguments, stdout=out, stderr=err, no_color=True)
    return out.getvalue(), err.getvalue()


def create(*arguments: str) -> str:
    return run("create_key", *arguments)[0].strip()


def refused(command: str, *arguments: str) -> str:
    """Run a command, which has to refuse and to change nothing, and return its message."""
    before = everything()
    with pytest.raises(CommandError) as error:
        run(command, *arguments)
    assert everything() == before
    assert error.value.returncode == 1
    return str(error.value)


def everything() -> list[Any]:
    return [list(model._default_manager.order_by("pk").values()) for model in (User, Key, ScopeEntry)]


def status(key: str, path: str = "/authenticated/") -> int:
    return Client().get(path, headers={"authorization": f"Token {key}"}).status_code


def listed(*arguments: str) -> list[Any]:
    found: list[Any] = json.loads(run("list_keys", *arguments, "--format", "json")[0])
    return found


class TestCreate:
    def test_prints_the_key_alone_and_warns_that_it_sees_everything(self) -> None:
        out, err = run("create_key", "partner")
        assert KEY.fullmatch(out)
        assert err == "Warning: the key sees everything; --course and --org limit it.\n"
        assert status(out.strip()) == 200
        user = User.objects.get()
        assert (user.username, user.has_usable_password(), user.is_staff) == ("partner", False, False)

    def test_warns_of_a_course_that_no_table_has(self) -> None:
        make.VideoFactory(course_id="a/b/c")
        make.EnrollmentFactory(course_id="course-v1:edX+x+y")
        scope = ("--course", "a/b/c", "--course", "a/b/d", "--org", "edX", "--org", "ed_")
        out, err = run("create_key", "partner", *scope)
        assert KEY.fullmatch(out)
        assert err.splitlines() == [
            "Warning: no table has the course a/b/d.",
            "Warning: no table has a course of the organization ed_.",
        ]
        assert [status(out.strip(), f"/api/v0/courses/{each}/videos") for each in ("a/b/c", "a/b/d", "a/b/e")] == [
            *(200, 404, 403),
        ]

    def test_is_made_though_the_analytics_database_does_not_answer(self) -> None:
        def fail(*args: Any) -> None:
            raise OperationalError(2002, "no answer")

        with connections["analytics"].execute_wrapper(fail):
            out, err = run("create_key", "partner", "--org", "edX")
        assert KEY.fullmatch(out)
        assert "does not answer" in err

    def test_keeps_all_that_it_is_given(self) -> None:
        options = ("--name", "for Ünï", "--rate", "5/hour", "--reports", "--min-count", "10", "--expires", "2027-02-01")
        key = create("partner", "--org", "edX", "--course", "a/b/c", "--course", "a/b/c", *options)
        assert listed() == [
            {
                "prefix": key[:12],
                "name": "for Ünï",
                "user": "partner",
                "courses": ["a/b/c"],
                "orgs": ["edX"],
                "created": "2027-01-15T08:00:00Z",
                "expires": "2027-02-02T00:00:00Z",
                "last_used": None,
                "revoked": None,
                "rate": "5/hour",
                "reports": True,
                "min_count": 10,
            }
        ]

    @pytest.mark.parametrize(
        ("end", "stored"), [("2027-01-15", NOW + 16 * 3600), ("90d", NOW + 90 * DAY), ("9999-12-31", 253_402_300_800.0)]
    )
    def test_ends_at_the_end_of_a_day_or_after_so_many(self, end: str, stored: float) -> None:
        create("partner", "--expires", end)
        assert Key.objects.get().expires == stored

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("--expires", "2027-01-14"), "in the past"),
            (("--expires", "0d"), "in the past"),
            (("--expires", "-5d"), "expires"),
            (("--expires", "2027-02-30"), "takes a date that exists"),
            (("--expires", "tomorrow"), "takes a date that exists"),
            (("--expires", "2027-02-01T00:00"), "takes a date that exists"),
            (("--course", "edX"), "The course is 'edX'"),
            (("--course", ""), "The course is ''"),
            (("--course", f"a/b/{'c' * 252}"), "The course is"),
            (("--course", "a/b/c\udcff"), "The course is"),
            (("--org", "edX/DemoX"), "The organization is 'edX/DemoX'"),
            (("--org", ""), "The organization is ''"),
            (("--rate", "many"), "The rate is 'many'"),
            (("--min-count", "0"), "The smallest count is 0"),
            (("--name", "x" * 101), "The name takes up to 100"),
            (("--name", "a\x00b"), "The name takes up to 100"),
        ],
    )
    def test_refuses_what_is_none_and_changes_nothing(self, arguments: tuple[str, ...], message: str) -> None:
        assert message in refused("create_key", "partner", *arguments)

    @pytest.mark.parametrize("username", ["", "two words", "nul\x00", "x" * 151])
    def test_refuses_a_name_that_no_user_may_have(self, username: str) -> None:
        assert "username" in refused("create_key", username)

    def test_an_error_of_the_database_is_a_sentence(self) -> None:
        def fail(*args: Any) -> None:
            raise OperationalError(2002, "no answer")

        with connections["default"].execute_wrapper(fail), pytest.raises(CommandError) as error:
            run("create_key", "partner")
        assert str(error.value) == "The users database does not answer at the moment. (OperationalError 2002)"

    def test_a_scope_of_thousands(self) -> None:
        courses = [f"edX/Course{number}/2015" for number in range(3000)]
        made = keys.create_key("partner", keys.Limits(frozenset(courses)))
        assert [status(made.text, f"/api/v0/courses/{each}/videos") for each in (courses[-1], "edX/Course/2015")] == [
            *(404, 403),
        ]


class TestRevoke:
    def test_ends_a_key_at_once_and_keeps_it_in_the_list(self) -> None:
        first, second = create("partner"), create("partner")
        assert run("revoke_key", first[:12])[0] == f"Revoked {first[:12]} of partner.\n"
        assert [status(first), status(second)] == [401, 200]
        assert [row["revoked"] for row in listed()] == ["2027-01-15T08:00:00Z", None]
        assert "was revoked before" in run("revoke_key", first[:12])[0]

    def test_ends_all_of_a_user(self) -> None:
        own = [create("partner") for _ in range(3)]
        other = create("another")
        keys.revoke_key(own[0][:12])
        assert run("revoke_key", "--user", "partner")[0].count("Revoked") == 2
        assert [status(key) for key in (*own, other)] == [401, 401, 401, 200]
        assert "no key that has not ended" in run("revoke_key", "--user", "partner")[0]

    def test_refuses_what_is_not_there(self) -> None:
        key = create("partner")
        for unknown in ("oda_00000000", "", "x", key[:11], key[:12].swapcase(), "nul\x00", "\udcff"):
            assert "There is no key" in refused("revoke_key", unknown)
        # A key is no id, and is not shown.
        assert key not in refused("revoke_key", key)
        assert "There is no user 'nobody'" in refused("revoke_key", "--user", "nobody")
        assert "either the id" in refused("revoke_key")
        assert "either the id" in refused("revoke_key", key[:12], "--user", "partner")


class TestRotate:
    def test_makes_one_of_the_same_scope_and_ends_the_old_one_after_the_grace(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scope = (
            "--org",
            "edX",
            "--course",
            "a/b/c",
            "--rate",
            "5/hour",
            "--min-count",
            "3",
            "--name",
            "n",
            "--reports",
        )
        old = create("partner", *scope)
        out, _ = run("rotate_key", old[:12], "--grace", "3d")
        assert KEY.fullmatch(out)
        before, after = listed()
        assert (before["prefix"], before["expires"]) == (old[:12], "2027-01-18T08:00:00Z")
        assert after == before | {"prefix": out[:12], "expires": None}
        assert len(set(Key.objects.values_list("scope", flat=True))) == 1
        for later, expected in ((0, 200), (3 * DAY - 1, 200), (3 * DAY, 401)):
            monkeypatch.setattr(time, "time", lambda later=later: NOW + later)
            assert [status(old), status(out.strip())] == [expected, 200]

    def test_keeps_the_end_and_never_lengthens_it(self) -> None:
        old = create("partner", "--expires", "2d")
        run("rotate_key", old[:12])
        assert [row["expires"] for row in listed()] == ["2027-01-17T08:00:00Z"] * 2
        run("rotate_key", old[:12], "--expires", "30d", "--grace", "0d")
        assert [row["expires"] for row in listed()] == [
            *("2027-01-15T08:00:00Z", "2027-01-17T08:00:00Z", "2027-02-14T08:00:00Z"),
        ]
        assert status(old) == 401

    def test_refuses_one_that_has_ended(self, monkeypatch: pytest.MonkeyPatch) -> None:
        revoked, ended = create("partner"), create("partner", "--expires", "1d")
        keys.revoke_key(revoked[:12])
        monkeypatch.setattr(time, "time", lambda: NOW + 2 * DAY)
        assert "was revoked" in refused("rotate_key", revoked[:12])
        assert "has ended" in refused("rotate_key", ended[:12])
        assert "There is no key" in refused("rotate_key", "oda_00000000")
        assert "takes a number of days" in refused("rotate_key", ended[:12], "--grace", "soon")
        assert status(run("rotate_key", ended[:12], "--expires", "9d")[0].strip()) == 200


class TestList:
    def test_is_by_user_and_age(self) -> None:
        made = [create("b"), create("a"), create("b", "--course", "a/b/c")]
        assert [row["prefix"] for row in listed()] == [made[1][:12], made[0][:12], made[2][:12]]
        assert [row["prefix"] for row in listed("b")] == [made[0][:12], made[2][:12]]
        assert "There is no user 'c'" in refused("list_keys", "c")

    def test_of_those_that_end_soon(self) -> None:
        create("a")
        soon, late, revoked = (
            create("a", "--expires", "14d"),
            create("a", "--expires", "15d"),
            create("a", "--expires", "1d"),
        )
        keys.revoke_key(revoked[:12])
        assert [row["prefix"] for row in listed("--expiring", "14d")] == [soon[:12]]
        assert [row["prefix"] for row in listed("--expiring", "15d")] == [soon[:12], late[:12]]
        assert "takes a number of days" in refused("list_keys", "--expiring", "soon")

    def test_for_people(self) -> None:
        key = create(
            "partner", *(argument for each in "abcd" for argument in ("--course", f"x/y/{each}")), "--name", "n"
        )
        Key.objects.update(last_used=20_000)
        head, line = run("list_keys")[0].splitlines()
        assert head.split() == [
            "prefix",
            "name",
            "user",
            "courses",
            "orgs",
            "created",
            "expires",
            "last_used",
            "revoked",
        ]
        assert line.split() == [key[:12], "n", "partner", "4", "of", "them", "2027-01-15T08:00:00Z", "2024-10-04"]
        assert run("list_keys")[0].count(key[12:]) == 0


def test_each_change_is_a_line_of_the_log_without_a_key(caplog: pytest.LogCaptureFixture, settings: Any) -> None:
    settings.DEBUG = True
    caplog.set_level(logging.DEBUG)
    made = create("partner", "--org", "edX")
    replaced = run("rotate_key", made[:12])[0].strip()
    run("revoke_key", replaced[:12])
    run("set_api_key", "partner", "a-chosen-one")
    chosen = Key.objects.get(origin="set").key_id
    run("set_api_key", "partner", "--delete-key")
    messages = [record.getMessage() for record in caplog.records if record.name == "analytics_data_api.access.keys"]
    ends = f"ends at 2027-01-22T08:00:00Z, replaced by {replaced[:12]}"
    assert messages == [
        f"Key {made[:12]} of the user partner made; it sees organizations edX.",
        f"Key {replaced[:12]} of the user partner made; it sees organizations edX.",
        f"Key {made[:12]} of the user partner {ends}; it sees organizations edX.",
        f"Key {replaced[:12]} of the user partner revoked; it sees organizations edX.",
        f"Key {chosen} of the user partner set; it sees everything.",
        f"Key {chosen} of the user partner removed; it sees everything.",
    ]
    for key in (made, replaced, "a-chosen-one"):
        assert key not in caplog.text
        assert key[12:34] not in caplog.text or key == "a-chosen-one"
    assert "SELECT" not in caplog.text or "api_key" not in caplog.text
