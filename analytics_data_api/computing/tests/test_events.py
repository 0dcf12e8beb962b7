"""What is kept of an event, one rule each."""

import json
from typing import Any

import pytest

from analytics_data_api.computing.tests.events import COURSE, DAY, NAME_HASH, event, fate, kept, labels, read

LIBRARY = "library-v1:Org+Lib"
ENROLLMENT = {"course_id": COURSE, "user_id": 9, "mode": "audit"}
PART = "abc_2_1"


def enrollment(name: str = "activated", source: str = "server", **data: Any) -> dict[str, Any]:
    """Return an event of an enrollment. What it says of the course and user is in its data alone."""
    members = {name: value for name, value in {**ENROLLMENT, **data}.items() if value is not ...}
    context = {"course_id": LIBRARY, "user_id": None}
    return event(f"edx.course.enrollment.{name}", source, event=members, context=context)


def video(type_: str = "play_video", source: str = "browser", **data: Any) -> dict[str, Any]:
    """Return an event of a video player. A member of its data that is ... is left out."""
    members = {"id": "v1", "currentTime": 1.5, **data}
    return event(type_, source, event={name: value for name, value in members.items() if value is not ...})


def check(answers: Any = "x", submission: Any = ..., **data: Any) -> dict[str, Any]:
    """Return a problem_check event of one part."""
    members = {"problem_id": "p1", "answers": {PART: answers}, **data}
    if submission is not ...:
        members["submission"] = {PART: submission}
    return event("problem_check", "server", event=members)


def part(event: dict[str, Any]) -> dict[str, Any]:
    """Return the row of the one part of an event, without what is the same for all."""
    (row,) = kept(event)["answers"]
    common = ("course_id", "problem_id", "username_hash", "user_id", "time", "event", "day")
    return {name: value for name, value in row.items() if name not in common}


# Users


@pytest.mark.parametrize(
    ("value", "user_id"),
    [(1, 1), ("7", 7), ("0012", 12), (2**63 - 1, 2**63 - 1), (str(2**63 - 1), 2**63 - 1)],
)
def test_ids_of_users(value: object, user_id: int) -> None:
    assert kept(event(context={"user_id": value}))["activity"][0]["user_id"] == user_id
    assert kept(enrollment(user_id=value))["enrollment"][0]["user_id"] == user_id


@pytest.mark.parametrize(
    "value",
    [
        ...,
        None,
        "",
        0,
        "0",
        -1,
        "-1",
        "+1",
        " 7",
        "7\n",
        "7.0",
        7.0,
        7.5,
        True,
        "x",
        "\u0667",
        "²",
        [7],
        {},
        2**63,
        "9" * 50,
    ],
)
def test_no_ids_of_users(value: object) -> None:
    assert fate(event(context={"user_id": value})) == "without a valid user id"
    assert fate(enrollment(user_id=value)) == "without a valid user id"


@pytest.mark.parametrize("context", [None, [], "text", 1, ...])
def test_an_event_without_a_context_has_no_user(context: object) -> None:
    made = event()
    made["context"] = context
    assert fate({name: value for name, value in made.items() if value is not ...}) == "without a valid user id"


# Courses


@pytest.mark.parametrize("course_id", [f" {COURSE}\n", f"\u00a0{COURSE}", COURSE])
def test_white_space_around_a_course(course_id: str) -> None:
    assert kept(event(context={"course_id": course_id}))["activity"][0]["course_id"] == COURSE


@pytest.mark.parametrize("course_id", ["nonsense", LIBRARY, 5, ["a"], {}, False, "O/C", "x" * 256])
def test_a_malformed_course_is_not_looked_for_elsewhere(course_id: object) -> None:
    made = event(context={"course_id": course_id}, page=f"/courses/{COURSE}/")
    assert fate(made) == "malformed course id"


@pytest.mark.parametrize("course_id", [..., None, "", "  "])
def test_a_missing_course_is_that_of_the_page(course_id: object) -> None:
    context = {"course_id": course_id}
    page = "https://lms/courses/O/C/R/info"
    assert kept(event(context=context, page=page))["activity"][0]["course_id"] == "O/C/R"
    assert kept(event("/courses/O/C/R/", "server", context=context))["activity"][0]["course_id"] == "O/C/R"
    (row,) = kept(event("play_video", context=context, page=page, event={"id": "v", "currentTime": 0}))["video"]
    assert row["course_id"] == "O/C/R"


