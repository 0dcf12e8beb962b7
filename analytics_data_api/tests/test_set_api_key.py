import io
import logging
import secrets
import sqlite3
import subprocess
import sys
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, ProgrammingError, connection
from django.test import Client

from analytics_data_api.access import keys
from analytics_data_api.access.digests import key_digest
from analytics_data_api.access.models import Key, Origin
from analytics_data_api.management.commands.set_api_key import Command
from analyticsdataserver.config import BASE_DIR

pytestmark = pytest.mark.django_db

KEY = "Zq8-the.key_of~alice"


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("set_api_key", *arguments, stdout=out)
    return out.getvalue()


def refused(*arguments: str) -> str:
    """Run the command, which has to refuse and to change nothing, and return its message."""
    before = everything()
    with pytest.raises(CommandError) as error:
        run(*arguments)
    assert everything() == before
    assert error.value.returncode == 1
    return str(error.value)


def everything() -> list[Any]:
    return [*User.objects.order_by("pk").values(), *Key.objects.order_by("pk").values()]


def held_keys() -> dict[str, str]:
    """Return the digest of each user's key."""
    return dict(Key.objects.values_list("user__username", "digest"))


def digests(keys_by_user: dict[str, str]) -> dict[str, str]:
    return {user: key_digest(key) for user, key in keys_by_user.items()}


def test_a_new_user_gets_the_key_and_no_password() -> None:
    assert run("alice", KEY) == "Set the API key of the new user alice.\n"
    assert held_keys() == digests({"alice": KEY})
    user = User.objects.get()
    assert not user.has_usable_password()
    assert user.is_active
    assert (user.is_staff, user.is_superuser) == (False, False)


def test_the_key_authenticates() -> None:
    run("alice", KEY)
    for key, status in ((KEY, 200), (KEY.lower(), 401)):
        assert Client().get("/authenticated/", headers={"authorization": f"Token {key}"}).status_code == status


def test_an_existing_user_stays_as_they_are() -> None:
    User.objects.create_user("alice", email="alice@example.com", password="hers")
    assert run("alice", KEY) == "Set the API key of alice.\n"
    user = User.objects.get()
    assert (user.email, user.check_password("hers")) == ("alice@example.com", True)
    assert held_keys() == digests({"alice": KEY})


def test_a_new_key_replaces_the_older_one() -> None:
    run("alice", "older")
    run("alice", KEY)
    assert held_keys() == digests({"alice": KEY})


@pytest.mark.parametrize("other", [KEY.upper(), KEY.lower()])
def test_a_key_may_differ_from_the_older_one_in_case_only(other: str) -> None:
    run("alice", KEY)
    run("alice", other)
    assert held_keys() == digests({"alice": other})


def test_the_same_key_again_changes_nothing() -> None:
    run("alice", KEY)
    before = everything()
    run("alice", KEY)
    assert everything() == before


VISIBLE = "".join(map(chr, range(0x21, 0x7F)))


@pytest.mark.parametrize("key", ["a", "k" * 40, VISIBLE[:40], VISIBLE[40:80], VISIBLE[80:]])
def test_visible_ascii_up_to_40_characters_is_a_key(key: str) -> None:
    run("--", "alice", key)
    assert held_keys() == digests({"alice": key})


def test_a_key_may_begin_with_a_dash() -> None:
    run("--", "alice", "-key")
    assert held_keys() == digests({"alice": "-key"})


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", "empty"),
        ("k" * 41, "41 characters"),
        ("two words", "visible ASCII"),
        ("tab\tbed", "visible ASCII"),
        ("lined\n", "visible ASCII"),
        ("nul\x00", "visible ASCII"),
        ("del\x7f", "visible ASCII"),
        ("schlüssel", "visible ASCII"),
        ("undecodable\udcff", "visible ASCII"),
    ],
)
@pytest.mark.parametrize("username", ["alice", "bob"])
def test_a_key_that_no_request_can_send_is_refused(username: str, key: str, message: str) -> None:
    run("bob", "bobs")
    said = refused(username, key)
    assert message in said
    assert not key or key not in said


@pytest.mark.parametrize("username", ["alice", "carol"])
def test_another_users_key_is_refused(username: str) -> None:
    run("bob", KEY)
    run("carol", "carols")
    assert "Another user has this key" in refused(username, KEY)


