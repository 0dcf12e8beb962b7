"""Links that log in a browser on this machine, once."""

import io
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from analytics_data_api.access.keys import Limits
from analytics_data_api.access.models import Key
from analytics_data_api.http.tests.shape import error_page_of, problem_of
from analytics_data_api.tables.tests import factories as make
from analyticsdataserver.web import login_links
from conftest import give_key

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

HTML = "text/html,*/*;q=0.8"
LOCAL: dict[str, Any] = {"REMOTE_ADDR": "127.0.0.1", "SERVER_NAME": "localhost"}


@pytest.fixture(autouse=True)
def _links(settings: Any) -> None:
    settings.LOGIN_LINKS = True


@pytest.fixture
def visitor() -> Client:
    return Client(raise_request_exception=False, **LOCAL)


def link(*arguments: str) -> str:
    """Return the path of a link that the command has printed."""
    output = io.StringIO()
    call_command("make_login_link", "reader", *arguments, stdout=output)
    printed = urlsplit(output.getvalue().strip())
    assert f"{printed.scheme}://{printed.netloc}" == "http://localhost:8000"
    return f"{printed.path}?{printed.query}"


def token_of(path: str) -> str:
    return parse_qs(urlsplit(path).query)["token"][0]


def is_in(visitor: Client) -> bool:
    return visitor.get("/authenticated/").status_code == 200