def test_which_member_has_the_address() -> None:
    context = {"course_id": None}
    page, other = "/courses/O/C/R/", "/courses/A/B/C/"
    assert fate(event("page_close", "server", context=context, page=page)) == "without a course"
    assert fate(event("page_close", "mobile", context=context, page=page)) == "without a course"
    assert fate(event(other, "mobile", context=context, page=page)) == "without a course"
    assert kept(event(other, "browser", context=context, page=page))["activity"][0]["course_id"] == "O/C/R"
    assert kept(event(other, "server", context=context, page=page))["activity"][0]["course_id"] == "A/B/C"
    assert fate(event("page_close", "browser", context=context, page=["x"])) == "without a course"


def test_answers_have_no_course_by_address() -> None:
    made = check()
    made["context"]["course_id"] = ""
    made["page"] = f"/courses/{COURSE}/"
    assert fate(made) == "without a course"


def test_a_ccx_course() -> None:
    ccx = "ccx-v1:Org+CS1+2025+ccx@15"
    assert kept(event(context={"course_id": ccx}))["activity"][0]["course_id"] == ccx


# Activity


def test_activity_has_a_row_once() -> None:
    assert kept(event(), event(), event(time="2025-09-01T23:00:00"))["activity"] == [
        {"course_id": COURSE, "user_id": 7, "label": "ACTIVE", "day": DAY}
    ]


@pytest.mark.parametrize(
    ("type_", "source", "expected"),
    [
        ("page_close", "browser", {"ACTIVE"}),
        ("", "", {"ACTIVE"}),
        ("problem_check", "server", {"ACTIVE", "ATTEMPTED_PROBLEM"}),
        ("problem_check", "browser", {"ACTIVE"}),
        ("problem_check", "mobile", {"ACTIVE"}),
        ("edx.forum.thread.created", "server", {"ACTIVE", "POSTED_FORUM"}),
        ("edx.forum.a.b.created", "server", {"ACTIVE", "POSTED_FORUM"}),
        ("edx.forum.thread.created", "browser", {"ACTIVE"}),
        ("edx.forum.thread.viewed", "server", {"ACTIVE"}),
        ("edx.forum..created", "server", {"ACTIVE"}),
        ("edx.forum.created", "server", {"ACTIVE"}),
        ("edx.forum.thread.created.not", "server", {"ACTIVE"}),
        ("edx-forum.thread.created", "server", {"ACTIVE"}),
        ("play_video", "browser", {"ACTIVE", "PLAYED_VIDEO"}),
        ("play_video", "mobile", {"ACTIVE", "PLAYED_VIDEO"}),
        ("play_video", "server", {"ACTIVE"}),
        ("pause_video", "browser", {"ACTIVE"}),
        ("page_close", "task", set()),
        ("play_video", "task", set()),
        ("edx.course.enrollment.", "server", set()),
        ("edx.course.enrollment.upgrade.clicked", "server", set()),
        ("edx.course.enrollment", "server", {"ACTIVE"}),
    ],
)
def test_labels(type_: str, source: str, expected: set[str]) -> None:
    assert labels(event(type_, source)) == expected


@pytest.mark.parametrize("value", [None, 5, [], {}, True, ...])
def test_types_and_sources_of_any_kind_are_activity(value: object) -> None:
    assert labels(event(value)) == labels(event(source=value)) == {"ACTIVE"}  # type: ignore[arg-type] # Odd on purpose.


@pytest.mark.parametrize("data", [None, [], [1], "text", "[1]", "{", "1", 5, ...])
def test_an_event_without_data_is_activity(data: object) -> None:
    assert labels(event("play_video", event=data)) == {"ACTIVE", "PLAYED_VIDEO"}
    assert labels(event("problem_check", "server", event=data)) == {"ACTIVE", "ATTEMPTED_PROBLEM"}


def test_why_a_line_is_of_no_use() -> None:
    assert fate(event(source="task")) == "of source task"
    assert fate(event("edx.course.enrollment.upgrade.clicked")) == "of no table"


# Enrollment


@pytest.mark.parametrize("source", ["server", "browser", "mobile", "task", "", "other"])
@pytest.mark.parametrize("name", ["activated", "deactivated", "mode_changed"])
def test_enrollments(name: str, source: str) -> None:
    assert kept(enrollment(name, source)) == {
        "enrollment": [
            {
                "course_id": COURSE,
                "user_id": 9,
                "mode": "audit",
                "type": name,
                "time": "2025-09-01T10:20:30.123456",
                "day": DAY,
            }
        ]
    }


