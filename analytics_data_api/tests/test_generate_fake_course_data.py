import hashlib
import io
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import groupby, pairwise
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import F, Model, Value
from django.db.models.functions import Replace

from analytics_data_api.loading.fake_data.course import FakeCourse
from analytics_data_api.loading.fake_data.enrollment import DIMENSIONS
from analytics_data_api.loading.fake_data.generation import tables
from analytics_data_api.tables import models
from analytics_data_api.tables.constants import activity_types, countries
from analytics_data_api.tables.fields import KeyField
from analyticsdataserver.config import BASE_DIR

# Most of them generate courses and load them.
pytestmark = [pytest.mark.slow, pytest.mark.django_db(databases=["default", "analytics"])]

SLASHES_ID = "edX/FakeX/Run.1"
COURSE_V1_ID = "course-v1:edX+FakeX+Run.1"
START = date(2014, 1, 1)  # a Wednesday
TABLES: list[type[Model]] = [model for model in apps.get_app_config("v0").get_models() if model._meta.managed]


def generate(course_id: str = COURSE_V1_ID, **options: Any) -> str:
    out = io.StringIO()
    options = {"start_date": START.isoformat(), "num_weeks": 2, "seed": 1} | options
    call_command("generate_fake_course_data", course_id=course_id, stdout=out, **options)
    return out.getvalue()


def rows(model: type[Model], course_id: str = COURSE_V1_ID) -> list[Any]:
    """Return the rows of a course in a table, in table order."""
    of_course = {"course_id": course_id}
    if model is models.VideoTimeline:
        of_course = {"pipeline_video_id__startswith": f"{course_id}|"}
    return list(model._default_manager.filter(**of_course).order_by("pk"))


