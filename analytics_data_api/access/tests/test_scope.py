"""Every endpoint, with every kind of key, in every format."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any, Final
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connections, transaction
from django.db.models import IntegerField
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analytics_data_api.access.keys import Limits
from analytics_data_api.access.scope import Access, Scope
from analytics_data_api.access.tests.worlds import (
    ALIKE,
    COURSES,
    LIMITED,
    OTHER,
    SECOND,
    WHOLE,
    course_of_video,
    give_keys,
    has_course,
    keep_only,
    make_world,
    tables,
)
from analytics_data_api.http.negotiation import program_formats
from analytics_data_api.http.tests.shape import problem_of
from analytics_data_api.tables.models import Video, VideoTimeline
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tables.tests.factories import COURSE_ID
from analytics_data_api.tests.cases import CASES, IDS, address
from analytics_data_api.versions import ENDPOINTS
from conftest import give_key

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

every_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS)

# What its answer is depends on the key itself.
ABOUT_THE_KEY: Final = ("v1/key",)
# Rows of this table have no course; a limited key is not told of them.
WITHOUT_COURSE: Final = "video_timeline"


# One for all requests, as each would set all middlewares up.
CLIENT: Final = Client(raise_request_exception=False)


def get(key: str | None, path: str, *, if_none_match: str | None = None, **parameters: str) -> Any:
    headers = {} if key is None else {"authorization": f"Token {key}"}
    headers |= {} if if_none_match is None else {"if-none-match": if_none_match}
    return CLIENT.get(path, query_params=parameters, headers=headers)


def formats(endpoint: str) -> list[str]:
    return program_formats(ENDPOINTS[endpoint].renderer_classes)


def path_of(endpoint: str, **ids: str) -> str:
    return f"/api/{address(endpoint, **ids)}"


@contextmanager
def rows_of(courses: set[str]) -> Iterator[None]:
    """Within it, the tables have the rows of some courses only."""
    with transaction.atomic(using="analytics"):
        keep_only(courses)
        yield
        transaction.set_rollback(True, using="analytics")


@pytest.fixture(scope="module", autouse=True)
def _rows(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The rows of the world, which each test may change for itself."""
    with django_db_blocker.unblock(), transaction.atomic(using="analytics"):
        make_world()
        yield
        transaction.set_rollback(True, using="analytics")


@pytest.fixture
def _world(reader: User) -> None:
    give_keys(reader)


def comparable(endpoint: str, response: Any) -> tuple[int, Any]:
    """Return the status and the body, but for what a limited key is not told in any case."""
    if endpoint == "v1/tables" and response.status_code == 200 and "json" in response["Content-Type"]:
        rows = [json.loads(line) for line in response.content.splitlines()]
        rows = rows[0] if isinstance(rows[0], list) else rows
        return 200, [row for row in rows if row["table"] != WITHOUT_COURSE]
    if endpoint == "v1/tables" and "csv" in response["Content-Type"]:
        return 200, [line for line in response.content.splitlines() if WITHOUT_COURSE.encode() not in line]
    return response.status_code, response.content


@every_endpoint
@pytest.mark.parametrize("key", LIMITED)
@pytest.mark.usefixtures("_world")
def test_a_limited_key_gets_what_a_whole_key_gets_of_a_database_with_its_courses_only(endpoint: str, key: str) -> None:
    view: Any = ENDPOINTS[endpoint]
    if endpoint in ABOUT_THE_KEY or view.is_report_file:
        return
    addresses = [path_of(endpoint)]
    if view.entity is None:
        named = f"?course_ids={COURSE_ID}"
        addresses += [path_of(endpoint) + named] if any(each.name == "course_ids" for each in view.query) else []
    names = [each for each in formats(endpoint) if endpoint != "v1/tables" or each in ("json", "csv")]
    whole = {name: get(WHOLE, addresses[0], format=name) for name in names}
    assert {response.status_code for response in whole.values()} == {200}
    _, courses = LIMITED[key]
    sent = [path + ("&" if "?" in path else "?") + f"format={name}" for path in addresses for name in names]
    given = [get(key, path) for path in sent]
    if view.entity == "course_id" and COURSE_ID not in courses:
        for response in given:
            problem_of(response, 403, "course_not_allowed")
        return
    with rows_of(courses):
        oracle = [get(WHOLE, path) for path in sent]
    for path, response, expected in zip(sent, given, oracle, strict=True):
        if "course_ids" in path and COURSE_ID not in courses:
            problem_of(response, 403, "course_not_allowed")
        else:
            assert comparable(endpoint, response) == comparable(endpoint, expected), path