def test_enrollments_in_text() -> None:
    made = enrollment()
    made["event"] = f" {json.dumps(made['event'])} "
    assert len(kept(made)["enrollment"]) == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"course_id": ...}, "without a course"),
        ({"course_id": None}, "without a course"),
        ({"course_id": ""}, "without a course"),
        ({"course_id": "not a course"}, "malformed course id"),
        ({"course_id": f"{COURSE}\n"}, "malformed course id"),
        ({"course_id": 5}, "malformed course id"),
        ({"mode": ...}, "without a mode"),
        ({"mode": None}, "without a mode"),
        ({"mode": ""}, "without a mode"),
        ({"mode": 5}, "without a mode"),
    ],
)
def test_enrollments_that_are_dropped(data: dict[str, Any], reason: str) -> None:
    assert fate(enrollment(**data)) == reason


# Videos


@pytest.mark.parametrize("source", ["server", "browser", "mobile", "task", ""])
def test_videos_are_of_any_source(source: str) -> None:
    assert kept(video(source=source))["video"] == [
        {
            "course_id": COURSE,
            "user_id": 7,
            "video_id": "v1",
            "type": "play",
            "time": "2025-09-01T10:20:30.123456",
            "position": 1.5,
            "day": DAY,
        }
    ]


@pytest.mark.parametrize(
    ("value", "position"),
    [
        (0, 0.0),
        ("65.561", 65.561),
        (" 7 ", 7.0),
        ("1e2", 100.0),
        (36_000, 36_000.0),
        ("+.5", 0.5),
        ("5.", 5.0),
        (-0.0, 0.0),
    ],
)
def test_positions(value: object, position: float) -> None:
    for type_ in ("play_video", "pause_video", "stop_video"):
        assert kept(video(type_, currentTime=value))["video"][0]["position"] == position
    (row,) = kept(video("seek_video", new_time=value, old_time=3, currentTime=...))["video"]
    assert (row["position"], row["old_position"]) == (position, 3.0)
    (row,) = kept(video("seek_video", new_time=3, old_time=value, currentTime=...))["video"]
    assert (row["position"], row["old_position"]) == (3.0, position)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "abc",
        -1,
        -0.001,
        36_000.001,
        "36001",
        True,
        [],
        {},
        "NaN",
        "inf",
        "1_0",
        "0x10",
        "٣",
        "1e999",
        "1" * 9999,
    ],
)
def test_no_positions(value: object) -> None:
    for type_ in ("play_video", "pause_video", "stop_video"):
        assert "video" not in kept(video(type_, currentTime=value))
    assert "video" not in kept(video("seek_video", new_time=value, old_time=3))
    assert "video" not in kept(video("seek_video", new_time=3, old_time=value))


def test_numbers_that_json_does_not_have_are_no_positions() -> None:
    for number in ("NaN", "Infinity", "1e999", "9" * 5000):
        line = json.dumps(video(currentTime=1.5)).replace("1.5", number)
        assert labels(line) == {"ACTIVE", "PLAYED_VIDEO"}
        assert "video" not in kept(line)


def test_only_a_pause_may_have_no_position() -> None:
    assert kept(video("pause_video", currentTime=...))["video"][0]["position"] == 0.0
    assert "video" not in kept(video("play_video", currentTime=...))
    assert "video" not in kept(video("stop_video", currentTime=...))
    assert "video" not in kept(video("seek_video", new_time=1))
    assert "video" not in kept(video("seek_video", old_time=1))


@pytest.mark.parametrize(("value", "duration"), [(300, 300.0), ("29.9", 29.9), (1e12, 1e12)])
def test_durations(value: object, duration: float) -> None:
    assert kept(video(duration=value))["video"][0]["duration"] == duration


@pytest.mark.parametrize("value", [..., None, 0, "0", 0.0, -5, "", "long", True, [], "inf"])
def test_unknown_durations(value: object) -> None:
    assert "duration" not in kept(video(duration=value))["video"][0]


def test_only_plays_have_a_duration() -> None:
    assert "duration" not in kept(video("pause_video", duration=300))["video"][0]


@pytest.mark.parametrize("value", [..., None, "", 5, ["v"]])
def test_videos_without_an_id_are_dropped(value: object) -> None:
    tally, rows = read(video(id=value))
    assert "video" not in rows
    assert tally.dropped == {("video", "without a video id"): 1}


def test_ids_of_videos_are_kept_as_they_are() -> None:
    for name in ("i4x-Ü", "a\x00b", " spaces ", "x" * 1000):
        assert kept(video(id=name))["video"][0]["video_id"] == name