def test_another_users_key_in_other_case_is_another_key() -> None:
    run("bob", KEY)
    run("alice", KEY.upper())
    assert held_keys() == digests({"bob": KEY, "alice": KEY.upper()})


def test_a_key_that_the_service_made_is_not_set() -> None:
    user = User.objects.create_user("alice")
    keys.store(user, KEY, "oda_12345678", Origin.MADE)
    assert "that this service made" in refused("alice", KEY)


def test_other_keys_stay_and_are_counted() -> None:
    run("alice", KEY)
    user = User.objects.get(username="alice")
    for number, ended in ((1, None), (2, None), (3, 1.0)):
        keys.store(user, f"other{number}", f"oda_1234567{number}", Origin.MADE, expires=ended)
    run("alice", "another")
    more = "2 other keys remain, made by create_key or by a login: see list_keys and revoke_key."
    assert run("alice", "--delete-key") == f"Removed the API key of alice. {more}\n"
    assert run("alice", "--delete-key") == f"'alice' has no API key to remove. {more}\n"
    keys.revoke_key("oda_12345671")
    assert "1 other key remains" in run("alice", "--delete-key")


@pytest.mark.parametrize("username", ["", "u" * 151, "two words", "a/b", "nul\x00", "undecodable\udcff", "new\nline"])
def test_a_name_that_no_user_may_have_is_refused(username: str) -> None:
    assert KEY not in refused(username, KEY)


@pytest.mark.parametrize("username", ["u" * 150, "a.b@c+d-e_f", "José", "名前"])
def test_a_name_that_a_user_may_have_is_taken(username: str) -> None:
    run(username, KEY)
    assert held_keys() == digests({username: KEY})


def test_users_are_told_apart_by_case() -> None:
    run("alice", KEY)
    if connection.vendor == "mysql":
        assert "spells it differently" in refused("Alice", "other")
    else:
        run("Alice", "other")
        assert held_keys() == digests({"alice": KEY, "Alice": "other"})
    before = everything()
    assert run("ALICE", "--delete-key") == "'ALICE' has no API key to remove.\n"
    assert everything() == before


def test_deleting_takes_the_key_and_leaves_the_user() -> None:
    run("alice", KEY)
    run("bob", "bobs")
    assert run("alice", "--delete-key") == "Removed the API key of alice.\n"
    assert held_keys() == digests({"bob": "bobs"})
    assert User.objects.filter(username="alice").exists()


@pytest.mark.parametrize("username", ["keyless", "unknown", "", "nul\x00", "undecodable\udcff", "new\nline"])
def test_deleting_a_key_that_does_not_exist_reports_that(username: str) -> None:
    User.objects.create_user("keyless")
    before = everything()
    assert run(username, "--delete-key") == f"{username!r} has no API key to remove.\n"
    assert everything() == before


def of_sqlite(text: str, name: str) -> OperationalError:
    """Return an error as Django raises it from one of the driver."""
    cause = sqlite3.OperationalError(text)
    cause.sqlite_errorname, cause.sqlite_errorcode = name, getattr(sqlite3, name)
    error = OperationalError(text)
    error.__cause__ = cause
    return error


MIGRATE = " `./manage.py migrate` creates the tables, and a file of SQLite, where they are missing."


