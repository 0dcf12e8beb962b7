"""No key, password or session is in the log, in the metrics, or on a page about an error."""

import logging
import sys
from base64 import b64encode
from secrets import token_hex
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.views.debug import technical_500_response

from analytics_data_api.access.authentication import KeyAuthentication
from analyticsdataserver.observability.formatting import JSONFormatter, TextFormatter
from analyticsdataserver.observability.request_context import CurrentRequest, current_request
from analyticsdataserver.observability.secrets import SUBSTITUTE, hide_secrets, secrets_of_form
from analyticsdataserver.observability.tests.conftest import Log
from conftest import KEY

ENROLLMENT = "/api/v0/courses/a/b/c/enrollment/"
WRONG = "wrong-0123456789-key"
PASSWORD = "chalk'n talk"
SHORT = "ab"


def basic(username: str, password: str) -> str:
    """Return the header of HTTP Basic."""
    return f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture, log: Log) -> Log:
    """The log, down to DEBUG."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "django")
    return log


@pytest.mark.django_db(databases=["default", "analytics"])
@pytest.mark.parametrize("debug", [False, True])
class TestRequests:
    @pytest.fixture(autouse=True)
    def _debug(self, settings: Any, debug: bool) -> None:
        # With DEBUG, Django logs statements with their parameters.
        settings.DEBUG = debug

    @pytest.mark.parametrize(
        ("headers", "query"),
        [
            ({"authorization": f"Token {KEY}"}, ""),
            ({"authorization": f"Token {WRONG}"}, ""),
            ({"authorization": f"Bearer {KEY}"}, ""),
            ({"authorization": basic("reader", KEY)}, ""),
            ({"authorization": basic(KEY, "")}, ""),
            ({"authorization": basic("reader", WRONG)}, ""),
            ({"authorization": basic("reader", WRONG), "x-request-id": WRONG}, ""),
            ({"authorization": KEY}, ""),
            ({"authorization": f"Token {KEY} {WRONG}"}, ""),
            ({"authorization": "Token"}, f"?token={KEY}"),
            ({}, f"?token={KEY}&api_key={WRONG}"),
            ({"x-api-key": KEY, "x-auth-token": WRONG}, ""),
            ({"cookie": f"sessionid={KEY}; csrftoken={WRONG}"}, ""),
            ({"x-request-id": KEY, "authorization": f"Token {KEY}"}, ""),
        ],
    )
    @pytest.mark.parametrize("path", [ENROLLMENT, "/authenticated/", "/nowhere", "/docs/", "/api-auth/login/"])
    def test_of_any_shape(self, reader: User, everything: Log, headers: Any, query: str, path: str) -> None:
        Client(headers=headers).get(f"{path}{query}")
        assert everything.entry
        assert KEY not in everything.text
        assert WRONG not in everything.text

    @pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "application/json"])
    @pytest.mark.parametrize("password", [PASSWORD, "wrong password"])
    def test_that_ask_for_a_key(self, everything: Log, content_type: str, password: str) -> None:
        User.objects.create_user("teacher", password=PASSWORD)
        form = {"username": "teacher", "password": password}
        if content_type.endswith("json"):
            response = Client().post("/api-token-auth/", form, content_type=content_type)
        else:
            response = Client().post("/api-token-auth/", urlencode(form), content_type=content_type)
        assert (response.status_code == 200) == (password == PASSWORD)
        if password == PASSWORD:
            assert response.json()["token"] not in everything.text
        assert password not in everything.text
        assert everything.entry["route"] == "token"

    def test_that_log_in(self, everything: Log) -> None:
        User.objects.create_user("teacher", password=PASSWORD)
        browser = Client()
        browser.post("/api-auth/login/", {"username": "teacher", "password": PASSWORD})
        assert browser.get("/authenticated/").status_code == 200
        assert PASSWORD not in everything.text
        assert browser.cookies["sessionid"].value not in everything.text


@pytest.mark.django_db
class TestFaults:
    """An exception is raised where the key is at hand, and its message has it."""

    @pytest.fixture
    def raises(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def authenticate(authentication: Any, request: Any, key: str) -> None:
            password = django_settings.SECRET_KEY
            raise ValueError(f"No {key} {key!r} {quote(key)} for {password}")

        monkeypatch.setattr(KeyAuthentication, "authenticate_key", authenticate)

    @pytest.mark.parametrize("key", [KEY, SHORT, "a'b\\c\"d", "50%_off/+x"])
    @pytest.mark.usefixtures("raises")
    def test_are_told_without_it(self, log: Log, key: str) -> None:
        headers = {"authorization": f"Token {key}"}
        response = Client(headers=headers, raise_request_exception=False).get("/authenticated/")
        assert response.status_code == 500
        assert f"{key} ".encode() not in response.content
        fault, entry = log.lines
        assert f"ValueError: No {SUBSTITUTE}" in fault["exception"]
        assert f"for {SUBSTITUTE}" in fault["exception"]
        assert f" {key} " not in fault["exception"]
        assert (fault["level"], entry["status"]) == ("ERROR", 500)
        assert fault["request_id"] == entry["request_id"] == response["X-Request-ID"]

    @pytest.mark.usefixtures("raises")
    def test_are_shown_without_it(self, settings: Any, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.DEBUG = True
        monkeypatch.setitem(settings.DATABASES["default"], "PASSWORD", "pa55word-of-the-database")
        cookie = f"sessionid={WRONG}"
        client = Client(headers={"authorization": f"Token {KEY}", "cookie": cookie}, raise_request_exception=False)
        # runserver's environment of a request holds that of its process.
        environ: Any = {"DATABASE_URL": "mysql://user:pa55word-of-the-database@host/name"}
        page = client.get("/authenticated/", {"token": WRONG}, **environ).content.decode()
        for shown in ("ValueError", "authenticate_key", "DATABASE_URL", "HTTP_AUTHORIZATION"):
            assert shown in page
        for secret in (KEY, WRONG, "pa55word-of-the-database", settings.SECRET_KEY):
            assert secret not in page


@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_pages_about_errors_show_nothing_that_is_or_is_named_like_a_secret(accept: str) -> None:
    token_of_another_user, harmless = token_hex(), token_hex()
    request = RequestFactory(headers={"authorization": f"Token {KEY}", "accept": accept}).get("/")
    try:
        raise ValueError(KEY)
    except ValueError:
        response = technical_500_response(request, *sys.exc_info())
    assert response["Content-Type"].startswith(accept)
    page = response.content.decode()
    assert ("token_of_another_user" in page) == (harmless in page) == (accept == "text/html")
    assert f"ValueError at /\n{SUBSTITUTE}" in page or f'<pre class="exception_value">{SUBSTITUTE}</pre>' in page
    assert token_of_another_user not in page
    assert KEY not in page


def formatted(name: str, message: str, *args: Any, **fields: Any) -> str:
    record = logging.LogRecord(name, logging.WARNING, "", 0, message, args, None)
    record.__dict__.update(fields)
    text, json = TextFormatter().format(record), JSONFormatter().format(record)
    return text + json


class TestLines:
    def test_of_others_bring_nothing_along(self) -> None:
        request = RequestFactory().get(f"/x?token={KEY}")
        assert KEY not in formatted("django.request", "Not Found: %s", "/x", request=request, token=KEY)

    def test_that_hold_no_secret_stay_as_they_are(self) -> None:
        assert "2 of 3 are 'there', as ab?c=d says" in formatted("x", "%d of %d are 'there', as ab?c=d says", 2, 3)

    def test_can_always_be_written(self) -> None:
        assert "\\ud800" in formatted("x", "a \ud800 b")

    @pytest.mark.parametrize(
        "message",
        [
            "Can't connect to local server ('127.0.0.1', 8471)",
            "Listening at: http://127.0.0.1:8000 (12)",
            "Worker (pid:12) was sent SIGKILL! Perhaps out of memory?",
        ],
    )
    @pytest.mark.parametrize("logger", ["gunicorn.error", "_granian", "x"])
    def test_of_the_server_stay_as_they_are(self, logger: str, message: str) -> None:
        assert f" {message}" in formatted(logger, message).splitlines()[0] + " "

    def test_that_show_a_database_url(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(settings.DATABASES["default"], "PASSWORD", "pa55/word of it")
        text = formatted("x", "mysql://user:pa55%2Fword%20of%20it@host/name")
        assert f"mysql://user:{SUBSTITUTE}@host/name" in text
        assert "pa55" not in text

    def test_of_runserver_are_not_written(self, capfd: pytest.CaptureFixture[str], log: Log) -> None:
        logging.getLogger("django.server").error('"GET /x?token=%s HTTP/1.1" 500', KEY)
        assert log.lines == []
        assert capfd.readouterr().err == ""

    def test_of_a_stack(self) -> None:
        token = current_request.set(
            CurrentRequest("mine", RequestFactory(headers={"authorization": f"Token {KEY}"}).get("/x"))
        )
        try:
            assert KEY not in formatted("x", "%s", KEY, stack_info=f"Stack: f({KEY})", exc_text=f"Error: {KEY}")
        finally:
            current_request.reset(token)


class TestHidden:
    def test_the_longest_first(self) -> None:
        request = RequestFactory(headers={"authorization": f"Token {KEY}x"}).get(f"/?token={KEY}")
        assert hide_secrets(f"({KEY}x) ({KEY})", request) == f"({SUBSTITUTE}) ({SUBSTITUTE})"

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            (f"as {SHORT} is", f"as {SUBSTITUTE} is"),
            (f"'{SHORT}'", f"'{SUBSTITUTE}'"),
            (f"{SHORT}_{SHORT}", f"{SUBSTITUTE}_{SUBSTITUTE}"),
            ("table cab", "table cab"),
        ],
    )
    def test_short_ones_where_they_are_words(self, text: str, shown: str) -> None:
        request = RequestFactory(headers={"authorization": f"Token {SHORT}"}).get("/")
        assert hide_secrets(text, request) == shown

    def test_those_of_a_form(self) -> None:
        request = RequestFactory().post("/", {"username": "teacher", "password": PASSWORD})
        text = hide_secrets(f"teacher {PASSWORD}", request, secrets_of_form(request))
        assert text == f"teacher {SUBSTITUTE}"

    def test_a_log_line_does_not_read_the_body(self) -> None:
        request = RequestFactory().post("/", {"username": "teacher", "password": PASSWORD})
        hide_secrets("text", request)
        assert PASSWORD.encode() in request.read()

    def test_as_an_address_has_them(self) -> None:
        request = RequestFactory().get("/?api_key=a%2Fb%2Fc%2Fdefgh")
        assert hide_secrets("a%2Fb%2Fc%2Fdefgh a/b/c/defgh", request) == f"{SUBSTITUTE} {SUBSTITUTE}"

    def test_those_of_the_settings_without_any_request(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(settings.DATABASES["default"], "PASSWORD", "pa55word-of-the-database")
        text = f"{settings.SECRET_KEY} pa55word-of-the-database"
        assert hide_secrets(text, None) == f"{SUBSTITUTE} {SUBSTITUTE}"