def test_load_video_is_no_event_of_a_video() -> None:
    assert "video" not in kept(video("load_video"))


# Answers


def test_an_answer_with_a_submission() -> None:
    submission = {
        "answer": " <text>Answer <b>3</b> &amp; more</text>",
        "correct": True,
        "variant": 17,
        "question": "What?",
        "input_type": "choicegroup",
        "response_type": "multiplechoiceresponse",
    }
    made = check("choice_3", submission)
    made["context"]["module"] = {"display_name": "Problem 1"}
    (row,) = kept(made)["answers"]
    assert len(row.pop("event")) == 16
    assert row == {
        "course_id": COURSE,
        "problem_id": "p1",
        "username_hash": NAME_HASH,
        "user_id": 7,
        "time": "2025-09-01T10:20:30.123456",
        "part_id": PART,
        "has_submission": True,
        "answer": " <text>Answer <b>3</b> &amp; more</text>",
        "text": "<text>Answer <b>3</b> &amp; more</text>",
        "plain": "Answer 3 & more",
        "value_id": "choice_3",
        "correct": True,
        "variant": "17",
        "question": "What?",
        "input_type": "choicegroup",
        "response_type": "multiplechoiceresponse",
        "display_name": "Problem 1",
        "day": DAY,
    }


def test_an_answer_without_a_submission() -> None:
    made = check(" 7 ", correct_map={PART: {"correctness": "correct"}}, state={"seed": 17})
    assert part(made) == {
        "part_id": PART,
        "has_submission": False,
        "answer": " 7 ",
        "text": "7",
        "plain": "7",
        "correct": True,
        "variant": "17",
    }


@pytest.mark.parametrize("submission", [None, [], "text", {}])
def test_a_submission_that_is_no_object_is_none(submission: object) -> None:
    assert part(check("x", submission))["has_submission"] is (submission == {})


@pytest.mark.parametrize(
    ("correct_map", "is_correct"),
    [
        ({PART: {"correctness": "correct"}}, True),
        ({PART: {"correctness": "partially-correct"}}, False),
        ({PART: {"correctness": "incorrect"}}, False),
        ({PART: None}, False),
        ({}, False),
        (None, False),
        ([], False),
    ],
)
def test_correctness_without_a_submission(correct_map: object, is_correct: bool) -> None:
    assert part(check(correct_map=correct_map))["correct"] is is_correct


@pytest.mark.parametrize(
    ("value", "is_correct"), [(True, True), (False, False), (None, False), ("", False), ("false", False), (1, False)]
)
def test_correctness_with_a_submission(value: object, is_correct: bool) -> None:
    assert part(check("x", {"answer": "x", "correct": value}))["correct"] is is_correct


@pytest.mark.parametrize(
    ("raw", "text", "value_id"),
    [
        ("choice_0", "Text", "choice_0"),
        ("same", "same", None),
        (["choice_0"], ["choice_0"], None),
        (["choice_0", "choice_1"], ["A", "B"], "[choice_0|choice_1]"),
        ("", "", None),
        ("", "x", ""),
        (5, "5", None),
    ],
)
def test_value_ids(raw: object, text: object, value_id: str | None) -> None:
    assert part(check(raw, {"answer": text})).get("value_id") == value_id


@pytest.mark.parametrize(
    ("raw", "answer", "plain"),
    [
        (["a", "b"], "[a|b]", "[a|b]"),
        ([], "[]", "[]"),
        (["<b>a</b>", None, 5, ["x"], {"y": 1}], '[<b>a</b>||5|["x"]|{"y":1}]', '[a||5|["x"]|{"y":1}]'),
        (5, "5", "5"),
        (2.50, "2.5", "2.5"),
        (True, "true", "true"),
        ({"a": [1]}, '{"a":[1]}', '{"a":[1]}'),
        (None, "", None),
        ("", "", None),
        (" \t", " \t", None),
        ("<p> </p>", "<p> </p>", None),
        ("<p>a<br/>b</p><!-- c -->", "<p>a<br/>b</p><!-- c -->", "ab"),
        ("x < 3 and y > 2", "x < 3 and y > 2", "x < 3 and y > 2"),
        ("&lt;b&gt;&#252;&nbsp;", "&lt;b&gt;&#252;&nbsp;", "<b>ü"),
        ("&#xD800;&bogus;&", "&#xD800;&bogus;&", "\ufffd&bogus;&"),
        ("a\x00b", "a\x00b", "a\x00b"),
    ],
)
def test_answers_as_text(raw: object, answer: str, plain: str | None) -> None:
    row = part(check(raw))
    assert (row["answer"], row.get("text"), row.get("plain")) == (answer, answer.strip() or None, plain)