@every_endpoint
def test_a_key_that_is_none_gets_nothing(reader: User, endpoint: str) -> None:
    give_key(reader, "ended", expires=1.0)
    give_key(reader, "revoked", revoked=1.0)
    give_key(reader, "revoked-and-ended", revoked=1.0, expires=1.0)
    refused = {"ended": "key_expired", "revoked": "key_revoked", "revoked-and-ended": "key_revoked"}
    refused |= {"unknown": "authentication_failed"}
    for name in formats(endpoint):
        for key, code in refused.items():
            response = get(key, path_of(endpoint), format=name)
            problem_of(response, 401, code)
            assert response["WWW-Authenticate"] == "Token"
        problem_of(get(None, path_of(endpoint), format=name), 401, "not_authenticated")
    User.objects.update(is_active=False)
    problem_of(get(WHOLE, path_of(endpoint)), 401, "authentication_failed")


# MySQL has no version of a table that was changed just now.
@pytest.mark.sqlite_only
@every_endpoint
@pytest.mark.usefixtures("_world")
def test_an_etag_of_one_scope_never_matches_in_another(endpoint: str) -> None:
    tags = {}
    for key in (WHOLE, *LIMITED):
        response = get(key, path_of(endpoint))
        if response.status_code == 200 and "ETag" in response:
            tags[key] = response["ETag"]
    assert len(set(tags.values())) == len(tags)
    assert tags or not CASES[endpoint].queries
    for key in (WHOLE, *LIMITED):
        own = tags.get(key)
        # One of them that matched would be enough.
        others = ", ".join(tag for tag in tags.values() if tag != own) or '"x"'
        for sent in (others, "*") if own is None else (others, own, f'{own}, "x"', f"{others}, {own}"):
            response = get(key, path_of(endpoint), if_none_match=sent)
            assert (response.status_code == 304) == (own is not None and own in sent), (key, sent)


@every_endpoint
@pytest.mark.usefixtures("_world")
def test_an_unknown_course_and_one_that_is_not_allowed_cannot_be_told_apart(endpoint: str) -> None:
    """Not by the response, and not by the queries that are made before it, so not by the time that they take."""
    entity: Any = ENDPOINTS[endpoint].entity
    if entity is None:
        return
    unknown = {"course_id": "ed_/DemoX/Unknown"}.get(entity, "ed_/DemoX/Unknown|x")
    present = OTHER if entity == "course_id" else address(endpoint, **dict.fromkeys(IDS, ""))
    if entity != "course_id":
        # With a key that may see none of the courses that have it.
        key, ids = "nowhere", (IDS[entity], unknown)
    else:
        key, ids = "course", (present, unknown)
    seen = []
    for each in ids:
        with (
            CaptureQueriesContext(connections["default"]) as users,
            CaptureQueriesContext(connections["analytics"]) as data,
        ):
            response = get(key, path_of(endpoint, **{entity: each}))
        body = response.content.decode().replace(each, "…").replace(quote(each, safe=""), "…")
        seen.append((response.status_code, body, len(users), len(data) if entity == "course_id" else 0))
    if entity == "course_id":
        assert seen[0] == seen[1]
        assert seen[0][0] == 403
        assert seen[0][3] == 0
    else:
        assert seen[0][:2] == seen[1][:2]
        assert seen[0][0] == 404


