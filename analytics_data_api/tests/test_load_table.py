"""Files into tables by the command load_table: which values they may hold, and what is said of others."""

import gzip
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pyarrow.parquet
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_data_api.loading import reading
from analytics_data_api.loading.columns import Column
from analytics_data_api.tables import models

pytestmark = pytest.mark.django_db(databases=["default", "analytics"], transaction=True)

BIRTH = "course_enrollment_birth_year_daily"
ANSWERS = "answer_distribution"
HEADER = "date,course_id,birth_year,count,cumulative_count\n"
COLUMNS = ("date", "course_id", "birth_year", "count", "cumulative_count")
OLD = (date(2014, 12, 9), "edX/Old/1", None, 1, 1)
DAY = date(2014, 12, 10)

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A function that writes a file, and returns its path."""

    def write(content: str | bytes, name: str = "rows.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture(scope="module", autouse=True)
def _one_database() -> Iterator[None]:
    """Let all reading share a database of DuckDB; to make one takes longer than to load these files."""
    with pytest.MonkeyPatch.context() as monkeypatch, duckdb.connect(":memory:") as database:
        monkeypatch.setattr(duckdb, "connect", lambda name: database.cursor())
        yield


@pytest.fixture(autouse=True)
def _old_row() -> None:
    models.CourseEnrollmentByBirthYear.objects.create(**dict(zip(COLUMNS, OLD, strict=True)))


def load(*paths: Path, table: str = BIRTH, **options: Any) -> str:
    out = io.StringIO()
    call_command("load_table", table, *map(str, paths), stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def refusal(*paths: Path, table: str = BIRTH, **options: Any) -> str:
    """Return the message about files that are refused, without their folder; check that nothing was loaded."""
    with pytest.raises(CommandError) as caught:
        load(*paths, table=table, **options)
    assert rows() == [OLD]
    return str(caught.value).replace(f"{paths[0].parent}/", "") if paths else str(caught.value)


def faults(*paths: Path, **options: Any) -> list[str]:
    heading, *lines = refusal(*paths, **options).splitlines()
    assert heading == "The files have faults, and nothing was loaded:"
    return lines


def rows() -> list[Any]:
    return list(models.CourseEnrollmentByBirthYear.objects.order_by("id").values_list(*COLUMNS))


def answers(*columns: str) -> list[Any]:
    return list(models.ProblemFirstLastResponseAnswerDistribution.objects.order_by("id").values_list(*columns))


NEW = [(DAY, "edX/A/1", 1990, 5, 6), (DAY, "edX/Ä\U0001f600/1", None, None, -1)]
CSV = f'{HEADER}2014-12-10,edX/A/1,1990,5,6\n2014-12-10,"edX/Ä\U0001f600/1",,,-1\n'
TSV = "2014-12-10\tedX/A/1\t1990\t5\t6\n2014-12-10\tedX/Ä\U0001f600/1\t\\N\t\\N\t-1\n"
OBJECTS = [
    {"date": "2014-12-10", "course_id": "edX/A/1", "birth_year": 1990, "count": 5, "cumulative_count": 6},
    {"course_id": "edX/Ä\U0001f600/1", "date": "2014-12-10", "birth_year": None, "cumulative_count": -1},
]
NDJSON = "".join(f"{json.dumps(item)}\n" for item in OBJECTS)


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", CSV),
        ("crlf.csv", CSV.replace("\n", "\r\n")),
        ("bom.csv", f"\ufeff{CSV}"),
        ("blank_first.csv", f"\n\n{CSV}"),
        ("blank.csv", CSV.replace("\n", "\n\n")),
        ("no_end.csv", CSV.removesuffix("\n")),
        ("mixed.csv", CSV.replace("\n", "\r\n", 1)),
        ("capitals.csv", CSV.replace("date,course_id", "DATE, Course_ID ")),
        (
            "order.csv",
            "course_id,count,date,birth_year,cumulative_count\nedX/A/1,5,2014-12-10,1990,6\nedX/Ä\U0001f600/1,,2014-12-10,,-1\n",
        ),
        ("ids.csv", "id," + CSV.replace("\n2014", "\n7,2014")),
        ("hive.tsv", TSV),
        ("crlf.tsv", TSV.replace("\n", "\r\n")),
        ("header.tsv", HEADER.replace(",", "\t") + TSV),
        ("rows.ndjson", NDJSON),
        ("blank.jsonl", f"\n{NDJSON}\n"),
    ],
    ids=lambda value: value if "." in value and len(value) < 15 else "",
)
def test_each_format_gives_the_same_rows(write: Write, name: str, content: str, compressed: bool) -> None:
    path = write(gzip.compress(content.encode()), f"{name}.gz") if compressed else write(content, name)
    assert load(path).startswith(f"{BIRTH}: 2 rows loaded in ")
    assert rows() == NEW


@pytest.mark.parametrize(
    "types",
    [
        {"birth_year": pyarrow.int64(), "date": pyarrow.date32()},
        {"birth_year": pyarrow.float64(), "date": pyarrow.timestamp("us", "UTC"), "course_id": pyarrow.binary()},
        {"birth_year": pyarrow.decimal128(6, 2), "date": pyarrow.string(), "count": pyarrow.string()},
    ],
    ids=["integers and dates", "floats and times", "decimals and text"],
)
def test_parquet(types: dict[str, Any], tmp_path: Path) -> None:
    values: dict[str, Any] = dict(zip(COLUMNS, zip(*NEW, strict=True), strict=True))
    values["date"] = [datetime(2014, 12, 10, tzinfo=UTC)] * 2 if types["date"] != pyarrow.date32() else values["date"]
    texts = {"count": ["5", None], "date": ["2014-12-10"] * 2}
    arrays = {
        name: pyarrow.array(texts[name] if types.get(name) == pyarrow.string() else found, types.get(name))
        for name, found in values.items()
    }
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table(arrays), path)
    load(path)
    assert rows() == NEW


def test_a_file_whose_name_has_no_format(write: Write) -> None:
    path = write(TSV, "000000_0")
    message = refusal(path)
    assert message.startswith("The name of 000000_0 does not say its format")
    assert message.endswith("use --format.")
    load(path, format="tsv")
    assert rows() == NEW


@pytest.mark.parametrize("name", ["a?.csv", "a*.csv", "a[b].csv", "a [!b]*'\".csv", "date=2015-01-01/count=9/a.csv"])
def test_a_name_is_no_pattern(write: Write, tmp_path: Path, name: str) -> None:
    write(f"{HEADER}2014-12-10,edX/Other/1,1990,5,6\n", "ab.csv")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    load(write(CSV, name))
    assert rows() == NEW
    parquet = (tmp_path / name).with_suffix(".parquet")
    values = dict(zip(COLUMNS, zip(*NEW, strict=True), strict=True))
    pyarrow.parquet.write_table(pyarrow.table(values).slice(0, 1), parquet)
    pyarrow.parquet.write_table(pyarrow.table(values), tmp_path / "ab.parquet")
    load(parquet)
    assert rows() == NEW[:1]


def test_columns_that_are_named(write: Write) -> None:
    load(write("edX/A/1,5,2014-12-10\n", "a.csv"), columns="course_id, count,date")
    assert rows() == [(DAY, "edX/A/1", None, 5, None)]
    load(write("course_id,count,date\nedX/A/1,6,2014-12-10\n", "b.csv"), columns="course_id,count,date")
    assert rows() == [(DAY, "edX/A/1", None, 6, None)]


def test_several_files_are_loaded_in_order(write: Write) -> None:
    first, second = (write(f"{HEADER}2014-12-10,edX/{n}/1,1990,{n},6\n", f"{n}.csv") for n in (2, 1))
    load(first, second)
    assert [row[3] for row in rows()] == [2, 1]
    other = write("date,course_id\n2014-12-10,edX/A/1\n", "other.csv")
    with pytest.raises(CommandError, match="have different columns"):
        load(first, other)


def test_null_in_columns_of_each_type(write: Write) -> None:
    names = (
        "course_id,module_id,part_id,correct,first_response_count,last_response_count,"
        "value_id,answer_value_text,answer_value_numeric,variant"
    )
    nulls = ["", r"\N", "None", "NaN", "inf", "-inf"]
    content = "".join(f"c,m,p,true,1,2,{null},{null},{null},{null}\n" for null in nulls)
    load(write(f"{names}\n{content}"), table=ANSWERS)
    kept = [None if null == r"\N" else null for null in nulls]
    found = answers("value_id", "answer_value_text", "answer_value_numeric", "variant")
    assert found == [(text, text, None, None) for text in kept]
    load(write(f'{names}\nc,m,p,0,1,2,"\\N","","",""\n'), table=ANSWERS)
    assert answers("value_id", "answer_value_text", "variant") == [(None, "", None)]


def test_text_stays_as_it_is(write: Write) -> None:
    texts = [
        "a\tb",
        "line\nline",
        "line\r\nline",
        'say "x"',
        "\\",
        "\\n",
        " spaces ",
        "'; DROP",
        "%s",
        "\0",
        "é\U0001f600",
        "None",
        ",",
    ]
    names = "course_id,module_id,part_id,correct,first_response_count,last_response_count,answer_value_text\n"
    quoted = ['"{}"'.format(text.replace('"', '""')) for text in texts]
    load(write(names + "".join(f"c,m,p,1,1,1,{text}\n" for text in quoted)), table=ANSWERS)
    assert [text for (text,) in answers("answer_value_text")] == texts
    tsv = [text for text in texts if "\t" not in text and "\n" not in text]
    load(
        write(names.replace(",", "\t") + "".join(f"c\tm\tp\t1\t1\t1\t{text}\n" for text in tsv), "a.tsv"), table=ANSWERS
    )
    assert [text for (text,) in answers("answer_value_text")] == tsv
    objects = [dict(zip(names.strip().split(","), ["c", "m", "p", True, 1, 1, text], strict=True)) for text in texts]
    load(write("".join(f"{json.dumps(item)}\n" for item in objects), "a.ndjson"), table=ANSWERS)
    assert [text for (text,) in answers("answer_value_text")] == texts


ANSWER = {"course_id": "c", "module_id": "m", "part_id": "p", "first_response_count": 1, "last_response_count": 1}
OF_ANSWERS = (*ANSWER, "correct", "value_id", "answer_value_text")
OF_ANSWER = "c\tm\tp\t1\t1\t1\t"


@pytest.mark.parametrize("has_header", [False, True])
@pytest.mark.parametrize(
    ("text", "is_verbatim"),
    [
        (f"{OF_ANSWER}a\tb\n", True),
        (f"{OF_ANSWER}a\tb", True),
        (f"{OF_ANSWER}\\N\t\\N\n", True),
        (f"{OF_ANSWER}\t\n", True),
        (f"{OF_ANSWER}N \tÄ\U0001f600 \n", True),
        (f"{OF_ANSWER}\\N\ta\\Nb\n", False),
        (f"{OF_ANSWER}\\N\ta\\N\n", False),
        (f"{OF_ANSWER}a\\N\t\\Nb\n", False),
        (f"{OF_ANSWER}a\t\\\\N\n", False),
        (f"{OF_ANSWER}a\tb\\\n", False),
        (f"{OF_ANSWER}a\tb\0\n", False),
        (f"{OF_ANSWER}a\tb\r\n", False),
        (f"\n{OF_ANSWER}a\tb\n", False),
        (f"{OF_ANSWER}a\tb\n\n", False),
        (f"\ufeff{OF_ANSWER}a\tb\n", False),
        ("c\tm\tp\t 1\t1\t1\ta\tb\n", False),
        ("c\tm\tp\t1\t1.0\t1\ta\tb\n", False),
        ("c\tm\tp\t1\t1\ttrue\ta\tb\n", False),
    ],
)
def test_lines_that_go_to_the_database_as_they_are(
    write: Write, text: str, is_verbatim: bool, has_header: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if has_header:
        text = "\t".join(OF_ANSWERS) + f"\n{text}"
    path, connection = write(text, "a.tsv"), connections["analytics"]
    source = reading.source_of(path, None, connection.table_columns(ANSWERS), OF_ANSWERS)  # type: ignore[attr-defined]  # our backends'
    assert source.check([]) == 1
    assert source.verbatim == is_verbatim
    load(path, table=ANSWERS, columns=",".join(OF_ANSWERS))
    (stored,) = answers(*OF_ANSWERS)
    monkeypatch.setattr(reading.Source, "is_verbatim", lambda *arguments: False)
    load(path, table=ANSWERS, columns=",".join(OF_ANSWERS))
    assert answers(*OF_ANSWERS) == [stored]


def test_times(write: Write) -> None:
    header = "course_id,interval_start,interval_end,label,count,created\n"
    times = [
        "2014-12-08 00:00:00",
        "2014-12-08T00:00:00",
        "2014-12-08 00:00:00.000",
        "2014-12-08T00:00:00Z",
        "2014-12-08 00:00:00+00:00",
        "2014-12-08",
    ]
    load(
        write(header + "".join(f"c,{text},2014-12-15,ACTIVE,1,2014-12-15 04:05:06\n" for text in times)),
        table="course_activity",
    )
    found = models.CourseActivityWeekly.objects.values_list("interval_start", "created")
    assert set(found) == {(datetime(2014, 12, 8, tzinfo=UTC), datetime(2014, 12, 15, 4, 5, 6, tzinfo=UTC))}
    assert len(found) == len(times)


LINE = "2014-12-10,edX/A/1,1990,5,6\n"
INT = "The column takes an integer from -2147483648 to 2147483647."
DATE = "The column takes a date that exists, as YYYY-MM-DD."
LONG = "x" * 256


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ("2014-12-10,edX/A/1,1990,many,6", f'line 3, column count: "many" does not fit. {INT}'),
        ("2014-12-10,edX/A/1,1990,1.5,6", f'line 3, column count: "1.5" does not fit. {INT}'),
        ("2014-12-10,edX/A/1,1990,1e3,6", f'line 3, column count: "1e3" does not fit. {INT}'),
        ("2014-12-10,edX/A/1,1990,2147483648,6", f'line 3, column count: "2147483648" does not fit. {INT}'),
        ("2014-12-10,edX/A/1,1990,-2147483649,6", f'line 3, column count: "-2147483649" does not fit. {INT}'),
        (f"2014-12-10,edX/A/1,1990,{'9' * 50},6", f'line 3, column count: "{"9" * 50}" does not fit. {INT}'),
        ("2014-02-30,edX/A/1,1990,5,6", f'line 3, column date: "2014-02-30" does not fit. {DATE}'),
        ("2014-2-3,edX/A/1,1990,5,6", f'line 3, column date: "2014-2-3" does not fit. {DATE}'),
        ("0000-00-00,edX/A/1,1990,5,6", f'line 3, column date: "0000-00-00" does not fit. {DATE}'),
        ("2014-12-10 01:00:00,edX/A/1,1990,5,6", f'line 3, column date: "2014-12-10 01:00:00" does not fit. {DATE}'),
        (",edX/A/1,1990,5,6", 'line 3, column date: "" is NULL, which this column does not take.'),
        ("None,edX/A/1,1990,5,6", 'line 3, column date: "None" is NULL, which this column does not take.'),
        (r"2014-12-10,\N,1990,5,6", r'line 3, column course_id: "\N" is NULL, which this column does not take.'),
        (
            f"2014-12-10,{LONG},1990,5,6",
            f'line 3, column course_id: "{"x" * 60}…" has 256 characters. The column takes at most 255.',
        ),
        ("2014-12-10,edX/A/1,1990,5", f"line 3: it has 4 values in place of 5: {', '.join(COLUMNS)}."),
        ("2014-12-10,edX/A/1,1990,5,6,7", f"line 3: it has 6 values in place of 5: {', '.join(COLUMNS)}."),
        (b"2014-12-10,edX/\xff/1,1990,5,6", r'line 3, column course_id: "edX/\xff/1" is not UTF-8.'),
        ('2014-12-10,"edX/A/1"x,1990,5,6', "line 3: it is no CSV: ',' expected after '\"'."),
    ],
    ids=lambda value: "" if not isinstance(value, bytes) and " " in str(value)[:8] else repr(value)[:45],
)
def test_a_bad_value_is_named(write: Write, bad: str | bytes, expected: str) -> None:
    content = bad if isinstance(bad, bytes) else bad.encode()
    path = write(HEADER.encode() + LINE.encode() + content + b"\n" + LINE.encode())
    assert faults(path) == [f"rows.csv, {expected}"]
    assert faults(path, dry_run=True, append=True) == [f"rows.csv, {expected}"]


def test_the_first_ten_faults_are_named_in_order(write: Write) -> None:
    good, bad = write(HEADER + LINE * 3, "a.csv"), write(HEADER + (LINE + "x,edX/A/1,y,5,6\n") * 20, "b.csv")
    found = faults(good, bad)
    assert found[:3] == [
        f'b.csv, line 3, column date: "x" does not fit. {DATE}',
        f'b.csv, line 3, column birth_year: "y" does not fit. {INT}',
        f'b.csv, line 5, column date: "x" does not fit. {DATE}',
    ]
    assert found[10:] == ["These are the first 10."]


def test_lines_are_counted_as_an_editor_counts_them(write: Write) -> None:
    header = "course_id,date,count\n"
    content = header + '"a\nb\n",2014-12-10,1\n\n"c\n",2014-12-10,x\n"d",2014-12-10,y\n'
    path = write(content)
    assert [fault.partition(":")[0] for fault in faults(path)] == [
        "rows.csv, line 6, column count",
        "rows.csv, line 8, column count",
    ]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.ndjson", NDJSON + "{\n", 'line 3: it is no JSON: "{".'),
        ("a.ndjson", NDJSON + "[1]\n", 'line 3: it is no object: "[1]".'),
        ("a.ndjson", NDJSON + '{"cuont": 1}\n', f'line 3: "cuont" is no column that is loaded: {", ".join(COLUMNS)}.'),
        ("a.ndjson", NDJSON + '{"count": [1]}\n', 'line 3: the value of "count" is no text or number: "[1]".'),
        (
            "a.ndjson",
            NDJSON + '{"date": "2014-12-10"}\n',
            "line 3, column course_id: The value is NULL, which this column does not take.",
        ),
        (
            "a.ndjson",
            NDJSON + '{"date": "2014-12-10", "course_id": "c", "count": 1.5}\n',
            f'line 3, column count: "1.5" does not fit. {INT}',
        ),
        (
            "a.ndjson",
            NDJSON + '{"date": "2014-12-10", "course_id": "\\ud800"}\n',
            r'line 3, column course_id: "\ud800" is not UTF-8.',
        ),
        ("a.ndjson", NDJSON.encode() + b'{"course_id": "\xff"}\n', "line 3: it is not UTF-8."),
        ("a.tsv", TSV + "2014-12-10\tedX/A/1\tx\t5\t6\n", f'line 3, column birth_year: "x" does not fit. {INT}'),
        ("a.tsv", TSV + "2014-12-10\tedX/A/1\n", f"line 3: it has 2 values in place of 5: {', '.join(COLUMNS)}."),
    ],
)
def test_a_bad_line_of_other_formats(write: Write, name: str, content: str | bytes, expected: str) -> None:
    assert faults(write(content, name)) == [f"{name}, {expected}"]


@pytest.mark.parametrize("name", ["many.csv", "mixed.csv", "many.tsv", "many.ndjson"])
def test_many_rows_keep_their_order_and_lines(write: Write, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCH_ROWS", 100)
    monkeypatch.setattr(reading, "SMALL_BATCH_ROWS", 100)
    names = ("course_id", "date", "count")
    values = [("edX/A/1", "2014-12-10", number) for number in range(1050)]
    if name.endswith("ndjson"):
        lines = [json.dumps(dict(zip(names, row, strict=True))) for row in values]
    else:
        delimiter = "\t" if name.endswith("tsv") else ","
        lines = [delimiter.join(map(str, row)) for row in (names, *values)]
    content = "\n".join(lines)
    if name.startswith("mixed"):
        content = content.replace("\n", "\r\n", 3)
    path = write(content, name)
    bad = write(content.replace("1049", '"many"' if name.endswith("ndjson") else "many"), f"bad_{name}")
    assert faults(bad) == [f'bad_{name}, line {len(lines)}, column count: "many" does not fit. {INT}']
    load(path)
    assert [row[3] for row in rows()] == list(range(1050))


def test_bad_values_of_parquet(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {"date": ["2014-12-10", "2014-02-30"], "course_id": ["c", None], "count": [1, 2**31]}
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table(arrays), path)
    assert faults(path) == [
        f'a.parquet, line 2, column date: "2014-02-30" does not fit. {DATE}',
        "a.parquet, line 2, column course_id: The value is NULL, which this column does not take.",
        f'a.parquet, line 2, column count: "2147483648" does not fit. {INT}',
    ]
    path.write_bytes(path.read_bytes()[:-20])
    assert "cannot be read" in refusal(path)


NUMERIC = "answer_value_numeric"
TINY = "The column takes 0 or 1, true or false."


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.ndjson"])
@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        (NUMERIC, "1e400", "The column takes a number."),
        (NUMERIC, "-1e400", "The column takes a number."),
        (NUMERIC, "1" * 400, "The column takes a number."),
        (NUMERIC, "true", "The column takes a number."),
        ("first_response_count", "1e400", INT),
        ("first_response_count", "2147483648", INT),
        ("first_response_count", "-2147483649", INT),
        ("first_response_count", "true", INT),
        ("correct", "2", TINY),
        ("correct", "1e400", TINY),
    ],
    ids=lambda value: value[:12],
)
def test_a_number_that_no_column_holds(write: Write, name: str, column: str, text: str, reason: str) -> None:
    values = {name: json.dumps(value) for name, value in (ANSWER | {"correct": 1, NUMERIC: 1}).items()}
    good, bad = [{**values, column: value} for value in ("1", text)]
    if name == "a.ndjson":
        members = (", ".join(f'"{name}": {value}' for name, value in row.items()) for row in (good, bad))
        content = "".join(f"{{{found}}}\n" for found in members)
        line = 2
    else:
        delimiter = "\t" if name == "a.tsv" else ","
        content = "".join(delimiter.join(row).replace('"', "") + "\n" for row in (good, good.values(), bad.values()))
        line = 3
    quoted = text if len(text) <= 60 else f"{text[:60]}…"
    expected = f'{name}, line {line}, column {column}: "{quoted}" does not fit. {reason}'
    assert faults(write(content, name), table=ANSWERS) == [expected]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "null", '"inf"', '""'])
def test_ndjson_of_no_number_is_null(write: Write, text: str) -> None:
    first = json.dumps(ANSWER | {"correct": True, NUMERIC: 1.5})
    load(write(f"{first}\n{first.replace('1.5', text)}\n", "a.ndjson"), table=ANSWERS)
    assert answers(NUMERIC) == [(1.5,), (None,)]


def test_a_number_beside_one_that_is_none_is_read_the_same(write: Write) -> None:
    first = json.dumps(ANSWER | {"correct": True, NUMERIC: None}).replace('_count": 1', '_count": 1e2')
    load(write(f"{first}\n{first.replace('null', 'NaN')}\n", "a.ndjson"), table=ANSWERS)
    assert answers("first_response_count", "last_response_count", NUMERIC) == [(100, 100, None)] * 2


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        (NUMERIC, pyarrow.array([1.5, float("inf"), float("nan"), -float("inf")]), [1.5, None, None, None]),
        (NUMERIC, pyarrow.array([1.5, 1.5, 1.7e308, 5e-324]), [1.5, 1.5, 1.7e308, 5e-324]),
        (NUMERIC, pyarrow.array([True] * 4), "true"),
        ("first_response_count", pyarrow.array([True] * 4), "true"),
        ("first_response_count", pyarrow.array([2**64 - 1] * 4, pyarrow.uint64()), str(2**64 - 1)),
        ("first_response_count", pyarrow.array([1e300] * 4), "1e+300"),
        ("correct", pyarrow.array([2] * 4), "2"),
        ("created", pyarrow.array([2**62] * 4, pyarrow.timestamp("us")), "148108-07-06 14:00:27.387904"),
        ("created", pyarrow.array([date(2037, 12, 31)] * 4), [datetime(2037, 12, 31, tzinfo=UTC)] * 4),
    ],
)
def test_numbers_and_times_of_parquet(tmp_path: Path, column: str, values: Any, expected: list[Any] | str) -> None:
    table: dict[str, Any] = {name: [value] * 4 for name, value in (ANSWER | {"correct": 1}).items()}
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({**table, column: values}), path)
    if isinstance(expected, str):
        first = faults(path, table=ANSWERS)[0]
        assert first.startswith(f'a.parquet, line 1, column {column}: "{expected}" does not fit. ')
    else:
        load(path, table=ANSWERS)
        assert [value for (value,) in answers(column)] == expected


@pytest.mark.parametrize("value", [[1], {"a": 1}, [[]]], ids=str)
def test_lists_and_objects_of_parquet(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "a.parquet"
    arrays = {name: [found] for name, found in (ANSWER | {"correct": 1, "answer_value_text": value}).items()}
    pyarrow.parquet.write_table(pyarrow.table(arrays), path)
    message = refusal(path, table=ANSWERS)
    assert message.startswith("a.parquet, column answer_value_text: values of the type ")
    assert message.endswith(" are no text, number or time.")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "date,course_id,cuont\n2014-12-10,c,1\n",
            "has columns that the table has not: cuont. It has id, date, course_id",
        ),
        ("date,date,course_id\n2014-12-10,2014-12-10,c\n", "names a column twice"),
        ("course_id,count\nc,1\n", "lacks columns that every row needs: date."),
        (HEADER, f"There are no rows for {BIRTH}; nothing was changed."),
        ("", f"There are no rows for {BIRTH}"),
    ],
)
def test_a_file_that_does_not_fit_the_table(write: Write, content: str, message: str) -> None:
    assert message in refusal(write(content))


def test_files_that_cannot_be_read(write: Write, tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refusal(tmp_path / "none.csv")
    assert "cannot be read: Is a directory" in refusal(tmp_path, format="csv")
    cut = gzip.compress((HEADER + LINE * 10000).encode())[:-30]
    assert "is cut off or damaged" in refusal(write(cut, "cut.csv.gz"))
    damaged = gzip.compress((HEADER + LINE).encode())[:-8] + b"\0" * 8
    assert "is cut off or damaged" in refusal(write(damaged, "damaged.csv.gz"))
    assert "is cut off or damaged" in refusal(write(CSV, "plain.csv.gz"))


def test_members_of_gz_one_after_the_other(write: Write) -> None:
    load(write(gzip.compress((HEADER + LINE).encode()) + gzip.compress(LINE.encode()), "two.csv.gz"))
    assert len(rows()) == 2


def test_a_table_that_is_none_and_a_database_that_is_none(write: Write) -> None:
    assert "There is no table 'video_timelines'; there are answer_distribution, course_activity" in refusal(
        write(CSV), table="video_timelines"
    )
    assert "There is no database 'nowhere'" in refusal(write(CSV), database="nowhere")


def test_a_dry_run_loads_nothing(write: Write) -> None:
    assert load(write(CSV), dry_run=True).startswith(f"{BIRTH}: 2 rows checked, none loaded in ")
    assert rows() == [OLD]


def test_appended_rows_count_where_they_are_newer(write: Write) -> None:
    assert load(write(CSV), append=True).startswith(f"{BIRTH}: 2 rows added in ")
    assert rows() == [OLD, *NEW]
    load(write(CSV.replace("1990,5,6", "1990,7,8")), append=True)
    newest: Any = models.CourseEnrollmentByBirthYear.objects
    assert len(rows()) == 5
    assert [row[3] for row in rows() if row[1] == "edX/A/1"] == [5, 7]
    assert newest.count() == 5


def test_no_rows_where_that_is_meant(write: Write) -> None:
    load(write(HEADER), allow_empty=True)
    assert rows() == []


def test_a_file_that_changes_while_it_is_loaded(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(CSV)
    check = reading.Source.check

    def checked(source: Any, faults: Any) -> int:
        found = check(source, faults)
        path.write_text(CSV + LINE)
        return found

    monkeypatch.setattr(reading.Source, "check", checked)
    assert "was changed while it was loaded" in refusal(path)


def test_ctrl_c(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(*arguments: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(reading.Source, "batches", pressed)
    with pytest.raises(SystemExit) as ended:
        load(write(CSV))
    assert ended.value.code == 130
    assert rows() == [OLD]
    with connections["analytics"].cursor() as cursor:
        assert not [name for name in connections["analytics"].introspection.table_names(cursor) if "__" in name]


CHECKED = [
    Column("a", "integer", low=-(2**31), high=2**31 - 1),
    Column("b", "number"),
    Column("c", "boolean", nullable=False),
    Column("d", "date"),
    Column("e", "datetime", is_timestamp=True),
    Column("f", "text", max_chars=5, charset="latin1"),
    Column("g", "text", max_bytes=6, charset="utf8mb3"),
]
VALUES = st.one_of(
    st.none(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.from_regex(r"\A[-+ ]?[0-9]{0,11}(\.[0-9]{0,3})?(e[-+]?[0-9]{1,4})?\Z"),
    st.from_regex(r"\A[012][0-9]{3}-[01][0-9]-[0-3][0-9]([ T][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.0|\.5)?Z?)?\Z"),
    st.dates().map(str),
    st.datetimes().map(lambda moment: str(moment)[:19]),
    st.sampled_from(
        [
            "",
            r"\N",
            "None",
            "NaN",
            "inf",
            "-inf",
            "nan",
            "true",
            "False",
            "1",
            "0",
            "1.0",
            "1_000",
            "٣",
            "infinity",
            "epoch",
        ]
    ),
)


@pytest.mark.slow
@given(st.lists(st.tuples(*[VALUES] * len(CHECKED)), min_size=1, max_size=20))
@settings(max_examples=min(50, settings().max_examples))
def test_duckdb_and_python_agree_on_what_fits(batch: list[tuple[str | None, ...]]) -> None:
    source: Any = object.__new__(reading.Source)
    source.read, source.path = CHECKED, Path("x")
    with reading.connected() as duck:
        for row in batch:
            assert source.faulty(duck, [list(row)]) == bool(list(source.faults_of(1, list(row)))), row