def test_answers_that_no_text_can_hold_are_dropped() -> None:
    nested: Any = 1
    for _ in range(400):
        nested = [nested]
    for raw in (nested, "&#" + "9" * 5000 + ";"):
        tally, rows = read(check(raw))
        assert "answers" not in rows
        assert tally.dropped == {("answers", "answer that no text can hold"): 1}
        assert tally.kept == 1


def test_mark_up_takes_no_time() -> None:
    assert len(part(check("<a" * 1_000_000))["plain"]) == 2_000_000
    assert len(part(check("<!--" * 1_000_000))["plain"]) == 4_000_000


@pytest.mark.parametrize(
    "part_id",
    ["", "a_2_1_dynamath", "a_2_1_comment", "_comment", "a\tb", "a\nb", "a\rb", "ünï_2_1", "a\u2028"],
)
def test_ids_that_are_no_parts(part_id: str) -> None:
    made = check()
    made["event"]["answers"] = {part_id: "x"}
    (row,) = kept(made)["answers"]
    assert "part_id" not in row


def test_an_event_without_parts_has_a_row() -> None:
    answers: object
    for answers in ({}, None, [], "text", {"x_comment": "a"}):
        (row,) = kept(event("problem_check", "server", event={"problem_id": "p1", "answers": answers}))["answers"]
        assert row["problem_id"] == "p1"
        assert "part_id" not in row


def test_parts_of_one_event_have_its_mark() -> None:
    two = event("problem_check", "server", event={"problem_id": "p", "answers": {"a_1": "x", "a_2": "y"}})
    other = event("problem_check", "server", event={"problem_id": "p", "answers": {"a_1": "x", "a_2": "z"}})
    rows = kept(two, two, other)["answers"]
    marks = [row["event"] for row in rows]
    assert [row["part_id"] for row in rows] == ["a_1", "a_2"] * 3
    assert marks[0] == marks[1] == marks[2] == marks[3] != marks[4] == marks[5]


@pytest.mark.parametrize(("seed", "variant"), [(1, "1"), ("5", "5"), (0, "0"), ("", None), (None, None), (..., None)])
def test_variants_without_a_submission(seed: object, variant: str | None) -> None:
    assert part(check(state={} if seed is ... else {"seed": seed})).get("variant") == variant


@pytest.mark.parametrize(("value", "variant"), [(1, "1"), ("204", "204"), ("", None), (None, None)])
def test_variants_with_a_submission(value: object, variant: str | None) -> None:
    assert part(check("x", {"answer": "x", "variant": value}, state={"seed": 9})).get("variant") == variant


@pytest.mark.parametrize("user_id", [..., None, "", 0, "x"])
def test_answers_go_by_the_user_name(user_id: object) -> None:
    made = check()
    made["context"]["user_id"] = user_id
    if user_id is ...:
        del made["context"]["user_id"]
    (row,) = kept(made)["answers"]
    assert (row["username_hash"], row.get("user_id")) == (NAME_HASH, None)


@pytest.mark.parametrize("username", [None, "", 5, []])
def test_answers_without_a_user_name_are_dropped(username: object) -> None:
    tally, rows = read({**check(), "username": username})
    assert "answers" not in rows
    assert tally.dropped == {("answers", "without a user name"): 1}


@pytest.mark.parametrize("problem_id", [None, "", 5, []])
def test_answers_without_a_problem_are_dropped(problem_id: object) -> None:
    tally, rows = read(check(problem_id=problem_id))
    assert "answers" not in rows
    assert tally.dropped == {("answers", "without a problem id"): 1}


@pytest.mark.parametrize("source", ["browser", "mobile", "task", ""])
def test_answers_are_of_the_server_alone(source: str) -> None:
    made = check()
    made["event_source"] = source
    assert "answers" not in kept(made)


@pytest.mark.parametrize("module", [None, [], "x", {}, {"display_name": 5}, {"display_name": None}])
def test_display_names_that_are_none(module: object) -> None:
    made = check()
    made["context"]["module"] = module
    assert "display_name" not in part(made)


# Privacy


def test_rows_have_neither_name_nor_address() -> None:
    rows = kept(event(), check(), video(), enrollment())
    assert set(rows) == {"activity", "answers", "video", "enrollment"}
    text = json.dumps(rows)
    assert "ada" not in text
    assert "192.0.2" not in text