@pytest.mark.usefixtures("reader")
class TestLink:
    def test_logs_in_and_leads_to_an_address_without_it(self, visitor: Client) -> None:
        response = visitor.get(link())
        assert (response.status_code, response["Location"]) == (302, "/courses/")
        assert "no-store" in response["Cache-Control"]
        assert response["Referrer-Policy"] == "no-referrer"
        assert visitor.get("/courses/").status_code == 200
        cookie = response.cookies["sessionid"]
        assert cookie["httponly"]
        # It ends with the browser.
        assert not cookie["max-age"]

    def test_works_once(self, visitor: Client) -> None:
        path = link()
        visitor.get(path)
        again = Client(raise_request_exception=False, **LOCAL)
        problem_of(again.get(path), 403, "login_link_invalid")
        assert not is_in(again)
        assert is_in(visitor)

    def test_works_for_five_minutes(self, visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        early, late = link(), link()
        now = timezone.now()
        monkeypatch.setattr(timezone, "now", lambda: now + timedelta(minutes=5, seconds=1))
        problem_of(visitor.get(late), 403, "login_link_invalid")
        monkeypatch.setattr(timezone, "now", lambda: now + timedelta(minutes=4, seconds=55))
        assert visitor.get(early).status_code == 302

    def test_each_is_another_one_of_many_bits(self) -> None:
        tokens = {token_of(link()) for _ in range(3)}
        assert len(tokens) == 3
        assert all(len(token) == 43 for token in tokens)

    @pytest.mark.parametrize("token", ["", "x", "x" * 5000, "ä", "%00", "[]"])
    def test_a_made_up_one_is_refused(self, visitor: Client, token: str) -> None:
        link()
        response = visitor.get(f"/api-auth/link?token={token}")
        assert response.status_code in (400, 403)
        assert not is_in(visitor)

    def test_the_key_of_an_ordinary_session_is_none(self, visitor: Client, browser: Client) -> None:
        stored = Session.objects.get()
        Session.objects.filter(pk=stored.pk).update(session_key=login_links.digest("guessed"))
        problem_of(visitor.get("/api-auth/link?token=guessed"), 403, "login_link_invalid")
        assert Session.objects.exists()

    def test_what_is_stored_of_it_opens_nothing(self, visitor: Client) -> None:
        path = link()
        stored = Session.objects.get()
        assert token_of(path) not in stored.session_key + stored.session_data
        visitor.cookies["sessionid"] = stored.session_key
        assert not is_in(visitor)
        problem_of(visitor.get(f"/api-auth/link?token={stored.session_key}"), 403, "login_link_invalid")

    @pytest.mark.parametrize(
        "elsewhere",
        [
            {"REMOTE_ADDR": "192.0.2.7"},
            {"REMOTE_ADDR": "10.0.0.1"},
            {"REMOTE_ADDR": "::ffff:192.0.2.7"},
            {"REMOTE_ADDR": ""},
            {"REMOTE_ADDR": "unknown"},
            {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
            {"HTTP_FORWARDED": "for=127.0.0.1"},
            {"HTTP_X_REAL_IP": "127.0.0.1"},
            {"HTTP_VIA": "1.1 proxy"},
            {"SERVER_NAME": "testserver"},
        ],
        ids=str,
    )
    def test_works_on_this_machine_only_and_is_not_used_up_elsewhere(
        self, visitor: Client, elsewhere: dict[str, str]
    ) -> None:
        path = link()
        problem_of(Client(**LOCAL | elsewhere).get(path), 403, "login_link_not_local")
        assert visitor.get(path).status_code == 302

    @pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
    def test_works_by_each_local_address(self, address: str) -> None:
        assert Client(**LOCAL | {"REMOTE_ADDR": address}).get(link()).status_code == 302

    def test_is_off_by_default(self, visitor: Client, settings: Any) -> None:
        path = link()
        settings.LOGIN_LINKS = False
        problem_of(visitor.get(path), 404, "not_found")
        settings.LOGIN_LINKS = True
        assert visitor.get(path).status_code == 302

    @pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS"])
    def test_other_methods_do_not_use_it_up(self, visitor: Client, method: str) -> None:
        path = link()
        assert visitor.generic(method, path).status_code == 405
        assert visitor.get(path).status_code == 302

    @pytest.mark.parametrize(
        ("name", "value"), [("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch"), ("x-moz", "prefetch")]
    )
    def test_loading_it_in_advance_does_not_use_it_up(self, visitor: Client, name: str, value: str) -> None:
        path = link()
        assert visitor.get(path, headers={name: value}).status_code == 403
        assert visitor.get(path).status_code == 302

    def test_a_used_one_leads_on(self, visitor: Client) -> None:
        path = link()
        visitor.get(path)
        html = error_page_of(visitor.get(path, headers={"accept": HTML}), 403, "login_link_invalid")
        assert "make login-link" in html

    def test_its_token_is_not_in_the_log(self, visitor: Client, caplog: pytest.LogCaptureFixture) -> None:
        path = link()
        for _ in range(2):
            visitor.get(path)
        assert "/api-auth/link" in caplog.text
        assert token_of(path) not in caplog.text

    def test_a_session_from_before_is_not_gone_on_with(self, visitor: Client) -> None:
        visitor.force_login(User.objects.create(username="another"))
        before = visitor.cookies["sessionid"].value
        visitor.get(link())
        assert visitor.cookies["sessionid"].value != before
        assert not Session.objects.filter(session_key=before).exists()


class TestScope:
    @pytest.fixture
    def limited(self) -> User:
        user = User.objects.create(username="reader")
        give_key(user, "limited", Limits(courses=frozenset({"a/b/c"})))
        make.EnrollmentFactory()
        make.EnrollmentFactory(course_id="a/b/c")
        return user

    def test_of_a_key_is_that_of_the_session(self, visitor: Client, limited: User) -> None:
        key = Key.objects.get(user=limited)
        visitor.get(link("--key", key.key_id))
        assert visitor.get("/courses/a/b/c/").status_code == 200
        assert visitor.get(f"/courses/{make.COURSE_ID}/").status_code == 403
        # It ends with the key.
        key.revoked = 1.0
        key.save()
        assert visitor.get("/courses/").status_code == 401

    def test_is_never_more_than_that_of_the_keys(self, limited: User) -> None:
        with pytest.raises(CommandError, match="limited: name one"):
            link()

    @pytest.mark.parametrize(
        ("arguments", "said"), [(("nobody",), "no active user"), (("reader", "--key", "set_nothing"), "no usable key")]
    )
    def test_an_unknown_user_or_key_is_refused(self, limited: User, arguments: tuple[str, ...], said: str) -> None:
        with pytest.raises(CommandError, match=re.escape(said)):
            call_command("make_login_link", *arguments)

    def test_an_inactive_user_gets_none(self, limited: User, visitor: Client) -> None:
        give_key(limited, "whole")
        path = link()
        limited.is_active = False
        limited.save()
        problem_of(visitor.get(path), 403, "login_link_invalid")
        with pytest.raises(CommandError, match="no active user"):
            link()
