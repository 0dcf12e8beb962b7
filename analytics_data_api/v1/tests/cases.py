"""The cases of version 1: those of version 0, and one for each endpoint that differs."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from analytics_data_api.tables.tests import factories as make
from analytics_data_api.v0.tests import cases
from analytics_data_api.v0.tests.cases import EARLIER, LATER, Case
from conftest import KEY_ID

# Comes before the course of the other cases, and has an earlier latest date.
OTHER: Final = "course-v1:edX+DemoX+2015"
# No id of a course; lists leave it out.
NO_COURSE: Final = "edX"


def with_other(rows: Callable[[], None], factory: Any, **values: Any) -> Callable[[], None]:
    """Return a function that makes the rows of a case, one of another course, and one of what is no course."""

    def make_rows() -> None:
        rows()
        for course_id in (OTHER, NO_COURSE):
            factory(course_id=course_id, **values)

    return make_rows


def of_courses(path: str, file: str, rows: Callable[[], None], item: str, line: str) -> Case:
    """Return the case of a list that goes on with the items of the case of one course.

    Args:
        path: The path of that case.
        file: The name of a CSV answer.
        rows: Makes the rows.
        item: The item of the other course.
        line: The same in CSV.
    """
    one = CASES_OF_ONE[path]
    header, lines = one.csv.split("\n", 1)
    csv = f"{header}\n{line}\n{lines}"
    return replace(one, rows=rows, json=f"[{item},{one.json[1:]}", csv=csv, file=file, queries=4)


def courses() -> None:
    make.EnrollmentFactory(count=1892)
    make.EnrollmentFactory(date=make.DAY - timedelta(days=7), count=1792)
    make.EnrollmentFactory(date=make.DAY - timedelta(days=8), count=2000)
    make.EnrollmentFactory(course_id=OTHER, date=EARLIER, count=5)
    make.SummaryFactory(catalog_course_title="Demonstration Course")
    make.GradeFactory(course_id="edX/Empty/2015")
    make.GradeFactory(course_id=NO_COURSE)


def tables() -> None:
    make.CourseActivityFactory(created=LATER)
    make.CourseActivityFactory(course_id=OTHER, interval_start=make.MONDAY - timedelta(days=7))
    make.EnrollmentFactory()
    make.EnrollmentFactory(course_id=OTHER, date=EARLIER)
    make.GradeFactory()


def of_course(*words: str) -> list[str]:
    return [f"/api/v1/courses/{{course_id}}/{word}/" for word in words]


# Of each table the first and last date, when it was loaded, and its endpoints.
TABLES: Final[dict[str, tuple[str | None, str | None, str | None, list[str]]]] = {
    "answer_distribution": (
        *(None, None, None),
        [*of_course("problems"), "/api/v1/problems/{problem_id}/answer_distribution/"],
    ),
    "course_activity": (
        *("2014-12-01", "2014-12-15", "2014-12-10T193147"),
        [*of_course("activity", "recent_activity"), "/api/v1/activity/"],
    ),
    "course_enrollment_birth_year_daily": (
        *(None, None, None),
        [*of_course("enrollment/birth_year"), "/api/v1/enrollment/birth_year/"],
    ),
    "course_enrollment_daily": (
        *("2014-12-09", "2014-12-10", "2014-12-10T193146"),
        [*of_course("enrollment"), "/api/v1/courses/", "/api/v1/enrollment/"],
    ),
    "course_enrollment_education_level_daily": (
        *(None, None, None),
        [*of_course("enrollment/education"), "/api/v1/enrollment/education/"],
    ),
    "course_enrollment_gender_daily": (
        *(None, None, None),
        [*of_course("enrollment/gender"), "/api/v1/enrollment/gender/"],
    ),
    "course_enrollment_location_current": (
        *(None, None, None),
        [*of_course("enrollment/location"), "/api/v1/enrollment/location/"],
    ),
    "course_enrollment_mode_daily": (
        *(None, None, None),
        [*of_course("enrollment/mode"), "/api/v1/enrollment/mode/"],
    ),
    "course_meta_summary_enrollment": (
        *(None, None, None),
        ["/api/v1/course_summaries/", "/api/v1/course_totals/"],
    ),
    "course_program_metadata": (None, None, None, ["/api/v1/programs/"]),
    "grade_distribution": (
        *(None, None, "2014-12-10T193146"),
        ["/api/v1/problems/{problem_id}/grade_distribution/"],
    ),
    "sequential_open_distribution": (
        *(None, None, None),
        ["/api/v1/problems/{module_id}/sequential_open_distribution/"],
    ),
    "tags_distribution": (None, None, None, of_course("problems_and_tags")),
    "video": (None, None, None, of_course("videos")),
    "video_timeline": (None, None, None, ["/api/v1/videos/{video_id}/timeline/"]),
}


CASES_OF_ONE: Final = {
    **cases.CASES,
    "courses/{course_id}/enrollment/mode": Case(
        cases.modes,
        '[{"course_id":"edX/DemoX/Demo_Course","date":"2014-12-10","count":1893,"cumulative_count":1954,'
        '"created":"2014-12-10T193147","audit":5,"credit":1,"honor":940,"professional":189,"verified":756,'
        '"masters":2}]',
        "audit,count,course_id,created,credit,cumulative_count,date,honor,masters,professional,verified\n"
        "5,1893,edX/DemoX/Demo_Course,2014-12-10T193147,1,1954,2014-12-10,940,2,189,756\n",
        "edX-DemoX-Demo_Course--enrollment_mode.csv",
        dated=True,
    ),
}

CASES: Final = {
    **CASES_OF_ONE,
    "courses": Case(
        courses,
        '[{"course_id":"course-v1:edX+DemoX+2015","org":"edX","title":null,"count":5,"count_change_7_days":5,'
        '"first_date":"2014-12-09","last_date":"2014-12-09","created":"2014-12-10T193146",'
        '"tables":["course_enrollment_daily"]},'
        '{"course_id":"edX/DemoX/Demo_Course","org":"edX","title":"Demonstration Course","count":1892,'
        '"count_change_7_days":100,"first_date":"2014-12-02","last_date":"2014-12-10","created":"2014-12-10T193146",'
        '"tables":["course_enrollment_daily","course_meta_summary_enrollment"]},'
        '{"course_id":"edX/Empty/2015","org":"edX","title":null,"count":null,"count_change_7_days":null,'
        '"first_date":null,"last_date":null,"created":"2014-12-10T193146","tables":["grade_distribution"]}]',
        "count,count_change_7_days,course_id,created,first_date,last_date,org,tables,title\n"
        "5,5,course-v1:edX+DemoX+2015,2014-12-10T193146,2014-12-09,2014-12-09,edX,course_enrollment_daily,\n"
        "1892,100,edX/DemoX/Demo_Course,2014-12-10T193146,2014-12-02,2014-12-10,edX,"
        '"course_enrollment_daily, course_meta_summary_enrollment",Demonstration Course\n'
        ",,edX/Empty/2015,2014-12-10T193146,,,edX,grade_distribution,\n",
        "courses.csv",
        queries=20,
        queries_before=1,
    ),
    "tables": Case(
        tables,
        json.dumps(
            [
                {"table": table, "first_date": first, "last_date": last, "loaded": loaded, "endpoints": endpoints}
                for table, (first, last, loaded, endpoints) in TABLES.items()
            ],
            separators=(",", ":"),
        ),
        "endpoints,first_date,last_date,loaded,table\n"
        + "".join(
            (f'"{", ".join(endpoints)}"' if len(endpoints) > 1 else endpoints[0])
            + f",{first or ''},{last or ''},{loaded or ''},{table}\n"
            for table, (first, last, loaded, endpoints) in TABLES.items()
        ),
        "tables.csv",
        queries=12,
        queries_before=1,
    ),
    "activity": of_courses(
        "courses/{course_id}/activity",
        "activity.csv",
        with_other(cases.activity, make.CourseActivityFactory, interval_start=make.MONDAY - timedelta(days=7), count=9),
        '{"interval_start":"2014-12-01T000000","interval_end":"2014-12-08T000000","course_id":"course-v1:edX+DemoX+2015"'
        ',"any":9,"created":"2014-12-10T193146"}',
        "9,,course-v1:edX+DemoX+2015,2014-12-10T193146,2014-12-08T000000,2014-12-01T000000,,",
    ),
    "enrollment": of_courses(
        "courses/{course_id}/enrollment",
        "enrollment.csv",
        with_other(cases.enrollment, make.EnrollmentFactory, date=EARLIER, count=9),
        '{"course_id":"course-v1:edX+DemoX+2015","date":"2014-12-09","count":9,"created":"2014-12-10T193146"}',
        "9,course-v1:edX+DemoX+2015,2014-12-10T193146,2014-12-09",
    ),
    "enrollment/mode": of_courses(
        "courses/{course_id}/enrollment/mode",
        "enrollment-mode.csv",
        with_other(cases.modes, make.EnrollmentModeFactory, date=EARLIER, mode="audit", count=9, cumulative_count=10),
        '{"course_id":"course-v1:edX+DemoX+2015","date":"2014-12-09","count":9,"cumulative_count":10,'
        '"created":"2014-12-10T193146","audit":9,"credit":0,"honor":0,"professional":0,"verified":0,"masters":0}',
        "9,9,course-v1:edX+DemoX+2015,2014-12-10T193146,0,10,2014-12-09,0,0,0,0",
    ),
    "enrollment/birth_year": of_courses(
        "courses/{course_id}/enrollment/birth_year",
        "enrollment-birth_year.csv",
        with_other(cases.birth_years, make.EnrollmentBirthYearFactory, date=EARLIER, birth_year=1970, count=9),
        '{"course_id":"course-v1:edX+DemoX+2015","date":"2014-12-09","birth_year":1970,"count":9,'
        '"created":"2014-12-10T193146"}',
        "1970,9,course-v1:edX+DemoX+2015,2014-12-10T193146,2014-12-09",
    ),
    "enrollment/education": of_courses(
        "courses/{course_id}/enrollment/education",
        "enrollment-education.csv",
        with_other(
            cases.education_levels, make.EnrollmentEducationFactory, date=EARLIER, education_level="none", count=9
        ),
        '{"course_id":"course-v1:edX+DemoX+2015","date":"2014-12-09","education_level":"none","count":9,'
        '"created":"2014-12-10T193146"}',
        "9,course-v1:edX+DemoX+2015,2014-12-10T193146,2014-12-09,none",
    ),
    "enrollment/gender": of_courses(
        "courses/{course_id}/enrollment/gender",
        "enrollment-gender.csv",
        with_other(cases.genders, make.EnrollmentGenderFactory, date=EARLIER, gender="f", count=9),
        '{"course_id":"course-v1:edX+DemoX+2015","date":"2014-12-09","female":9,"male":0,"other":0,"unknown":0,'
        '"created":"2014-12-10T193146"}',
        "course-v1:edX+DemoX+2015,2014-12-10T193146,2014-12-09,9,0,0,0",
    ),
    "enrollment/location": of_courses(
        "courses/{course_id}/enrollment/location",
        "enrollment-location.csv",
        with_other(cases.countries, make.EnrollmentLocationFactory, date=EARLIER, country_code="CN", count=9),
        '{"date":"2014-12-09","course_id":"course-v1:edX+DemoX+2015",'
        '"country":{"alpha2":"CN","alpha3":"CHN","name":"China"},"count":9,"created":"2014-12-10T193146"}',
        "9,CN,CHN,China,course-v1:edX+DemoX+2015,2014-12-10T193146,2014-12-09",
    ),
    "key": Case(
        lambda: None,
        f'{{"id":"{KEY_ID}","user":"reader","name":null,"courses":[],"orgs":[],"expires":null,"rate":null}}',
        f"courses,expires,id,name,orgs,rate,user\n,,{KEY_ID},,,,reader\n",
        queries=0,
    ),
}
