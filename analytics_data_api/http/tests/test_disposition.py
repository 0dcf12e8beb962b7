"""The name under which a browser saves an answer."""

from email.message import Message
from urllib.parse import unquote

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from analytics_data_api.http.disposition import attachment
from analytics_data_api.tables.tests import factories as make


@pytest.mark.parametrize(
    "name",
    ["edX-DemoX-Demo_Course--enrollment.csv", "a.b", "MITx-6.00.1x-T1--enrollment_mode.csv", "a!#$%&'*+.^_`|~-b"],
)
def test_a_token_stands_without_quotation_marks(name: str) -> None:
    assert attachment(name) == f"attachment; filename={name}"


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("my course.csv", '"my course.csv"'),
        ("a;b.csv", '"a;b.csv"'),
        ("a=b,c(d).csv", '"a=b,c(d).csv"'),
        ('say "hi".csv', r'"say \"hi\".csv"'),
        (r"back\slash.csv", r'"back\\slash.csv"'),
        ("", '""'),
    ],
)
def test_anything_else_is_quoted(name: str, quoted: str) -> None:
    assert attachment(name) == f"attachment; filename={quoted}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Málaga-X-1--videos.csv", "filename=Malaga-X-1--videos.csv; filename*=UTF-8''M%C3%A1laga-X-1--videos.csv"),
        ("é x.csv", "filename=\"e x.csv\"; filename*=UTF-8''%C3%A9%20x.csv"),
        ("北京-1.csv", "filename=-1.csv; filename*=UTF-8''%E5%8C%97%E4%BA%AC-1.csv"),
        ("é'%*(;.csv", "filename=\"e'%*(;.csv\"; filename*=UTF-8''%C3%A9%27%25%2A%28%3B.csv"),
        ("\U0001f393.csv", "filename=.csv; filename*=UTF-8''%F0%9F%8E%93.csv"),
    ],
)
def test_a_name_beyond_ascii_is_given_in_full_as_well(name: str, value: str) -> None:
    assert attachment(name) == f"attachment; {value}"


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
def test_any_name_can_be_read_back(name: str) -> None:
    value = attachment(name)
    assert value.isascii()
    if not name.isascii():
        plain, _, extended = value.partition("; filename*=UTF-8''")
        assert unquote(extended) == name
        value = plain
    else:
        message = Message()
        message["content-disposition"] = value
        assert message.get_filename() == name
    assert value.startswith("attachment; filename=")


@pytest.mark.django_db(databases=["default", "analytics"])
@pytest.mark.parametrize(
    ("course_id", "file_name"),
    [
        ("edX/DemoX/Demo_Course", "filename=edX-DemoX-Demo_Course--enrollment.csv"),
        ("course-v1:edX+DemoX+Run.1", "filename=edX-DemoX-Run.1--enrollment.csv"),
        (
            "course-v1:Málaga+X+1",
            "filename=Malaga-X-1--enrollment.csv; filename*=UTF-8''M%C3%A1laga-X-1--enrollment.csv",
        ),
        ('course-v1:a;b+c"d+e f', r'filename="a;b-c\"d-e f--enrollment.csv"'),
    ],
)
@pytest.mark.parametrize("asked_by", ["format", "accept"])
def test_csv_is_named_after_the_course(client: Client, course_id: str, file_name: str, asked_by: str) -> None:
    make.EnrollmentFactory(course_id=course_id)
    path = f"/api/v0/courses/{course_id}/enrollment"
    if asked_by == "format":
        response = client.get(path, query_params={"format": "csv"})
    else:
        response = client.get(path, headers={"accept": "text/csv"})
    assert response.status_code == 200
    assert response["Content-Disposition"] == f"attachment; {file_name}"


@pytest.mark.django_db(databases=["default", "analytics"])
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_what_is_read_on_the_spot_has_no_file_name(client: Client, accept: str) -> None:
    make.EnrollmentFactory()
    response = client.get(f"/api/v0/courses/{make.COURSE_ID}/enrollment", headers={"accept": accept})
    assert response.status_code == 200
    assert "Content-Disposition" not in response