def everything() -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables, ids included."""
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in TABLES}


@cache
def made_up(
    course_id: str = COURSE_V1_ID, start: date = START, num_weeks: int = 2, seed: int = 1
) -> dict[type[Model], list[Any]]:
    """Return what generate writes, without writing it."""
    course = FakeCourse(course_id, start, num_weeks, seed)
    return {
        table.model: [SimpleNamespace(**dict(zip(table.columns, row, strict=True))) for row in table.rows]
        for table in tables(course)
    }


def by_date(rows: list[Any], amount: str = "count") -> dict[date, int]:
    sums: Counter[date] = Counter()
    for row in rows:
        sums[row.date] += getattr(row, amount)
    return dict(sums)


def test_every_table_is_known_here() -> None:
    assert len(TABLES) == 15


@pytest.mark.parametrize("course_id", [SLASHES_ID, COURSE_V1_ID])
@pytest.mark.parametrize("start", [START + timedelta(days=day) for day in range(7)], ids="{:%a}".format)
def test_a_single_week_from_any_day_on_fills_every_table(course_id: str, start: date) -> None:
    generate(course_id, start_date=start.isoformat(), num_weeks=1)
    expected = made_up(course_id, start, 1)
    assert expected.keys() == set(TABLES)
    for model in TABLES:
        written = list(model._default_manager.order_by("pk").values())
        assert written
        assert [
            {**vars(row), "id": row_written["id"]} for row, row_written in zip(expected[model], written, strict=True)
        ] == written


@pytest.mark.parametrize("model", [models.CourseEnrollmentDaily, *DIMENSIONS.values()])
def test_every_day_of_the_weeks_has_rows(model: type[Model]) -> None:
    # The location table is dated by the load, on the day after.
    first = START + timedelta(days=1) if model is models.CourseEnrollmentByCountry else START
    assert sorted(by_date(made_up(num_weeks=3)[model])) == [first + timedelta(days=day) for day in range(21)]


@pytest.mark.parametrize("model", DIMENSIONS.values())
@pytest.mark.parametrize("amount", ["count", "cumulative_count"])
def test_every_dimension_adds_up_to_the_enrollment(model: type[Model], amount: str) -> None:
    made = made_up(num_weeks=30)
    sums = by_date(made[model], amount)
    if model is models.CourseEnrollmentByCountry:
        sums = {day - timedelta(days=1): total for day, total in sums.items()}
    assert sums == by_date(made[models.CourseEnrollmentDaily], amount)


@pytest.mark.parametrize(("dimension", "model"), [(None, models.CourseEnrollmentDaily), *DIMENSIONS.items()])
def test_each_key_has_one_row_a_date_and_no_earlier_learner_is_missing(
    dimension: str | None, model: type[Model]
) -> None:
    histories: dict[Any, list[Any]] = defaultdict(list)
    for row in made_up(num_weeks=30)[model]:
        histories[getattr(row, dimension) if dimension else None].append(row)
    for history in histories.values():
        for earlier, later in pairwise(history):
            assert later.date == earlier.date + timedelta(days=1)
            assert later.cumulative_count >= earlier.cumulative_count
        assert all(0 <= row.count <= row.cumulative_count for row in history)


def test_enrollment_grows_and_some_learners_leave() -> None:
    days = made_up(num_weeks=52)[models.CourseEnrollmentDaily]
    assert all(later.count > earlier.count for earlier, later in pairwise(days[::28]))
    assert days[-1].count < days[-1].cumulative_count


def test_the_dimensions_have_the_pipelines_values() -> None:
    made = made_up(num_weeks=52)
    found = {name: {getattr(row, name) for row in made[model]} for name, model in DIMENSIONS.items()}
    assert found["mode"] == {"audit", "credit", "honor", "masters", "no-id-professional", "professional", "verified"}
    assert found["gender"] == {"f", "m", "o", None}
    assert found["education_level"] == {
        *("none", "other", "primary", "junior_secondary", "secondary"),
        *("associates", "bachelors", "masters", "doctorate", None),
    }
    years = found["birth_year"] - {None}
    assert None in found["birth_year"]
    assert years == set(range(min(years), START.year - 12))
    codes = found["country_code"]
    assert {"US", "IN", "CN", "BR", "GB", None} <= codes
    assert len(codes & countries.COUNTRIES.keys()) > 150
    assert codes - countries.COUNTRIES.keys() == {None, "UNKNOWN", "A1"}


@pytest.mark.parametrize(
    ("start", "first_monday"),
    [
        (date(2014, 1, 6), date(2014, 1, 6)),
        (date(2014, 1, 7), date(2014, 1, 6)),
        (date(2014, 1, 5), date(2013, 12, 30)),
    ],
)
def test_weeks_of_activity_are_complete_and_have_every_label(start: date, first_monday: date) -> None:
    activity = made_up(start=start, num_weeks=4)[models.CourseActivityWeekly]
    weeks = [list(week) for _, week in groupby(activity, key=attrgetter("interval_start", "interval_end"))]
    monday = datetime(first_monday.year, first_monday.month, first_monday.day, tzinfo=UTC)
    assert [(week[0].interval_start, week[0].interval_end) for week in weeks] == [
        (monday + timedelta(weeks=number), monday + timedelta(weeks=number + 1)) for number in range(4)
    ]
    assert activity[-1].interval_end.date() <= start + timedelta(weeks=4)
    for week in weeks:
        counts = {row.activity_type: row.count for row in week}
        assert list(counts) == list(activity_types.BY_LABEL)
        assert all(0 < count <= counts["ACTIVE"] for count in counts.values())


def test_rows_are_created_in_whole_seconds_after_what_they_are_about() -> None:
    end = datetime(2014, 1, 15, tzinfo=UTC)
    for model, rows_made in made_up().items():
        for row in rows_made:
            about = getattr(row, "interval_end", None) or end
            if hasattr(row, "date") and model is not models.CourseEnrollmentByCountry:
                about = datetime(row.date.year, row.date.month, row.date.day, tzinfo=UTC) + timedelta(days=1)
            elif hasattr(row, "date"):
                about = datetime(row.date.year, row.date.month, row.date.day, tzinfo=UTC)
            assert about <= row.created < about + timedelta(days=1)
            assert row.created.microsecond == 0


def problems() -> dict[str, list[Any]]:
    answers = made_up(num_weeks=20)[models.ProblemFirstLastResponseAnswerDistribution]
    return {module_id: list(group) for module_id, group in groupby(answers, key=attrgetter("module_id"))}


def responders(answers: list[Any], count: Callable[[Any], int]) -> set[int]:
    """Return how many learners each part of a problem has, by one of its counts."""
    sums: Counter[str] = Counter()
    for answer in answers:
        sums[answer.part_id] += count(answer)
    return set(sums.values())


def test_answers_and_grades_of_a_problem_are_those_of_the_same_learners() -> None:
    grades: dict[str, list[Any]] = defaultdict(list)
    for row in made_up(num_weeks=20)[models.GradeDistribution]:
        grades[row.module_id].append(row)
    assert problems().keys() == grades.keys()
    for module_id, answers in problems().items():
        (learners,) = responders(answers, attrgetter("last_response_count"))
        assert responders(answers, attrgetter("first_response_count")) == {learners}
        assert sum(row.count for row in grades[module_id]) == learners
        points = sum(answer.last_response_count for answer in answers if answer.correct)
        assert sum(row.grade * row.count for row in grades[module_id]) == points
        assert {row.max_grade for row in grades[module_id]} == {len({answer.part_id for answer in answers})}


def test_there_are_problems_of_every_kind() -> None:
    kinds: Counter[str] = Counter()
    seen = attrgetter("part_id", "value_id", "question_text", "answer_value_text", "problem_display_name", "correct")
    for answers in problems().values():
        varies = {answer.variant for answer in answers} != {None}
        shown = {(answer.part_id, answer.question_text) for answer in answers}
        parts = {answer.part_id for answer in answers}
        kinds["multi-part"] += len(parts) > 1
        kinds["choice"] += all(answer.value_id for answer in answers) and not varies
        kinds["numeric"] += any(answer.answer_value_numeric is not None for answer in answers) and not varies
        kinds["randomised"] += varies and len(shown) > len(parts)
        erroneous = varies and len(shown) == len(parts)
        kinds["erroneously randomised"] += erroneous
        if erroneous:
            assert len(set(map(seen, answers))) == len({answer.value_id for answer in answers}) < len(answers)
    assert set(kinds) == {"multi-part", "choice", "numeric", "randomised", "erroneously randomised"}
    assert all(kinds.values())


def test_numeric_answers_are_what_their_text_says() -> None:
    typed = [answer for answers in problems().values() for answer in answers if answer.value_id is None]
    numeric = [answer for answer in typed if answer.answer_value_numeric is not None]
    assert numeric
    assert all(float(answer.answer_value_text) == answer.answer_value_numeric for answer in numeric)
    assert any(answer.answer_value_numeric is None for answer in typed)


def test_each_part_has_one_correct_answer_a_variant() -> None:
    for answers in problems().values():
        correct = [(answer.part_id, answer.variant) for answer in answers if answer.correct]
        assert sorted(correct, key=str) == sorted({(answer.part_id, answer.variant) for answer in answers}, key=str)


def test_videos_and_their_timelines() -> None:
    made = made_up(num_weeks=20)
    by_video = groupby(made[models.VideoTimeline], key=attrgetter("pipeline_video_id"))
    timelines = {video_id: list(rows_of_video) for video_id, rows_of_video in by_video}
    videos = made[models.Video]
    assert timelines.keys() == {video.pipeline_video_id for video in videos}
    abandoned = 0
    for video in videos:
        assert video.pipeline_video_id == f"{COURSE_V1_ID}|{video.encoded_module_id}"
        assert video.segment_length == 5
        timeline = timelines[video.pipeline_video_id]
        segments = -(-video.duration // 5)
        assert [row.segment for row in timeline] == list(range(len(timeline)))
        assert len(timeline) <= segments
        assert all(0 < row.num_users <= row.num_views for row in timeline)
        assert all(later.num_users <= earlier.num_users for earlier, later in pairwise(timeline))
        assert timeline[0].num_users == video.users_at_start
        assert video.users_at_end == (timeline[-1].num_users if len(timeline) == segments else 0)
        assert video.total_viewed_seconds == 5 * sum(row.num_views for row in timeline)
        abandoned += len(timeline) < segments
    assert 0 < abandoned < len(videos)


@pytest.mark.parametrize(
    ("course_id", "module_id", "part_id", "encoded_module_id"),
    [
        (
            SLASHES_ID,
            r"i4x://edX/FakeX/Run\.1/{}/HEX",
            r"i4x-edX-FakeX-Run_1-problem-HEX_\d_1",
            "i4x-edX-FakeX-Run_1-video-HEX",
        ),
        (COURSE_V1_ID, r"block-v1:edX\+FakeX\+Run\.1\+type@{}\+block@HEX", r"HEX_\d_1", "HEX"),
    ],
)
def test_ids_have_the_form_of_the_courses(course_id: str, module_id: str, part_id: str, encoded_module_id: str) -> None:
    def all_match(model: type[Model], column: str, pattern: str) -> bool:
        regex = re.compile(pattern.replace("HEX", "[0-9a-f]{32}"))
        return all(regex.fullmatch(getattr(row, column)) for row in made_up(course_id)[model])

    answers = models.ProblemFirstLastResponseAnswerDistribution
    assert all_match(answers, "module_id", module_id.format("problem"))
    assert all_match(answers, "part_id", part_id)
    assert all_match(models.GradeDistribution, "module_id", module_id.format("problem"))
    assert all_match(models.SequentialOpenDistribution, "module_id", module_id.format("sequential"))
    assert all_match(models.Video, "encoded_module_id", encoded_module_id)


def test_subsections_are_opened() -> None:
    opened = [row.count for row in made_up()[models.SequentialOpenDistribution]]
    assert len(opened) > 1
    assert min(opened) > 0


@pytest.mark.parametrize("form", ["{0}/{0}/{1}", "course-v1:{0}+{0}+{1}"])
def test_ids_of_the_longest_course_id_fit_into_their_columns(form: str) -> None:
    course_id = form.format("o" * 30, "r" * (102 - len(form.format("o" * 30, "rr"))))
    assert len(course_id) == 100
    for table in tables(FakeCourse(course_id, START, 1, 1)):
        fields = {field.attname: field for field in table.model._meta.concrete_fields}
        for row in table.rows:
            for column, value in zip(table.columns, row, strict=True):
                field = fields[column]
                assert not isinstance(field, KeyField) or value is None or len(value) <= (field.max_length or 0)
    generate(course_id, num_weeks=1)


DIGEST = """
import django, hashlib
django.setup()
from datetime import date
from analytics_data_api.loading.fake_data.course import FakeCourse
from analytics_data_api.loading.fake_data.generation import tables
course = FakeCourse("course-v1:edX+FakeX+Run.1", date(2014, 1, 1), 2, 1)
made = [(table.model.__name__, table.columns, table.rows) for table in tables(course)]
print(hashlib.sha256(repr(made).encode()).hexdigest())
"""


@pytest.mark.process
@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_the_same_options_make_the_same_rows_in_every_process(hash_seed: str) -> None:
    made = [
        (table.model.__name__, table.columns, table.rows) for table in tables(FakeCourse(COURSE_V1_ID, START, 2, 1))
    ]
    environment = {"PYTHONHASHSEED": hash_seed, "DJANGO_SETTINGS_MODULE": "analyticsdataserver.settings.test"}
    process = subprocess.run(
        [sys.executable, "-c", DIGEST], cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == hashlib.sha256(repr(made).encode()).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        FakeCourse(COURSE_V1_ID, START, 2, 2),
        FakeCourse(SLASHES_ID, START, 2, 1),
    ],
)
def test_another_seed_or_course_makes_other_rows_in_every_table(other: FakeCourse) -> None:
    for one, another in zip(tables(FakeCourse(COURSE_V1_ID, START, 2, 1)), tables(other), strict=True):
        course_id = one.columns.index("course_id") if "course_id" in one.columns else None
        made = [{value for at, value in enumerate(row) if at != course_id} for row in one.rows]
        assert made != [{value for at, value in enumerate(row) if at != course_id} for row in another.rows]


def test_a_second_run_leaves_the_same_rows() -> None:
    first = generate()
    before = everything()
    assert "unchanged" not in first
    second = generate()
    assert everything() == before
    assert second.count("unchanged") == len(TABLES)


@pytest.mark.parametrize("model", TABLES)
def test_a_changed_row_is_put_right_and_other_tables_stay(model: type[Model]) -> None:
    generate()
    before = everything()
    model._default_manager.filter(pk=rows(model)[0].pk).update(created=datetime(2001, 1, 1, tzinfo=UTC))
    generate()
    after = everything()
    assert [{**row, "id": 0} for row in after[model.__name__]] == [{**row, "id": 0} for row in before[model.__name__]]
    assert {name: table for name, table in after.items() if name != model.__name__} == {
        name: table for name, table in before.items() if name != model.__name__
    }


@pytest.mark.parametrize("model", TABLES)
def test_rows_that_a_load_left_twice_become_one(model: type[Model]) -> None:
    generate()
    before = [{**row, "id": 0} for row in everything()[model.__name__]]
    model._default_manager.bulk_create([*map(without_id, rows(model))])
    generate()
    assert [{**row, "id": 0} for row in everything()[model.__name__]] == before


def without_id(row: Any) -> Any:
    row.pk = None
    return row


def test_other_options_replace_the_courses_rows() -> None:
    generate(num_weeks=3, seed=7)
    models.CourseActivityWeekly.objects.filter(activity_type="ACTIVE").update(activity_type="SOMETHING_NEWER")
    generate(num_weeks=2, seed=1)
    replaced = everything()
    for model in TABLES:
        model._default_manager.all().delete()
    generate(num_weeks=2, seed=1)
    fresh = everything()
    for name, table in replaced.items():
        assert [{**row, "id": 0} for row in table] == [{**row, "id": 0} for row in fresh[name]]


OTHER_COURSES = (
    SLASHES_ID,
    COURSE_V1_ID.lower(),
    COURSE_V1_ID + "2",
    COURSE_V1_ID[:-1],
    COURSE_V1_ID + " ",
    "É" + COURSE_V1_ID,
)


@pytest.mark.parametrize("other", OTHER_COURSES)
def test_rows_of_other_courses_are_not_touched(other: str) -> None:
    generate(seed=2)
    for model in TABLES:
        if model is models.VideoTimeline:
            model._default_manager.update(pipeline_video_id=renamed("pipeline_video_id", other))
        elif model is models.Video:
            model._default_manager.update(course_id=other, pipeline_video_id=renamed("pipeline_video_id", other))
        else:
            model._default_manager.update(course_id=other)
    others = everything()
    generate(seed=1)
    generate(seed=2)
    after = everything()
    for name, table in others.items():
        ids = {row["id"] for row in table}
        assert [row for row in after[name] if row["id"] in ids] == table


def renamed(column: str, course_id: str) -> Replace:
    """Return a column's ids with another course in place of the one that was generated."""
    return Replace(F(column), Value(COURSE_V1_ID), Value(course_id))