# Short words, which are keys too, occur in what a driver says.
@pytest.mark.parametrize("arguments", [("alice", KEY), ("alice", "locked"), ("alice", "--delete-key")])
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            of_sqlite("no such table: auth_user", "SQLITE_ERROR"),
            f"The users database lacks the table 'auth_user'. (OperationalError SQLITE_ERROR){MIGRATE}",
        ),
        (
            ProgrammingError(1146, "Table 'users.auth_user' doesn't exist"),
            f"The users database lacks the table 'auth_user'. (ProgrammingError 1146){MIGRATE}",
        ),
        (
            of_sqlite("unable to open database file", "SQLITE_CANTOPEN"),
            f"The users database cannot be opened. (OperationalError SQLITE_CANTOPEN){MIGRATE}",
        ),
        (
            of_sqlite("database is locked", "SQLITE_BUSY"),
            "The users database has a table that is locked by another client. (OperationalError SQLITE_BUSY)",
        ),
        (
            of_sqlite("attempt to write a readonly database", "SQLITE_READONLY"),
            "The users database cannot be written at the moment. (OperationalError SQLITE_READONLY)",
        ),
        (
            OperationalError(1045, "Access denied for user 'locked'@'localhost'"),
            "The users database does not accept the login of this service. (OperationalError 1045)",
        ),
        (
            OperationalError(2002, "Can't connect to server on 'locked'"),
            "The users database does not answer at the moment. (OperationalError 2002)",
        ),
        (
            InterfaceError(f"A statement with {KEY}"),
            "The users database does not answer at the moment. (InterfaceError)",
        ),
        (
            DataError(1406, f"Data too long: '{KEY}'"),
            "The users database reports an error. (DataError 1406)",
        ),
    ],
)
def test_an_error_of_the_database_is_a_line_with_its_cause_and_never_the_drivers_words(
    arguments: tuple[str, ...], error: Exception, message: str
) -> None:
    def fail(*args: Any) -> None:
        raise error

    with connection.execute_wrapper(fail), pytest.raises(CommandError) as refusal:
        run(*arguments)
    assert str(refusal.value) == message
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize("arguments", [("alice",), ("alice", KEY, "--delete-key"), ("--delete-key", "alice", KEY)])
def test_it_takes_either_a_key_or_the_option(arguments: tuple[str, ...]) -> None:
    run("alice", "hers")
    said = refused(*arguments)
    assert "either a token or --delete-key" in said
    assert KEY not in said


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("alice", f"-{KEY}"),
        ("alice", f"--{KEY}"),
        ("alice", f"-v{KEY}"),
        ("alice", "the", KEY),
        ("alice", "--delete-key", "key", KEY),
    ],
)
def test_misplaced_arguments_are_refused_without_being_shown(arguments: tuple[str, ...]) -> None:
    assert KEY not in refused(*arguments)


@pytest.mark.parametrize("arguments", [["alice", f"-{KEY}"], ["alice", "the", KEY], []])
def test_on_the_command_line_misplaced_arguments_are_refused_with_status_1(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        Command().run_from_argv(["manage.py", "set_api_key", *arguments])
    assert ended.value.code == 1
    printed = capsys.readouterr()
    assert "takes a username" in printed.err
    assert KEY not in printed.err + printed.out


def test_the_options_of_every_command_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        Command().run_from_argv(["manage.py", "set_api_key", "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "Set the key" in said
    assert "--verbosity" in said
    assert "--delete-key" in said


@pytest.mark.parametrize("arguments", [("bob", KEY), ("alice", KEY), ("alice", "--delete-key")])
def test_the_key_is_neither_printed_nor_logged(
    arguments: tuple[str, ...],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    settings: Any,
) -> None:
    run("alice", KEY)
    settings.DEBUG = True
    caplog.set_level(logging.DEBUG, logger="django.db.backends")
    caplog.clear()
    said = ""
    try:
        said = run(*arguments)
    except CommandError as error:
        said = str(error)
    assert said
    captured = capfd.readouterr()
    assert KEY not in said + captured.out + captured.err + caplog.text


def test_statements_are_logged_again_afterwards() -> None:
    run("alice", KEY)
    assert not logging.getLogger("django.db.backends").disabled


def test_a_race_for_a_key_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(**values: Any) -> None:
        raise IntegrityError(f"Duplicate entry '{values['digest']}' for key 'digest'")

    run("alice", "older")
    monkeypatch.setattr(Key.objects, "create", taken)
    before = everything()
    with pytest.raises(keys.KeyRefusedError) as refusal:
        keys.set_key("alice", KEY)
    assert everything() == before
    assert KEY not in str(refusal.value)
    assert refusal.value.__suppress_context__


@pytest.mark.process
def test_the_exit_status_is_1_and_nothing_is_printed_but_the_reason() -> None:
    key = f"{secrets.token_hex(10)} {secrets.token_hex(5)}"
    ended = subprocess.run(
        [sys.executable, "manage.py", "set_api_key", "alice", key, "--settings=analyticsdataserver.settings.test"],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("CommandError: The token holds characters")
    assert key not in ended.stderr