@pytest.mark.parametrize("endpoint", [endpoint for endpoint, view in ENDPOINTS.items() if view.is_report_file])
class TestReports:
    @pytest.mark.usefixtures("_world")
    def test_need_a_right_of_their_own(self, reader: User, endpoint: str) -> None:
        give_key(reader, "reports", Limits(frozenset({COURSE_ID}), reports=True))
        give_key(reader, "reports-elsewhere", Limits(frozenset({OTHER}), reports=True))
        give_key(reader, "few", Limits(min_count=5))
        path = path_of(endpoint)
        assert [get(key, path).status_code for key in (WHOLE, "reports")] == [200, 200]
        for key in ("course", "org", "few"):
            problem_of(get(key, path), 403, "reports_not_allowed")
        for key in ("other", "nowhere", "reports-elsewhere"):
            problem_of(get(key, path), 403, "course_not_allowed")

    @pytest.mark.usefixtures("_world")
    def test_whose_name_another_course_shares_are_not_there(self, reader: User, endpoint: str) -> None:
        give_key(reader, "reports", Limits(frozenset({COURSE_ID}), reports=True))
        make.VideoFactory(course_id="edX_DemoX/Demo/Course")
        make.VideoFactory(course_id="course-v1:edX+DemoX+Demo_Course")
        unknown = get("reports", path_of(endpoint, report_name="unknown"))
        body = problem_of(get("reports", path_of(endpoint)), 404, "report_file_not_found")
        assert body["detail"] == unknown.json()["detail"].replace("unknown", "problem_response")
        assert get(WHOLE, path_of(endpoint)).status_code == 200

    @pytest.mark.usefixtures("_world")
    def test_of_a_course_that_is_not_on_record_are_not_there(self, reader: User, endpoint: str) -> None:
        give_key(reader, "reports", Limits(orgs=frozenset({"Uni_A"}), reports=True))
        # The file of Uni/A_B/2020 has the same name.
        path = path_of(endpoint, course_id="Uni_A/B/2020")
        storages["reports"].save("Uni_A_B_2020_problem_response.csv", ContentFile(b"id,answer\r\n"))
        problem_of(get("reports", path), 404, "report_file_not_found")
        make.VideoFactory(course_id="Uni_A/B/2020")
        assert get("reports", path).status_code == 200


@pytest.mark.parametrize("endpoint", ["v1/enrollment", "v0/course_summaries", "v0/course_totals", "v1/courses"])
@pytest.mark.parametrize("of_org", [False, True])
@pytest.mark.usefixtures("_world")
def test_a_scope_of_thousands(reader: User, endpoint: str, of_org: bool) -> None:
    courses = frozenset({COURSE_ID, *(f"edX/Course{number}/2015" for number in range(1500))})
    give_key(reader, "many", Limits(courses, frozenset({"edX"} if of_org else ())))
    given = get("many", path_of(endpoint)).content
    with rows_of(LIMITED["org" if of_org else "course"][1]):
        assert given == get(WHOLE, path_of(endpoint)).content