@pytest.mark.parametrize(
    "course_id",
    [
        "",
        "edX",
        "edX/FakeX",
        "edX/FakeX/Run/more",
        "edX//Run",
        "/edX/FakeX/Run",
        "edX+FakeX+Run",
        "course-v1:edX+FakeX",
        "course-v1:edX+FakeX+Run+more",
        "course-v1:edX/FakeX/Run",
        "course-v2:edX+FakeX+Run",
        "edX/FakeX/two words",
        "edX/FakeX/Run\n",
        "edX/FakeX/R|un",
        "edX/FakeX/R\x00un",
        "edX/FakeX/" + "r" * 91,
    ],
)
def test_an_id_of_no_course_is_refused(course_id: str) -> None:
    with pytest.raises(CommandError, match="course id"):
        generate(course_id)
    assert not any(everything().values())


@pytest.mark.parametrize(
    "start_date",
    [
        "",
        "2014",
        "2014-1-1",
        "20140101",
        "2014-W01-1",
        "2014-02-30",
        "2014-13-01",
        "2014-01-01T000000",
        "01/02/2014",
        "\u0662\u0660\u0661\u0664-\u0660\u0661-\u0660\u0661",
    ],
)
def test_a_date_that_is_none_is_refused(start_date: str) -> None:
    with pytest.raises(CommandError, match="YYYY-mm-dd"):
        generate(start_date=start_date)
    assert not any(everything().values())


