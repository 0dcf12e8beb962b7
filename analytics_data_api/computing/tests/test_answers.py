"""First and last responses: one fact each."""

from typing import Any

import pytest

from analytics_data_api.computing import store
from analytics_data_api.computing.tests.making import COURSE, Event, computed, rows_of, sent

PROBLEM = "block-v1:Org+CS+2025+type@problem+block@p"
HIDDEN = "answer to a part whose newest answer has no response type that is counted"


def answer(hour: int, value: str | None, user: str = "a", **values: Any) -> Event:
    """Return an answer to a part with a submission; the value is what it says, without a value id."""
    text = (value or "").strip() or None
    made = {
        "problem_id": PROBLEM,
        "username_hash": user,
        "part_id": "p_2_1",
        "has_submission": True,
        "answer": value,
        "text": text,
        "plain": text,
        "correct": False,
        "response_type": "stringresponse",
        **values,
    }
    return sent(store.ANSWERS, 1, f"{hour:02}:00:00", **{"event": f"{hour}{user}", **made})


def old(hour: int, value: str, user: str = "a", **values: Any) -> Event:
    return answer(hour, value, user, **{"has_submission": False, "response_type": None, **values})


def counts(*events: Event) -> dict[Any, tuple[int, int]]:
    """Return the first and last responses by value id or text, and by variant where there is one."""
    rows, _ = computed("answer_distribution", events)
    found = {}
    for row in rows:
        value = row["value_id"] or row["answer_value_text"]
        key = value if row["variant"] is None else (value, row["variant"])
        found[key] = row["first_response_count"], row["last_response_count"]
    return found


def only(*events: Event) -> dict[str, Any]:
    (row,) = computed("answer_distribution", events)[0]
    return row


def test_a_row() -> None:
    made = answer(1, " 1.5 ", correct=True, question="Which?", display_name="Quiz", variant="3")
    assert only(made) == {
        "course_id": COURSE,
        "module_id": PROBLEM,
        "part_id": "p_2_1",
        "correct": 1,
        "first_response_count": 1,
        "last_response_count": 1,
        "value_id": None,
        "answer_value_text": "1.5",
        "answer_value_numeric": 1.5,
        "variant": 3,
        "problem_display_name": "Quiz",
        "question_text": "Which?",
    }


def test_one_event_alone_is_first_and_last() -> None:
    assert counts(answer(1, "x")) == {"x": (1, 1)}


def test_what_lies_between_the_first_and_the_last_event_does_not_count() -> None:
    events = answer(2, "y"), answer(1, "x"), answer(3, "z")
    assert counts(*events) == {"x": (1, 0), "z": (0, 1)}
    assert computed("answer_distribution", events)[1] == {"event between a user's first and last": 1}


def test_what_lies_between_does_not_describe() -> None:
    newest = answer(2, "x", user="b", display_name="New")
    assert (
        only(answer(1, "x", display_name="Old"), answer(3, "x", display_name="Last"), newest)["problem_display_name"]
        == "Last"
    )
    between = answer(2, "x", display_name="Between")
    events = answer(1, "x", display_name="Old"), between, answer(3, "x", part_id="other")
    assert {row["problem_display_name"] for row in computed("answer_distribution", events)[0]} == {"Old", None}


def test_first_and_last_are_events_also_where_these_lack_the_part() -> None:
    assert counts(answer(1, "x"), answer(2, None, part_id=None)) == {"x": (1, 0)}


def test_users_and_problems_are_counted_apart() -> None:
    assert counts(answer(1, "x"), answer(2, "x", user="b")) == {"x": (2, 2)}
    assert counts(answer(1, "x"), answer(2, "y", problem_id="q", part_id="q_2_1")) == {"x": (1, 1), "y": (1, 1)}


def test_an_event_that_is_twice_in_the_store_counts_once() -> None:
    assert counts(answer(1, "x"), answer(1, "x"), answer(2, "y")) == {"x": (1, 0), "y": (0, 1)}


def test_events_of_one_user_at_one_time_have_an_order() -> None:
    events = [answer(1, value, event=value) for value in ("b", "a", "c")]
    assert counts(*events) == counts(*reversed(events)) == {"a": (1, 0), "c": (0, 1)}


def test_answers_have_no_range() -> None:
    assert (
        len(rows_of("answer_distribution", [answer(1, "x") | {"date": answer(1, "x")["date"].replace(year=2020)}])) == 1
    )


@pytest.mark.parametrize(
    "type_",
    [
        "choiceresponse",
        "optionresponse",
        "multiplechoiceresponse",
        "numericalresponse",
        "stringresponse",
        "formularesponse",
    ],
)
def test_response_types_that_are_counted(type_: str) -> None:
    assert counts(answer(1, "x", response_type=type_)) == {"x": (1, 1)}


@pytest.mark.parametrize("type_", ["customresponse", "", None])
def test_a_part_with_another_response_type_is_left_out(type_: str | None) -> None:
    rows, dropped = computed("answer_distribution", [answer(1, "x"), answer(2, "x", user="b", response_type=type_)])
    assert (rows, dropped) == ([], {HIDDEN: 2})


def test_a_part_of_which_the_newest_answer_has_no_submission_is_left_out() -> None:
    assert counts(answer(1, "x"), old(2, "x", user="b")) == {}


def test_an_older_answer_without_a_submission_counts() -> None:
    assert counts(old(1, "x"), answer(2, "x", user="b")) == {"x": (2, 2)}


def test_values_are_counted_by_their_id() -> None:
    events = answer(1, "One", value_id="choice_1"), answer(2, "Eins", user="b", value_id="choice_1")
    assert counts(*events) == {"choice_1": (2, 2)}


