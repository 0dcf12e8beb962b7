"""Ids of courses, and the addresses that have them."""

import pytest

from analytics_data_api.computing.course_ids import course_of_address, is_course_id

LONGEST = f"O/C/{'r' * 251}"


@pytest.mark.parametrize(
    "text",
    [
        "course-v1:Org+CS-1+2025_T1",
        "course-v1:a~b.c:d+-+_",
        "course-v1:Ünï+物理+٣",
        "course-v1:½+Ⅷ+²",
        "ccx-v1:Org+CS1+2025+ccx@15",
        "OldU/Calc.1x/2014_T1",
        "Ünï/Phy-2/2015a",
        "a%20b/c/d",
        LONGEST,
    ],
)
def test_ids(text: str) -> None:
    assert is_course_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "library-v1:Org+Lib",
        "library-v1:Org+Lib+1",
        "course-v1:Org+CS1",
        "course-v1:Org+CS1+2025+more",
        "course-v1:Org+CS1+",
        "course-v1:Org+C S+2025",
        "course-v1:Org+CS%1+2025",
        "course-v1:Org+CS1+2025\n",
        "course-v2:Org+CS1+2025",
        "ccx-v1:Org+CS1+2025",
        "ccx-v1:Org+CS1+2025+ccx@",
        "ccx-v1:Org+CS1+2025+ccx@x",
        "Org Lib/1",
        "Org/Lib/1/2",
        "Org/Lib/1 ",
        "Org/Li:b/1",
        "Org/Li~b/1",
        "Org//1",
        "course-v1:O+C+e\u0301",
        f"{LONGEST}r",
    ],
)
def test_no_ids(text: str) -> None:
    assert not is_course_id(text)


@pytest.mark.parametrize(
    ("address", "course"),
    [
        ("https://lms/courses/course-v1:O+C+R/info", "course-v1:O+C+R"),
        ("/courses/course-v1:O+C+R", "course-v1:O+C+R"),
        ("/courses/course-v1:O+C+R?a=/b", "course-v1:O+C+R"),
        ("/courses/O/C/R/courseware/", "O/C/R"),
        ("/courses/O/C/R?x", "O/C/R"),
        ("/courses/Ü/物/٣", "Ü/物/٣"),
        ("/api/courses/v1/courses/course-v1:O+C+R/", "course-v1:O+C+R"),
        ("/courses/v2/courses/O/C/R", "O/C/R"),
        ("/courses/vN/x/y", "vN/x/y"),
        ("/xblock/block-v1:O+C+R+type@vertical+block@1", "course-v1:O+C+R"),
        ("/courses/course-v1:A+B+C/xblock/block-v1:O+C+R+type@html+block@1/h", "course-v1:O+C+R"),
        ("/courses/course-v1:A+B+C/xblock/i4x://x", "course-v1:A+B+C"),
        ("/courses/course-v1:A+B+C/xblock/block-v1:O+C+type@html", "course-v1:A+B+C"),
        ("/courses/course-v1:O%2BC+C+R/info", None),
        ("/courses/course-v1%3AO+C+R/info", None),
        ("/courses/course-v1:O+C+R#top", None),
        ("/courses/course-v1:O+C+R;a", None),
        ("/courses/ccx-v1:O+C+R+ccx@1/info", None),
        ("/courses/v2/x/y/z", None),
        ("/courses/O/C", None),
        ("/courses/O/C/", None),
        ("/course/O/C/R", None),
        (f"/courses/{LONGEST}", LONGEST),
        (f"/courses/{LONGEST}r", None),
        (f"/xblock/block-v1:O+C+{'r' * 250}+type@a", None),
        ("", None),
    ],
)
def test_addresses(address: str, course: str | None) -> None:
    assert course_of_address(address) == course


def test_long_addresses_take_no_time() -> None:
    assert course_of_address("/courses/" * 500_000) is None
    assert course_of_address("/courses/" + "a" * 5_000_000) is None
    assert course_of_address("/courses/course-v1:" + "a+" * 2_000_000) is None