@pytest.mark.parametrize("name", ["small_scope", "scope_entries"])
def test_requests_read_their_scopes_at_the_same_time(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    both = Barrier(2, timeout=10)

    def wait_for_the_other(access: Access, most: int | None) -> Iterator[tuple[str, str]]:
        both.wait()
        return iter([("course", COURSE_ID)])

    monkeypatch.setattr(Access, "read_entries", wait_for_the_other)
    with ThreadPoolExecutor(2) as threads:
        scopes = list(threads.map(getattr, [Access.without_key(is_session=False) for _ in range(2)], [name] * 2))
    assert scopes == [Scope(frozenset({COURSE_ID}), frozenset())] * 2


class TestVideos:
    """A video's course has to be allowed by its id and by its rows."""

    @pytest.mark.usefixtures("_world")
    @pytest.mark.parametrize("key", ["course", "org", "both", "other"])
    def test_by_id_and_row(self, key: str) -> None:
        allowed = LIMITED[key][1]
        for by_id in (*COURSES, None):
            for by_rows in ((), *((course,) for course in COURSES), (COURSE_ID, OTHER)):
                video = f"{by_id}|new" if by_id else "new"
                Video.objects.filter(pipeline_video_id=video).delete()
                VideoTimeline.objects.filter(pipeline_video_id=video).delete()
                make.TimelineFactory(pipeline_video_id=video, num_users=5)
                for course in by_rows:
                    make.VideoFactory(course_id=course, encoded_module_id="new", pipeline_video_id=video)
                known = {*by_rows, *([by_id] if by_id else [])}
                response = get(key, f"/api/v0/videos/{quote(video)}/timeline/")
                assert response.status_code == (200 if known and known <= allowed else 404), (by_id, by_rows)

    @pytest.mark.usefixtures("_world")
    def test_the_list_of_a_course_leaves_out_ids_of_other_courses(self) -> None:
        path = path_of("v0/courses/{course_id}/videos")
        before = get("course", path).content
        make.VideoFactory(course_id=COURSE_ID, encoded_module_id="odd", pipeline_video_id=f"{OTHER}|odd")
        assert get("course", path).content == before
        assert b"|odd" in get(WHOLE, path).content

    @pytest.mark.usefixtures("_world")
    def test_the_list_of_a_course_has_the_videos_whose_timeline_is_there(self) -> None:
        for video, courses in {
            "a": [COURSE_ID],
            "b": [COURSE_ID, SECOND],
            f"{COURSE_ID}|c": [COURSE_ID, SECOND],
        }.items():
            make.TimelineFactory(pipeline_video_id=video)
            for course in courses:
                make.VideoFactory(course_id=course, encoded_module_id=video[-1], pipeline_video_id=video)
        for key, expected in {"course": ["a"], "org": ["a", "b", f"{COURSE_ID}|c"]}.items():
            items = get(key, path_of("v0/courses/{course_id}/videos")).json()
            found = [item["pipeline_video_id"] for item in items if item["encoded_module_id"] in "abc"]
            assert found == expected
            for video in ("a", "b", f"{COURSE_ID}|c"):
                status = get(key, f"/api/v0/videos/{quote(video)}/timeline/").status_code
                assert status == (200 if video in expected else 404)

    @pytest.mark.sqlite_only
    @pytest.mark.usefixtures("_world")
    def test_a_change_of_the_row_is_a_change_of_the_answer(self) -> None:
        path = path_of("v0/videos/{video_id}/timeline")
        client = Client(headers={"authorization": "Token course"})
        tag = client.get(path)["ETag"]
        assert client.get(path, headers={"if-none-match": tag}).status_code == 304
        make.VideoFactory(course_id=OTHER, pipeline_video_id=make.VIDEO_ID, encoded_module_id="i4x-edX-DemoX-video-v1")
        assert client.get(path, headers={"if-none-match": tag}).status_code == 404


# Numbers and texts that only rows of other courses have.
MARK: Final = 98_765_000
MARKED: Final = re.compile(rb"987650\d\d|Forbidden title|forbidden-program")


def mark_others() -> None:
    """Give the rows of other courses than COURSE_ID numbers that are found in any response."""
    number = MARK
    for model in tables():
        for row in model.objects.all():
            of = row.course_id if has_course(model) else course_of_video(row.pipeline_video_id)
            if of == COURSE_ID:
                continue
            for field in model._meta.concrete_fields:
                if isinstance(field, IntegerField) and not field.primary_key and field.name != "segment":
                    number = MARK + (number - MARK + 1) % 100
                    setattr(row, field.name, number)
            for name in ("catalog_course_title", "program_title", "problem_display_name", "question_text"):
                if hasattr(row, name):
                    setattr(row, name, "Forbidden title")
            row.save()


Attempt = tuple[str, str, dict[str, Any]]

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"

SPELLINGS: Final = sorted(
    {
        *(OTHER, OTHER.replace("/", "+"), OTHER.replace("_", "%5F"), OTHER.replace("/", "%2F"), OTHER.upper()),
        *(OTHER.replace("/", "%252F"), OTHER.replace("/", "%2f"), f"{OTHER}%20", f"%20{OTHER}", f"{OTHER}%00"),
        *(f"{OTHER}%0A", f"{COURSE_ID}/../../../{OTHER}", f"{COURSE_ID}/..%2f..%2f..%2f{OTHER}", f"./{OTHER}"),
        *(f"{COURSE_ID},{OTHER}", f"{COURSE_ID}%2C{OTHER}", f"{COURSE_ID};{OTHER}", f"{COURSE_ID}%3B{OTHER}"),
        *(f"{COURSE_ID}%23{OTHER}", f"{COURSE_ID}|{OTHER}", f"%E2%80%8B{OTHER}", f"{OTHER}%EF%BC%8F", f"//{OTHER}"),
        *(f"course-v1:{OTHER.replace('/', '+')}", f"xcourse-v1:{OTHER}", ALIKE, SECOND, quote(SECOND, safe="")),
        *("edX%2FDemoX%2Fdemo_course", "edX/DemoX/Demo_Course%20", "edX/DemoX/Demo%5FCourse2", "edX/DemoX/%25"),
        *("edX/DemoX/_emo_Course", "%25/%25/%25", "edX%5C%27 OR 1=1/x/y", "edX/DemoX/Demo_Course' OR '1'='1"),
    }
)
QUERIES: Final = (
    *("", "course_ids=", f"course_ids={OTHER}", f"course_ids={COURSE_ID},{OTHER}", "org=ed_", "org=edX", "org=edX,ed_"),
    *(f"course_ids={COURSE_ID}&course_ids={OTHER}", f"course_ids={SECOND.replace('+', '%20')}", "org=%25", "limit=1"),
    *("search=DemoX", "search=%25", "search=Forbidden", "text_search=Forbidden", "sort=-count", "limit=10000"),
    *("order_by=count&sort_order=desc", "programs=true", "program_ids=forbidden-program", "recent_date=2014-12-09"),
    *("start_date=2000-01-01", "last=10", "interval=month&last=100", "fields=count", "exclude=count", "format=csv"),
    *("availability=Current,unknown", "pacing_type=unknown", "last=1&limit=1", "org=ed_&course_ids="),
)


def attempts(whole: dict[str, Any]) -> Iterator[Attempt]:
    """Yield requests: a method, an address as it is sent, and further arguments of the test client.

    Args:
        whole: ETags and cursors that a key without a limit has got, by address.
    """
    for endpoint, view in ENDPOINTS.items():
        entity: Any = view.entity
        of_kind = {"course_id": of_course, None: of_many}.get(entity, of_entity)
        yield from of_kind(endpoint)
        for suffix in ("", "/", *(f".{name}" for name in formats(endpoint))):
            yield "GET", path_of(endpoint, course_id=OTHER).rstrip("/") + suffix, {}
        for path in {path_of(endpoint), path_of(endpoint, course_id=OTHER)}:
            yield from with_headers(path, whole["tags"])
    for path, cursor in whole["cursors"]:
        yield "GET", f"{path}{'&' if '?' in path else '?'}cursor={cursor}", {}


def of_course(endpoint: str) -> Iterator[Attempt]:
    for spelled in SPELLINGS:
        yield "GET", f"/api/{endpoint.format(**IDS | {'course_id': spelled})}", {}
    for query in ("fields=count", "start_date=2000-01-01", f"course_ids={COURSE_ID}", f"course_id={COURSE_ID}"):
        yield "GET", f"{path_of(endpoint, course_id=OTHER)}?{query}", {}


def of_entity(endpoint: str) -> Iterator[Attempt]:
    entity: Any = ENDPOINTS[endpoint].entity
    for course in (OTHER, SECOND, ALIKE):
        sent = IDS[entity].replace(COURSE_ID, course)
        for spelled in (sent, quote(sent, safe=""), f"{sent}%20", sent.upper()):
            yield "GET", f"/api/{endpoint.format(**{entity: spelled})}", {}
    yield "GET", f"{path_of(endpoint)}?course_id={OTHER}&course_ids={OTHER}&fields=count,num_users", {}


def of_many(endpoint: str) -> Iterator[Attempt]:
    for query in QUERIES:
        yield "GET", f"{path_of(endpoint)}?{query}", {}
    for named in ([OTHER], [COURSE_ID, OTHER], f"{COURSE_ID},{OTHER}", [SECOND], OTHER, [], None, {"a": OTHER}):
        for name in ("course_ids", "org"):
            yield "POST", path_of(endpoint), {"data": json.dumps({name: named}), "content_type": JSON}
    for form in (f"course_ids={OTHER}", "", f"course_ids={COURSE_ID}&course_ids={OTHER}", "org=ed_", "org=edX"):
        yield "POST", path_of(endpoint), {"data": form, "content_type": FORM}


def with_headers(path: str, tags: list[str]) -> Iterator[Attempt]:
    for method in ("HEAD", "OPTIONS", "POST", "PUT"):
        yield method, path, {}
    for headers in (
        *({"if-none-match": tag} for tag in tags),
        *({"if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT"}, {"if-none-match": "*"}, {"if-match": "*"}),
        *({"range": "bytes=0-"}, {"accept": "text/html"}, {"x-http-method-override": "GET"}),
        *({"x-original-url": path}, {"x-rewrite-url": path}, {"cookie": "api_key=x"}),
        {"authorization": f"Basic {b64encode(b'whole-user:course').decode()}"},
        {"authorization": "Bearer course"},
    ):
        yield "GET", path, {"headers": headers}


def gathered(whole: dict[str, Any]) -> int:
    """Gather the ETags and cursors of a key without a limit; return how many endpoints show it marked rows."""
    marked = 0
    for endpoint in ENDPOINTS:
        responses = [get(WHOLE, path) for path in (path_of(endpoint), path_of(endpoint, course_id=OTHER))]
        marked += any(MARKED.search(response.content) for response in responses)
        whole["tags"] = [*whole["tags"], *(each["ETag"] for each in responses if "ETag" in each)][-3:]
        for query in ("?limit=1", "?limit=2", "?limit=1&sort=-count") if ENDPOINTS[endpoint].entity is None else ():
            link = get(WHOLE, path_of(endpoint) + query).headers.get("Link", "")
            whole["cursors"] += [(path_of(endpoint) + query, found) for found in re.findall(r"cursor=([^&>]+)", link)]
    return marked


@pytest.mark.slow
@pytest.mark.usefixtures("_world")
def test_attempts_to_see_another_courses_numbers(record_property: Any) -> None:
    mark_others()
    whole: dict[str, Any] = {"tags": [], "cursors": []}
    assert gathered(whole) > len(ENDPOINTS) - 12
    assert whole["cursors"]
    key = Client(headers={"authorization": "Token course"}, raise_request_exception=False)
    session = Client(raise_request_exception=False)
    assert session.post("/api-auth/login/", {"key": "course"}).status_code == 302
    tried, statuses = 0, set()
    for method, path, arguments in attempts(whole):
        for client in (key, session) if method == "GET" and "headers" not in arguments else (key,):
            response = client.generic(method, path, **arguments)
            tried += 1
            statuses.add(response.status_code)
            body = response.getvalue() if response.streaming else response.content
            assert not MARKED.search(body), (method, path, arguments)
            assert not (response.status_code == 304 and response["ETag"] in whole["tags"]), (method, path)
    record_property("attempts", tried)
    assert tried > 4000
    assert statuses <= {200, 302, 304, 400, 403, 404, 405, 406, 412, 415, 416, 501}
