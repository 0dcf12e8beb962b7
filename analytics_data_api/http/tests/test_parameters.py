"""The parameters of the query string, valid and not."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import APIException

from analytics_data_api.http import parameters
from analytics_data_api.http.parameters import Given, Parameter
from analytics_data_api.http.problems import BadRequest, NoData
from analytics_data_api.tables.dates import DateRange


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]  # three parts at least


@pytest.mark.parametrize("name", ["start_date", "end_date"])
class TestDates:
    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("2014-12-10", utc(2014, 12, 10)),
            ("2014-12-10T193146", utc(2014, 12, 10, 19, 31, 46)),
            ("2014-12-10T193146Z", utc(2014, 12, 10, 19, 31, 46)),
            ("2014-12-10T19:31:46", utc(2014, 12, 10, 19, 31, 46)),
            ("2014-12-10T19:31:46Z", utc(2014, 12, 10, 19, 31, 46)),
            ("2014-12-10T19:31:46.5Z", utc(2014, 12, 10, 19, 31, 46, 500_000)),
            ("2014-12-10T19:31:46.123456789Z", utc(2014, 12, 10, 19, 31, 46, 123_456)),
            (f"2014-12-10T19:31:46.{'5' * 100}+02:00", utc(2014, 12, 10, 17, 31, 46, 555_555)),
            ("2014-12-10T19:31:46+05", utc(2014, 12, 10, 14, 31, 46)),
            ("2014-12-10T19:31", utc(2014, 12, 10, 19, 31)),
            ("2014-12-10T19:31:46+05:30", utc(2014, 12, 10, 14, 1, 46)),
            ("2014-12-31T233000-0100", utc(2015, 1, 1, 0, 30)),
            ("2012-02-29", utc(2012, 2, 29)),
            ("0001-01-01", utc(1, 1, 1)),
            ("9999-12-31T235959", utc(9999, 12, 31, 23, 59, 59)),
        ],
    )
    def test_a_date_or_time_is_taken_as_utc(self, name: str, text: str, moment: datetime) -> None:
        taken = parameters.time({name: text}, name)
        assert taken is not None
        assert (taken, taken.tzinfo) == (moment, UTC)

    @pytest.mark.parametrize("query", [{}, {"start_date": "", "end_date": ""}])
    def test_nothing_and_an_empty_value_are_the_same(self, name: str, query: dict[str, str]) -> None:
        assert parameters.time(query, name) is None

    @pytest.mark.parametrize(
        "text",
        [
            # No calendar has them.
            "2014-02-29",
            "1900-02-29",
            "2014-13-01",
            "2014-00-10",
            "2014-12-32",
            "0000-01-01",
            "10000-01-01",
            # No clock shows them.
            "2014-12-10T250000",
            "2014-12-10T19:60:00",
            "2014-12-10T193160",
            "2014-12-10T00:00:00+24:00",
            "2014-12-10T00:00:00+99:99",
            # In UTC, they are before the first year or after the last.
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            # Other forms, of ISO 8601 and not.
            "20141210",
            "2014-12",
            "2014-W50-3",
            "2014-344",
            "2014-12-1",
            "2014-12-10T",
            "2014-12-10T19",
            "2014-12-10T1931",
            "2014-12-10 19:31:46",
            "2014-12-10Z",
            "2014-12-10T19:31:46.",
            "2014-12-10T19:31:46,5",
            "12/10/2014",
            "1418239906",
            "yesterday",
            "null",
            # Alike to the eye, or but for white space.
            "\uff12\uff10\uff11\uff14-\uff11\uff12-\uff11\uff10",
            "\u0662\u0660\u0661\u0664-\u0661\u0662-\u0661\u0660",
            "2014\u201012\u201010",
            "\u22122014-12-10",
            " 2014-12-10",
            "2014-12-10 ",
            "2014-12-10\n",
            "2014-12-10\0",
        ],
    )
    def test_anything_else_is_refused_by_name_value_and_what_it_takes(self, name: str, text: str) -> None:
        with pytest.raises(BadRequest) as caught:
            parameters.time({name: text}, name)
        detail = str(caught.value.detail)
        assert detail.startswith(f"{name} is {text!r}; it takes ")
        assert "YYYY-mm-dd or YYYY-mm-ddTHHMMSS" in detail
        assert caught.value.get_codes() == "invalid_date"

    @pytest.mark.parametrize("text", ["2014-10-01T00:00:00 02:00", "2014-10-01T000000 0200", "2014-10-01T00:00 02"])
    def test_an_offset_whose_plus_was_not_encoded_is_refused_with_how_to_send_it(self, name: str, text: str) -> None:
        with pytest.raises(BadRequest) as caught:
            parameters.time({name: text}, name)
        assert str(caught.value.detail) == (
            f"{name} is {text!r}; it takes a date that exists, as YYYY-mm-dd or YYYY-mm-ddTHHMMSS (UTC). "
            "ISO 8601 with colons and an offset are taken, too; send the + of an offset as %2B."
        )

    @pytest.mark.parametrize("text", ["2014-12-10 19:31:46", "2014-12-10T000000Z ", "2014-12-10T00:00:00+24:00"])
    def test_other_errors_say_nothing_of_offsets(self, name: str, text: str) -> None:
        with pytest.raises(BadRequest) as caught:
            parameters.time({name: text}, name)
        assert str(caught.value.detail).endswith("(UTC).")

    def test_a_long_value_is_shortened(self, name: str) -> None:
        with pytest.raises(BadRequest) as caught:
            parameters.time({name: "2014-12-10" + "0" * 10_000}, name)
        detail = str(caught.value.detail)
        assert f"{name} is '2014-12-10000" in detail
        assert "…" in detail
        assert len(detail) < 250


class TestRange:
    @pytest.mark.parametrize(
        ("query", "taken"),
        [
            ({}, None),
            ({"start_date": "", "end_date": ""}, None),
            ({"start_date": "2014-12-10"}, DateRange(utc(2014, 12, 10), None)),
            ({"end_date": "2014-12-10"}, DateRange(None, utc(2014, 12, 10))),
            (
                {"start_date": "2014-12-10", "end_date": "2014-12-11"},
                DateRange(utc(2014, 12, 10), utc(2014, 12, 11)),
            ),
            # It starts no later than it ends; it is empty, but no mistake.
            (
                {"start_date": "2014-12-10", "end_date": "2014-12-10T000000"},
                DateRange(utc(2014, 12, 10), utc(2014, 12, 10)),
            ),
            # The clock at the start shows the later time, but it is 23:00 in UTC.
            (
                {"start_date": "2014-12-10T01:00:00+02:00", "end_date": "2014-12-10T00:30:00Z"},
                DateRange(utc(2014, 12, 9, 23), utc(2014, 12, 10, 0, 30)),
            ),
        ],
    )
    def test_each_end_is_optional(self, query: dict[str, str], taken: DateRange | None) -> None:
        assert parameters.date_range(query) == taken

    @pytest.mark.parametrize(
        ("start_date", "end_date"),
        [
            ("2014-12-11", "2014-12-10"),
            ("2014-12-10T000001", "2014-12-10"),
            ("2014-12-10T00:00:00-01:00", "2014-12-10T00:30:00Z"),
        ],
    )
    def test_one_that_ends_before_it_starts_is_refused_with_both_ends(self, start_date: str, end_date: str) -> None:
        with pytest.raises(BadRequest) as caught:
            parameters.date_range({"start_date": start_date, "end_date": end_date})
        detail = str(caught.value.detail)
        for told in ("start_date", repr(start_date), "end_date", repr(end_date), "starts before it ends"):
            assert told in detail
        assert caught.value.get_codes() == "invalid_date_range"


class TestActivityType:
    @pytest.mark.parametrize("name", ["any", "attempted_problem", "played_video", "posted_forum"])
    @pytest.mark.parametrize("spell", [str.lower, str.upper, str.title], ids=["lower", "upper", "title"])
    @pytest.mark.parametrize("parameter", ["activity_type", "label"])
    def test_case_does_not_count(self, name: str, spell: Callable[[str], str], parameter: str) -> None:
        assert parameters.activity_type({parameter: spell(name)}) == name

    @pytest.mark.parametrize("query", [{}, {"activity_type": ""}, {"label": ""}, {"activity_type": "", "label": ""}])
    def test_any_is_the_default(self, query: dict[str, str]) -> None:
        assert parameters.activity_type(query) == "any"

    @pytest.mark.parametrize("spelling", ["ACTIVE", "active"])
    def test_the_pipelines_word_for_any_is_taken(self, spelling: str) -> None:
        assert parameters.activity_type({"label": spelling}) == "any"

    @pytest.mark.parametrize(
        ("query", "name"),
        [
            ({"activity_type": "any", "label": "PLAYED_VIDEO"}, "played_video"),
            ({"activity_type": "played_video", "label": "posted_forum"}, "posted_forum"),
            ({"activity_type": "unknown", "label": "posted_forum"}, "posted_forum"),
            ({"activity_type": "", "label": "posted_forum"}, "posted_forum"),
            ({"activity_type": "played_video", "label": ""}, "played_video"),
        ],
    )
    def test_the_older_name_goes_before_the_newer(self, query: dict[str, str], name: str) -> None:
        assert parameters.activity_type(query) == name

    @pytest.mark.parametrize(
        ("query", "used"),
        [
            ({"label": "swimming"}, "label"),
            ({"label": "swimming", "activity_type": "any"}, "label"),
            ({"label": "", "activity_type": "swimming"}, "activity_type"),
        ],
    )
    def test_the_error_names_the_parameter_that_was_used(self, query: dict[str, str], used: str) -> None:
        with pytest.raises(NoData) as caught:
            parameters.activity_type(query)
        assert str(caught.value.detail).startswith(f"{used} is 'swimming'; it takes one of: any, ")

    @pytest.mark.parametrize(
        "text", ["swimming", "played video", " any", "any\0", "po\u017fted_forum", "played_v\u0131deo", "x" * 10_000]
    )
    def test_another_is_not_found_and_the_types_are_listed(self, text: str) -> None:
        with pytest.raises(NoData) as caught:
            parameters.activity_type({"activity_type": text})
        detail = str(caught.value.detail)
        assert caught.value.status_code == 404
        assert caught.value.get_codes() == "unknown_activity_type"
        assert f"activity_type is {text[:50]!r}"[:-1] in detail
        assert "any, attempted_problem, played_video, posted_forum" in detail
        assert len(detail) < 250


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (None, ()),
        ("", ()),
        (",,", ()),
        ("date", ("date",)),
        ("date,count", ("date", "count")),
        ("count,date", ("count", "date")),
        ("date,,count,", ("date", "count")),
        ("count,date,count", ("count", "date")),
        ("country.name,country.alpha2", ("country.name", "country.alpha2")),
    ],
)
def test_fields_are_taken_in_their_order_each_once(text: str | None, names: tuple[str, ...]) -> None:
    assert parameters.fields(Given({} if text is None else {"fields": [text]})) == names


# What gets further into the code than mere text does.
NEARLY_DATES = st.from_regex(r"\A\d{4}-\d\d-\d\d(T[\d:]{4,8}(\.\d+)?(Z|[+-][\d:]{4,5})?)?\Z")
WORDS = st.text() | st.sampled_from(["any", "ACTIVE", "played_video"])


def outcome(take: Callable[[dict[str, str]], Any], query: dict[str, str]) -> Any:
    """Return what a query is taken for, or the status that refuses it; any other exception is a fault."""
    try:
        return take(query)
    except APIException as refused:
        return refused.status_code


@given(start_date=st.text() | NEARLY_DATES, end_date=st.text() | NEARLY_DATES)
def test_any_text_is_a_range_of_dates_or_the_callers_mistake(start_date: str, end_date: str) -> None:
    taken = outcome(parameters.date_range, {"start_date": start_date, "end_date": end_date})
    if taken is None:
        assert not start_date
        assert not end_date
    elif isinstance(taken, DateRange):
        ends = [end for end in taken if end is not None]
        assert len(ends) == bool(start_date) + bool(end_date)
        assert all(end.tzinfo is UTC for end in ends)
        assert ends == sorted(ends)
    else:
        assert taken == 400


@given(activity_type=WORDS, label=WORDS)
def test_any_text_is_an_activity_type_or_the_callers_mistake(activity_type: str, label: str) -> None:
    taken = outcome(parameters.activity_type, {"activity_type": activity_type, "label": label})
    assert taken in {"any", "attempted_problem", "played_video", "posted_forum", 404}


@given(st.text())
def test_any_text_is_a_list_of_fields(text: str) -> None:
    taken = parameters.fields(Given({"fields": [text]}))
    assert "" not in taken
    assert len(set(taken)) == len(taken)
    assert set(taken) <= set(map(str.strip, text.split(",")))


NAMES = Parameter("names", "Names.", ["a", "b"], {"type": "string"}, comma_separated=True)
IDS = Parameter("ids", "Ids.", ["a/b/c"], {"type": "string", "pattern": ".+/.+/.+"}, comma_separated=True, is_id=True)
KINDS = Parameter("kinds", "Kinds.", ["x"], {"type": "string", "enum": ["x", "y"]}, comma_separated=True)


class TestLists:
    @pytest.mark.parametrize(
        ("texts", "values"),
        [
            (None, None),
            ([""], None),
            ([",", " "], None),
            ([], ()),
            (["a"], ("a",)),
            (["a,b"], ("a", "b")),
            (["b", "a"], ("b", "a")),
            (["a,b", "", "c,a"], ("a", "b", "c")),
            ([" a , b c"], ("a", "b c")),
        ],
    )
    def test_comma_separated_or_repeated(self, texts: list[str] | None, values: tuple[str, ...] | None) -> None:
        given = Given() if texts is None else Given({"names": texts})
        assert NAMES.listed(given) == values

    def test_a_space_inside_an_id_is_a_plus(self) -> None:
        given = Given({"ids": ["course-v1:a/b/c d e, x/y/z", "x/y/z"]})
        assert IDS.listed(given) == ("course-v1:a/b/c+d+e", "x/y/z")

    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("x/y/z ", ("x/y/z+",)),
            ("x/y/z+", ("x/y/z+",)),
            ("x/y/z+,a/b/c ", ("x/y/z+", "a/b/c+")),
            (" x/y/z , a/b/c ,", ("x/y/z", "a/b/c")),
            ("x/y/z,a/b/c\r\n", ("x/y/z", "a/b/c")),
        ],
    )
    def test_a_space_at_the_end_is_a_plus_too(self, text: str, values: tuple[str, ...]) -> None:
        assert IDS.listed(Given({"ids": [text]})) == values

    def test_a_value_of_another_form_is_refused(self) -> None:
        with pytest.raises(BadRequest, match=r"ids names 'a/b'; it takes values such as a/b/c\.") as refused:
            IDS.listed(Given({"ids": ["a/b/c,a/b"]}))
        assert refused.value.get_codes() == "invalid_value"

    def test_a_value_that_is_not_one_of_a_few_is_refused(self) -> None:
        with pytest.raises(BadRequest, match=r"kinds names 'z'; it takes a comma-separated list of: x, y\."):
            KINDS.listed(Given({"kinds": ["x,z"]}))


@given(st.none() | st.lists(st.text()))
def test_any_texts_are_a_list(texts: list[str] | None) -> None:
    taken = NAMES.listed(Given() if texts is None else Given({"names": texts}))
    if texts is None or not any(part.strip() for text in texts for part in text.split(",")):
        assert taken == (() if texts == [] else None)
    else:
        assert taken
        assert len(set(taken)) == len(taken)