def test_what_describes_a_value_is_from_its_newest_answer() -> None:
    first = answer(1, "One", value_id="choice_1", correct=True, question="Old?")
    second = answer(2, "Eins", user="b", value_id="choice_1", correct=False, question="New?")
    found = only(second, first)
    assert (found["answer_value_text"], found["correct"], found["question_text"]) == ("Eins", 0, "New?")


def test_a_value_without_an_id_of_a_part_with_ids_is_an_id() -> None:
    rows, _ = computed("answer_distribution", [old(1, "choice_2"), answer(2, "One", user="b", value_id="choice_1")])
    assert [(row["value_id"], row["answer_value_text"]) for row in rows] == [("choice_1", "One"), ("choice_2", None)]


def test_a_value_counts_with_that_id_whether_written_as_id_or_answer() -> None:
    found = only(old(1, "choice_1"), answer(2, "One", user="b", value_id="choice_1"))
    assert (found["value_id"], found["answer_value_text"], found["first_response_count"]) == ("choice_1", "One", 2)


def test_a_value_of_which_the_newest_answer_has_no_id_is_an_id_itself() -> None:
    part = answer(3, "Two", user="c", value_id="choice_2")
    found, _ = computed("answer_distribution", [answer(1, "One", value_id="choice_1"), old(2, "choice_1", "b"), part])
    assert {row["value_id"]: row["answer_value_text"] for row in found} == {"choice_1": None, "choice_2": "Two"}


def test_where_the_newest_answer_of_the_part_has_no_id_others_have_none() -> None:
    rows, _ = computed("answer_distribution", [answer(1, "One", value_id="c1"), answer(2, "x", "b")])
    assert [(row["value_id"], row["answer_value_text"]) for row in rows] == [(None, "x"), ("c1", "One")]


def test_mark_up_is_taken_out_only_where_a_value_id_is_written() -> None:
    assert only(answer(1, "<p>One</p>", plain="One", value_id="c1"))["answer_value_text"] == "One"
    assert only(answer(1, "<p>One</p>", plain="One"))["answer_value_text"] == "<p>One</p>"


def test_a_list_is_a_value() -> None:
    assert counts(answer(1, "[One|Two]", value_id="[c1|c2]")) == {"[c1|c2]": (1, 1)}


@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_answer_is_an_answer(value: str) -> None:
    found = only(answer(1, value))
    assert (found["answer_value_text"], found["value_id"], found["first_response_count"]) == (None, None, 1)


def test_an_empty_answer_of_a_part_with_ids_has_none() -> None:
    assert counts(answer(1, ""), answer(2, "One", "b", value_id="c1")) == {None: (1, 1), "c1": (1, 1)}


def test_variants_are_counted_apart_where_the_newest_answer_has_one() -> None:
    assert counts(answer(1, "x", variant="1"), answer(2, "x", "b", variant="2")) == {("x", 1): (1, 1), ("x", 2): (1, 1)}


def test_variants_are_counted_together_where_the_newest_answer_has_none() -> None:
    found = only(old(1, "x", variant="7"), answer(2, "x", "b", variant=None))
    assert (found["variant"], found["first_response_count"]) == (None, 2)


def test_a_variant_describes_its_value_also_where_variants_are_counted_together() -> None:
    assert counts(answer(1, "x", variant="7"), answer(2, "y", "b")) == {("x", 7): (1, 1), "y": (1, 1)}


def test_the_module_of_a_part_is_that_of_its_newest_answer() -> None:
    found = only(answer(1, "x"), answer(2, "x", "b", problem_id="moved"))
    assert (found["module_id"], found["first_response_count"]) == ("moved", 2)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3", 3.0),
        ("+3.50", 3.5),
        ("-.5e-3", -0.0005),
        ("1.", 1.0),
        ("1E5", 100000.0),
        ("1e400", None),
        ("nan", None),
        ("inf", None),
        ("\u0661", None),
        ("1_000", None),
        ("1,5", None),
        ("0x10", None),
        ("1 2", None),
        (".", None),
        ("9" * 400, None),
    ],
)
def test_numbers(text: str, number: float | None) -> None:
    assert only(answer(1, text))["answer_value_numeric"] == number


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"problem_id": "p" * 256}, "problem id longer than 255 characters"),
        ({"part_id": "p" * 256}, "part id longer than 255 characters"),
        ({"value_id": "é" * 256}, "value id longer than 255 characters"),
        ({"variant": "x"}, "variant that is no whole number, or too large"),
        ({"variant": "1.5"}, "variant that is no whole number, or too large"),
        ({"variant": str(2**31)}, "variant that is no whole number, or too large"),
        ({"variant": "9" * 500}, "variant that is no whole number, or too large"),
    ],
)
def test_what_no_column_holds_drops_its_answer_and_the_event(values: dict[str, Any], reason: str) -> None:
    rows, dropped = computed("answer_distribution", [answer(1, "x", **values), answer(2, "y")])
    assert [(row["answer_value_text"], row["first_response_count"]) for row in rows] == [("y", 1)]
    assert dropped == {reason: 1}


def test_an_event_with_a_part_that_a_column_holds_stays() -> None:
    event = answer(1, "x"), answer(1, "z", part_id="p_3_1", value_id="v" * 256)
    assert counts(*event, answer(2, "y")) == {"x": (1, 0), "y": (0, 1)}


def test_an_answer_that_is_to_be_a_value_id_and_is_too_long_is_left_out() -> None:
    rows, dropped = computed("answer_distribution", [answer(1, "x" * 256), answer(2, "One", "b", value_id="c1")])
    assert [row["value_id"] for row in rows] == ["c1"]
    assert dropped == {"value, to be a value id, longer than 255 characters": 1}


def test_a_long_text_is_kept() -> None:
    assert only(answer(1, "x" * 100_000))["answer_value_text"] == "x" * 100_000
