"""The command: sources and ranges, what it replaces, refuses and skips."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dj_database_url
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.utils import ConnectionHandler

from analytics_data_api.computing import computed, store
from analytics_data_api.computing.places import find_place
from analytics_data_api.computing.store import EventStore, FileRecord, Kind
from analytics_data_api.computing.tables import RULES
from analytics_data_api.computing.tests.making import COURSE, Event, sent
from analytics_data_api.loading import loader
from analytics_data_api.tables.tests.altered import older_answers

pytestmark = [pytest.mark.slow, pytest.mark.django_db(databases=["default", "analytics"], transaction=True)]

RANGE = ("--from", "2025-09-01", "--to", "2025-09-22")
DAILY = "course_enrollment_daily"
OF_LMS = {
    "course_enrollment_gender_daily": "auth_userprofile",
    "course_enrollment_birth_year_daily": "auth_userprofile",
    "course_enrollment_education_level_daily": "auth_userprofile",
    "grade_distribution": "courseware_studentmodule",
    "sequential_open_distribution": "courseware_studentmodule",
}
PROFILES = {
    "id": ["1", "2"],
    "user_id": ["1", "2"],
    "gender": ["f", None],
    "year_of_birth": ["", "1980"],
    "level_of_education": ["", "hs"],
}

Compute = Callable[..., str]


def rows(table: str, columns: str = "*") -> list[tuple[Any, ...]]:
    with connections["analytics"].cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {table}")  # noqa: S608 Of the test's.
        return sorted(cursor.fetchall(), key=lambda row: [str(value) for value in row])


def add(path: Path, name: str, events: dict[Kind, list[Event]], *, geo: bool = False) -> None:
    """Add events to a store, as if they had been read from a log."""
    made = EventStore.create(path)
    with made.writer() as writer:
        for kind, sent_events in events.items():
            for day in sorted({event["date"] for event in sent_events}):
                own = [
                    {name: event[name] for name in kind.columns.names} for event in sent_events if event["date"] == day
                ]
                writer.write(kind, str(day), pa.Table.from_pylist(own, schema=kind.columns))
        writer.commit(FileRecord(name, name, has_location=geo))


def enrolled(*days: int) -> dict[Kind, list[Event]]:
    return {
        store.ENROLLMENT: [sent(store.ENROLLMENT, day, user_id=day, type="activated", mode="audit") for day in days]
    }


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """A store of two enrollments, on 3 and 5 September."""
    path = tmp_path / "events"
    add(path, "first", enrolled(3, 5))
    return path


@pytest.fixture
def compute(events: Path) -> Compute:
    def run(*arguments: str, path: Path = events) -> str:
        output = StringIO()
        call_command("compute_tables", "--store", str(path), "--memory", "500MB", *arguments, stdout=output)
        return output.getvalue()

    return run


def test_a_table_is_replaced_whole(compute: Compute) -> None:
    loader.load_rows(DAILY, ("course_id", "date", "count"), [[("old", date(2025, 9, 4), 7)]])
    compute(*RANGE, "--tables", DAILY)
    found = rows(DAILY, "course_id, date, count, cumulative_count")
    assert len(found) == 19
    assert {row[0] for row in found} == {COURSE}
    assert [row[2:] for row in found[:4]] == [(1, 1), (1, 1), (2, 2), (2, 2)]


def test_it_is_safe_to_repeat(compute: Compute) -> None:
    compute(*RANGE)
    before = rows(DAILY, "course_id, date, count, cumulative_count")
    compute(*RANGE)
    assert rows(DAILY, "course_id, date, count, cumulative_count") == before


def test_the_range_is_from_the_first_day_of_the_store_to_today(compute: Compute) -> None:
    compute("--tables", DAILY)
    days = (datetime.now(UTC).date() - date(2025, 9, 3)).days
    assert len(rows(DAILY)) == days


def test_only_the_tables_that_are_named_are_computed(compute: Compute) -> None:
    output = compute(*RANGE, "--tables", "course_enrollment_mode_daily", DAILY)
    assert [line.split(":")[0] for line in output.splitlines()] == ["course_enrollment_mode_daily", DAILY]


def test_a_table_that_is_not_known(compute: Compute) -> None:
    with pytest.raises(CommandError, match=r"videos cannot be computed; these can: course_activity, "):
        compute("--tables", "videos")


def test_a_range_without_a_day(compute: Compute) -> None:
    with pytest.raises(CommandError, match="No day is from 2025-09-02 to 2025-09-02"):
        compute("--from", "2025-09-02", "--to", "2025-09-02")


@pytest.mark.parametrize(
    "option", [("--from", "2025-02-30"), ("--to", "today"), ("--memory", "much"), ("--memory", "1MB")]
)
def test_options_that_are_no_date_or_size(compute: Compute, option: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match=f"argument {option[0]}: takes .*{option[1]!r}"):
        compute(*option)


def test_tables_without_a_source_are_skipped_with_a_line(compute: Compute) -> None:
    output = compute(*RANGE).splitlines()
    for table, needed in OF_LMS.items():
        assert (
            f"{table}: skipped: it takes {needed} of the LMS: name its database by --lms, or a folder of files by"
            in "\n".join(output)
        )
    (line,) = [line for line in output if line.startswith("course_enrollment_location_current")]
    assert line == (
        "course_enrollment_location_current: skipped: it takes the countries of users: read the logs by ingest_logs "
        "with --geo FILE.mmdb."
    )


def test_what_was_dropped_is_counted_by_table(compute: Compute, events: Path) -> None:
    add(events, "second", {store.ENROLLMENT: [sent(store.ENROLLMENT, 6, user_id=1, type="activated", mode="m" * 256)]})
    output = compute(*RANGE, "--tables", DAILY).splitlines()
    assert output[0].startswith(f"{DAILY}: 19 rows in ")
    assert output[1:] == ["  dropped            1  mode longer than 255 characters"]


@pytest.mark.parametrize(
    ("narrower", "days"),
    [(("--from", "2025-09-04", "--to", "2025-09-22"), 17), (("--from", "2025-09-01", "--to", "2025-09-21"), 18)],
)
def test_a_narrower_range_is_refused(compute: Compute, narrower: tuple[str, ...], days: int) -> None:
    compute(*RANGE)
    before = rows(DAILY)
    with pytest.raises(CommandError, match=f"nothing was changed.\n{DAILY} has 2025-09-03 to 2025-09-21, and would"):
        compute(*narrower)
    assert rows(DAILY) == before
    compute(*narrower, "--allow-narrower")
    assert len(rows(DAILY)) == days


def test_a_wider_range_is_not_refused(compute: Compute) -> None:
    compute(*RANGE)
    compute("--from", "2025-08-01", "--to", "2025-10-01", "--tables", DAILY)
    assert len(rows(DAILY)) == 28


def test_rows_that_another_program_wrote_are_not_lost_either(compute: Compute) -> None:
    loader.load_rows(DAILY, ("course_id", "date", "count"), [[("old", date(2014, 12, 10), 7)]])
    with pytest.raises(CommandError, match="has 2014-12-10 to 2014-12-10, and would have 2025-09-03 to 2025-09-21"):
        compute(*RANGE)


def test_dates_that_are_none_are_no_days(compute: Compute) -> None:
    with connections["analytics"].cursor() as cursor:
        if connections["analytics"].vendor != "sqlite":
            pytest.skip("MariaDB takes no such date from here")
        for day, error in (("0000-00-00", None), ("soon", "holds 'soon' in the column date, which is no date")):
            cursor.execute(f"INSERT INTO {DAILY} (course_id, date, count) VALUES ('x', '{day}', 1)")  # noqa: S608 - a day of ours
            if error is None:
                compute(*RANGE)
            else:
                with pytest.raises(CommandError, match=error):
                    compute(*RANGE)


def test_tables_without_a_date_are_compared_with_how_they_were_computed(tmp_path: Path, compute: Compute) -> None:
    path = tmp_path / "videos"
    play, pause = (
        sent(store.VIDEO, 3, time, user_id=1, video_id="v", type=type_, position=position)
        for time, type_, position in (("10:00:00", "play", 0.0), ("10:01:00", "pause", 9.0))
    )
    add(path, "first", {store.VIDEO: [play, pause]})
    compute(*RANGE, path=path)
    assert len(rows("video_timeline")) == 2
    with pytest.raises(CommandError, match="video_timeline has 2025-09-03 to 2025-09-21, and would have 2025-09-04"):
        compute("--from", "2025-09-04", "--to", "2025-09-22", path=path)


def test_a_store_that_has_lost_days_is_a_narrower_range(tmp_path: Path, compute: Compute) -> None:
    compute(*RANGE)
    pruned = tmp_path / "pruned"
    add(pruned, "first", enrolled(5))
    with pytest.raises(CommandError, match="has 2025-09-03 to 2025-09-21, and would have 2025-09-05 to 2025-09-21"):
        compute(*RANGE, path=pruned)


def test_the_first_week_is_no_lost_day(tmp_path: Path, compute: Compute) -> None:
    path = tmp_path / "activity"
    add(path, "first", {store.ACTIVITY: [sent(store.ACTIVITY, 4, user_id=1, label="ACTIVE")]})
    compute(*RANGE, "--tables", "course_activity", path=path)
    compute(*RANGE, "--tables", "course_activity", path=path)
    assert rows("course_activity", "course_id, label, count") == [(COURSE, "ACTIVE", 1)]


def test_a_table_is_not_replaced_by_nothing(tmp_path: Path, compute: Compute) -> None:
    compute(*RANGE)
    empty = tmp_path / "empty"
    add(empty, "first", {})
    with pytest.raises(CommandError, match=f"Left as they were: {DAILY}, course_enrollment_mode_daily"):
        compute(*RANGE, path=empty)
    assert len(rows(DAILY)) == 19
    compute(*RANGE, "--allow-narrower", path=empty)
    assert rows(DAILY) == []


def test_a_second_run_at_the_same_time_is_refused(compute: Compute, events: Path) -> None:
    with (
        EventStore.open(events).lock("compute_tables"),
        pytest.raises(CommandError, match="is in use by compute_tables"),
    ):
        compute(*RANGE)


def test_without_a_store(compute: Compute, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no event store in"):
        compute(path=tmp_path / "nothing")


def test_no_temporary_files_are_left(compute: Compute, events: Path) -> None:
    compute(*RANGE)
    assert {path.name for path in events.iterdir()} == {"computed.json", "enrollment", "files", "lock", "store.json"}
    assert (events / "computed.json").stat().st_mode & 0o777 == 0o600


def test_the_store_notes_what_was_computed(compute: Compute, events: Path) -> None:
    compute(*RANGE, "--tables", DAILY)
    (found,) = computed.freshness(find_place(events), "analytics").items()
    assert found[0] == DAILY
    assert (found[1].record.first, found[1].record.end, found[1].logs) == ("2025-09-03", "2025-09-22", 1)
    assert found[1].is_current
    add(events, "second", enrolled(7))
    assert not computed.freshness(find_place(events), "analytics")[DAILY].is_current


def test_check_tables_says_how_fresh_a_table_is(compute: Compute, events: Path, settings: Any) -> None:
    def note() -> dict[str, str]:
        output = StringIO()
        call_command("check_tables", "--quick", "--format", "json", stdout=output)
        (table,) = [table for table in json.loads(output.getvalue())["tables"] if table["table"] == DAILY]
        codes = {"computed", "behind_store"}
        return {each["code"]: each["message"] for each in table["findings"] if each["code"] in codes}

    settings.EVENT_STORE = events
    assert note() == {}
    compute(*RANGE, "--tables", DAILY)
    days = "Computed from the event store, of the days from 2025-09-03 to 2025-09-21."
    assert note() == {"computed": f"{days} The store has read no log since."}
    add(events, "second", enrolled(7))
    assert note() == {"behind_store": f"{days} The store has changed since: run `./manage.py compute_tables`."}


def test_a_damaged_note_is_none(events: Path) -> None:
    (events / "computed.json").write_text("{")
    assert computed.freshness(find_place(events), "analytics") == {}


@contextmanager
def lms_files(folder: Path, ending: str) -> Iterator[Path]:
    folder.mkdir()
    table, path = pa.table(PROFILES), folder / f"auth_userprofile{ending}"
    if ending == ".parquet":
        pq.write_table(table, path)
    else:
        options = pa.csv.WriteOptions(delimiter="\t" if ".tsv" in ending else ",")
        with pa.output_stream(path, compression="gzip" if ending.endswith(".gz") else None) as stream:
            pa.csv.write_csv(table, stream, options)
    yield folder


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet"])
def test_files_of_the_lms(compute: Compute, events: Path, tmp_path: Path, ending: str) -> None:
    add(events, "more", {store.ENROLLMENT: [sent(store.ENROLLMENT, 20, user_id=1, type="activated", mode="audit")]})
    with lms_files(tmp_path / "lms", ending) as folder:
        output = compute(*RANGE, "--lms-files", str(folder))
    assert (
        "grade_distribution: skipped: it takes courseware_studentmodule of the LMS, of which the folder of --lms-files "
        "has no file." in output
    )
    assert rows("course_enrollment_gender_daily", "gender, count")[-2:] == [("f", 1), ("f", 1)]


def test_a_file_of_the_lms_that_lacks_a_column(compute: Compute, tmp_path: Path) -> None:
    (tmp_path / "auth_userprofile.csv").write_text("user_id,gender\n1,f\n")
    with pytest.raises(
        CommandError, match=r"auth_userprofile\.csv lacks the columns year_of_birth, level_of_education"
    ):
        compute(*RANGE, "--lms-files", str(tmp_path), "--tables", "course_enrollment_gender_daily")


def test_a_folder_of_files_that_is_not_there(compute: Compute, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no folder"):
        compute(*RANGE, "--lms-files", str(tmp_path / "nothing"))


LMS_TABLES = (
    """
    CREATE TABLE auth_userprofile (
        id INT PRIMARY KEY, user_id INT, gender VARCHAR(6), year_of_birth INT, level_of_education VARCHAR(6)
    )
    """,
    """
    CREATE TABLE student_courseenrollment (
        id INT PRIMARY KEY, user_id INT, course_id VARCHAR(255), is_active BOOLEAN
    )
    """,
    """
    CREATE TABLE courseware_studentmodule (
        id INT PRIMARY KEY, module_type VARCHAR(32), module_id VARCHAR(255), course_id VARCHAR(255), grade DOUBLE,
        max_grade DOUBLE
    )
    """,
)


@pytest.fixture
def lms_database(tmp_path: Path) -> Iterator[str]:
    """Return the URL of a database of the LMS, on the server of the analytics database where that has one."""
    settings = connections["analytics"].settings_dict
    if connections["analytics"].vendor == "mysql":
        name = f"{settings['NAME']}_lms"
        user = f"{quote(settings['USER'])}:{quote(settings['PASSWORD'], safe='')}"
        socket = settings["OPTIONS"].get("unix_socket")
        url = f"mysql://{user}@{settings['HOST'] or 'localhost'}:{settings['PORT'] or 3306}/{name}"
        url += f"?unix_socket={socket}" if socket else ""
        before, after = [f"CREATE DATABASE {name}", f"USE {name}"], [f"DROP DATABASE {name}"]
        server: dict[str, Any] = {**settings, "NAME": ""}
    else:
        url = f"sqlite:///{tmp_path / 'lms.db'}"
        before, after = [], []
        server = {**dj_database_url.parse(url)}
    connection = ConnectionHandler({"default": {}, "lms": server})["lms"]
    many = [
        (number, "sequential" if number % 2 else "problem", "m", COURSE, number % 2 or None, 1)
        for number in range(60_000)
    ]
    with connection.cursor() as cursor:
        for statement in (*before, *LMS_TABLES):
            cursor.execute(statement)
        connection.set_autocommit(False)
        cursor.execute("INSERT INTO auth_userprofile VALUES (1, 3, 'f', 1980, 'hs'), (2, 5, NULL, NULL, NULL)")
        cursor.execute(
            "INSERT INTO student_courseenrollment VALUES (1, 1, %s, TRUE), (2, 2, %s, FALSE)", [COURSE, COURSE]
        )
        cursor.executemany("INSERT INTO courseware_studentmodule VALUES (%s, %s, %s, %s, %s, %s)", many)
        connection.commit()
        connection.set_autocommit(True)
        yield url
        for statement in after:
            cursor.execute(statement)
    connection.close()


def test_the_database_of_the_lms(compute: Compute, lms_database: str, settings: Any) -> None:
    settings.LMS_DATABASE_URL = lms_database
    output = compute(*RANGE)
    assert "course_enrollment_location_current: skipped" in output
    assert rows("course_enrollment_birth_year_daily", "birth_year, count") == [(1980, 1), (None, 1)]
    assert rows("grade_distribution", "grade, max_grade, count") == [(1.0, 1.0, 30_000)]
    assert rows("sequential_open_distribution", "module_id, count") == [("m", 30_000)]


def test_enrollments_of_the_database_of_the_lms(compute: Compute, lms_database: str, tmp_path: Path) -> None:
    path = tmp_path / "located"
    add(path, "located", {store.LOCATION: [sent(store.LOCATION, 3, user_id=1, country="FR")]}, geo=True)
    compute("--lms", lms_database, "--tables", "course_enrollment_location_current", path=path)
    assert rows("course_enrollment_location_current", "country_code, count, cumulative_count") == [
        ("FR", 1, 1),
        (None, 0, 1),
    ]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:////nowhere/lms.db", "is not there"),
        ("mysql://reader:secret@127.0.0.1:1/edxapp", "cannot be read"),
        ("nonsense", "cannot be read"),
    ],
)
def test_a_database_of_the_lms_that_cannot_be_read(compute: Compute, url: str, message: str) -> None:
    with pytest.raises(CommandError, match=message) as raised:
        compute(*RANGE, "--lms", url)
    assert "secret" not in str(raised.value)


def test_countries(compute: Compute, events: Path, tmp_path: Path) -> None:
    located = sent(store.LOCATION, 3, user_id=1, country="FR")
    add(events, "located", {store.LOCATION: [located]}, geo=True)
    (tmp_path / "student_courseenrollment.csv").write_text(
        f"id,user_id,course_id,is_active\n1,1,{COURSE},1\n2,2,{COURSE},0\n"
    )
    compute("--lms-files", str(tmp_path), "--tables", "course_enrollment_location_current")
    assert rows("course_enrollment_location_current", "country_code, count, cumulative_count") == [
        ("FR", 1, 1),
        (None, 0, 1),
    ]
    assert {str(row[0])[:10] for row in rows("course_enrollment_location_current", "date")} == {
        str(datetime.now(UTC).date())
    }


def test_the_older_answer_distribution(compute: Compute, tmp_path: Path) -> None:
    path = tmp_path / "answers"
    answer = sent(
        store.ANSWERS,
        3,
        problem_id="p",
        username_hash="a",
        event="1",
        part_id="p_2_1",
        has_submission=True,
        answer="x",
        text="x",
        correct=True,
        response_type="stringresponse",
    )
    add(path, "first", {store.ANSWERS: [answer]})
    with older_answers():
        compute(*RANGE, "--tables", "answer_distribution", path=path)
        assert rows("answer_distribution", "part_id, answer_value_text, count") == [("p_2_1", "x", 1)]


def test_every_table_has_a_rule() -> None:
    assert set(RULES) == {*OF_LMS, DAILY, "course_activity", "course_enrollment_mode_daily"} | {
        "course_enrollment_location_current",
        "answer_distribution",
        "video",
        "video_timeline",
    }


def test_the_note_names_the_database_without_a_password(compute: Compute, events: Path) -> None:
    compute(*RANGE, "--tables", DAILY)
    document = json.loads((events / "computed.json").read_text())
    assert list(document) == [computed.database_key("analytics")]
    password = connections["analytics"].settings_dict["PASSWORD"]
    assert not password or password not in (events / "computed.json").read_text()