@pytest.mark.parametrize(
    ("start_date", "num_weeks"),
    [
        ("0001-01-01", 1),
        ("1970-12-31", 1),
        ("2037-12-28", 1),
        ("2038-01-01", 1),
        ("9999-12-31", 1),
        ("2014-01-01", 10**12),
    ],
)
def test_dates_that_the_tables_cannot_hold_are_refused(start_date: str, num_weeks: int) -> None:
    with pytest.raises(CommandError, match="1971 to 2037"):
        generate(start_date=start_date, num_weeks=num_weeks)
    assert not any(everything().values())


@pytest.mark.parametrize("start_date", ["1971-01-01", "2037-12-25", "2016-02-29"])
def test_the_first_and_last_dates_are_taken(start_date: str) -> None:
    generate(start_date=start_date, num_weeks=1)
    assert all(rows(model) for model in TABLES)


@pytest.mark.parametrize("num_weeks", [0, -1])
def test_there_is_no_course_of_less_than_a_week(num_weeks: int) -> None:
    with pytest.raises(CommandError, match="number of weeks"):
        generate(num_weeks=num_weeks)
    assert not any(everything().values())


@pytest.mark.parametrize(
    ("database", "message"), [("nowhere", "no database 'nowhere'"), ("default", "migrate --database default")]
)
def test_a_database_without_the_tables_is_refused(database: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        generate(database=database)


def test_a_load_that_fails_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    generate(seed=1)
    before = everything()
    monkeypatch.setattr(models.VideoTimeline._meta, "db_table", "missing")
    with pytest.raises(CommandError):
        generate(seed=2)
    monkeypatch.undo()
    assert everything() == before


def test_it_prints_a_line_a_table_and_no_progress_off_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    said = generate()
    lines = said.splitlines()
    assert lines[0] == COURSE_V1_ID
    assert lines[2] == "  course_enrollment_daily: 14 rows"
    assert len(lines) == 1 + len(TABLES)
    captured = capfd.readouterr()
    assert captured.err == ""


def test_options_on_the_command_line() -> None:
    call_command(
        "generate_fake_course_data",
        *("--course-id", COURSE_V1_ID, "--start-date", "2014-01-01", "--num-weeks", "2", "--seed", "1"),
        *("--database", "analytics"),
        stdout=io.StringIO(),
    )
    assert all("unchanged" in line for line in generate().splitlines()[1:])


@pytest.mark.parametrize("option", ["--num-weeks", "--seed"])
def test_numbers_have_to_be_whole(option: str) -> None:
    with pytest.raises(CommandError, match=option):
        call_command("generate_fake_course_data", option, "1.5")
