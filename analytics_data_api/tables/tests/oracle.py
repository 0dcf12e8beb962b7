"""Each report a second time, as plainly as the contract puts it: loops over all rows, and no thought of speed.

Rows are dicts of a table's columns, ``id`` included; what comes back are the items of the answer as JSON has them.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time
from typing import Any

Row = dict[str, Any]
Item = dict[str, Any]

COUNTRIES = {"CA": ("CAN", "Canada"), "CN": ("CHN", "China"), "DE": ("DEU", "Germany")}


def newest(rows: Iterable[Row], *key: str) -> list[Row]:
    """Of the rows with the same key, only the one with the highest created, then the highest id."""
    rows = list(rows)
    return [
        row
        for row in rows
        if not any(
            all(other[name] == row[name] for name in key)
            and (other["created"], other["id"]) > (row["created"], row["id"])
            for other in rows
        )
    ]


def null_first(value: Any) -> tuple[bool, Any]:
    return (value is not None, value)


def compact(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H%M%S")


def created(rows: Iterable[Row]) -> str:
    return compact(max(row["created"] for row in rows))


def of_days(rows: list[Row], course_id: str, start: datetime | None, end: datetime | None) -> list[Row]:
    rows = [row for row in rows if row["course_id"] == course_id]
    if start is None and end is None:
        latest = max((row["date"] for row in rows), default=None)
        return [row for row in rows if row["date"] == latest]

    def midnight(row: Row) -> datetime:
        return datetime.combine(row["date"], time(), tzinfo=UTC)

    return [row for row in rows if (start is None or midnight(row) >= start) and (end is None or midnight(row) < end)]


def dates(rows: list[Row]) -> list[Any]:
    return sorted({row["date"] for row in rows})


def enrollment(rows: list[Row], course_id: str) -> list[Item]:
    return [
        {"course_id": course_id, "date": str(row["date"]), "count": row["count"], "created": compact(row["created"])}
        for row in sorted(newest(rows, "date"), key=lambda row: row["date"])
    ]


def by_dimension(dimension: str) -> Callable[[list[Row], str], list[Item]]:
    def report(rows: list[Row], course_id: str) -> list[Item]:
        rows = newest(rows, "date", dimension)
        return [
            {
                "course_id": course_id,
                "date": str(row["date"]),
                dimension: row[dimension],
                "count": row["count"],
                "created": compact(row["created"]),
            }
            for row in sorted(rows, key=lambda row: (row["date"], null_first(row[dimension])))
        ]

    return report


def mode(rows: list[Row], course_id: str) -> list[Item]:
    rows = newest(rows, "date", "mode")
    items = []
    for day in dates(rows):
        of_day = [row for row in rows if row["date"] == day]

        def count(*modes: str, of_day: list[Row] = of_day) -> int:
            return sum(row["count"] or 0 for row in of_day if row["mode"] in modes)

        items.append(
            {
                "course_id": course_id,
                "date": str(day),
                "count": sum(row["count"] or 0 for row in of_day),
                "cumulative_count": sum(row["cumulative_count"] or 0 for row in of_day),
                "created": created(of_day),
                "honor": count("honor", "audit"),
                "professional": count("professional", "no-id-professional"),
                "verified": count("verified"),
            }
        )
    return items


def gender(rows: list[Row], course_id: str) -> list[Item]:
    rows = newest(rows, "date", "gender")
    items = []
    for day in dates(rows):
        of_day = [row for row in rows if row["date"] == day]
        counts = {
            name: sum(row["count"] or 0 for row in of_day if row["gender"] == code)
            for name, code in (("female", "f"), ("male", "m"), ("other", "o"))
        }
        counts["unknown"] = sum(row["count"] or 0 for row in of_day if row["gender"] not in ("f", "m", "o"))
        items.append({"course_id": course_id, "date": str(day)} | counts | {"created": created(of_day)})
    return items


def alpha2(code: str | None) -> str | None:
    for known, (alpha3, _) in COUNTRIES.items():
        if code is not None and code.upper() in (known, alpha3):
            return known
    return None


def location(rows: list[Row], course_id: str) -> list[Item]:
    rows = newest(rows, "date", "country_code")
    items = []
    for day in dates(rows):
        of_day = [row for row in rows if row["date"] == day]
        groups: list[tuple[str | None, list[Row]]] = [
            (None, [row for row in of_day if alpha2(row["country_code"]) is None])
        ]
        groups += [(code, [row for row in of_day if alpha2(row["country_code"]) == code]) for code in sorted(COUNTRIES)]
        for code, group in groups:
            if group:
                alpha3, name = COUNTRIES[code] if code else (None, "UNKNOWN")
                items.append(
                    {
                        "date": str(day),
                        "course_id": course_id,
                        "country": {"alpha2": code, "alpha3": alpha3, "name": name},
                        "count": sum(row["count"] for row in group),
                        "created": created(group),
                    }
                )
    return items


LABELS = {
    "ACTIVE": "any",
    "ATTEMPTED_PROBLEM": "attempted_problem",
    "PLAYED_VIDEO": "played_video",
    "POSTED_FORUM": "posted_forum",
}


def of_weeks(rows: list[Row], course_id: str, start: datetime | None, end: datetime | None) -> list[Row]:
    rows = [row for row in rows if row["course_id"] == course_id and row["activity_type"] in LABELS]
    if start is None and end is None:
        latest = max((row["interval_end"] for row in rows), default=None)
        return [row for row in rows if row["interval_end"] == latest]
    return [
        row
        for row in rows
        if (start is None or row["interval_start"] >= start) and (end is None or row["interval_end"] < end)
    ]


def activity(rows: list[Row], course_id: str) -> list[Item]:
    rows = newest(rows, "interval_start", "interval_end", "activity_type")
    items = []
    for start, end in sorted({(row["interval_start"], row["interval_end"]) for row in rows}):
        of_week = [row for row in rows if (row["interval_start"], row["interval_end"]) == (start, end)]
        counts = {
            name: row["count"] for label, name in LABELS.items() for row in of_week if row["activity_type"] == label
        }
        items.append(
            {"interval_start": compact(start), "interval_end": compact(end), "course_id": course_id}
            | counts
            | {"created": created(of_week)}
        )
    return items


def recent_activity(rows: list[Row], course_id: str, label: str) -> Item | None:
    rows = [row for row in rows if row["course_id"] == course_id and row["activity_type"] == label]
    if not rows:
        return None
    row = max(rows, key=lambda row: (row["interval_end"], row["created"], row["id"]))
    return {
        "interval_start": row["interval_start"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "interval_end": row["interval_end"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "activity_type": LABELS[label],
        "count": row["count"],
        "course_id": course_id,
    }


def videos(rows: list[Row], course_id: str) -> list[Item]:
    names = ("pipeline_video_id", "encoded_module_id", "duration", "segment_length", "users_at_start", "users_at_end")
    rows = newest([row for row in rows if row["course_id"] == course_id], "pipeline_video_id", "encoded_module_id")
    return [
        {name: row[name] for name in names} | {"created": compact(row["created"])}
        for row in sorted(rows, key=lambda row: row["id"])
    ]


def timeline(rows: list[Row], video_id: str) -> list[Item]:
    rows = newest([row for row in rows if row["pipeline_video_id"] == video_id], "segment")
    return [
        {name: row[name] for name in ("segment", "num_users", "num_views")} | {"created": compact(row["created"])}
        for row in sorted(rows, key=lambda row: null_first(row["segment"]))
    ]


def grades(rows: list[Row], module_id: str) -> list[Item]:
    rows = newest([row for row in rows if row["module_id"] == module_id], "course_id", "grade", "max_grade")
    return [
        {name: row[name] for name in ("module_id", "course_id", "grade", "max_grade", "count")}
        | {"created": compact(row["created"])}
        for row in sorted(rows, key=lambda row: (null_first(row["grade"]), row["id"]))
    ]


def sequentials(rows: list[Row], module_id: str) -> list[Item]:
    rows = newest([row for row in rows if row["module_id"] == module_id], "course_id")
    return [
        {name: row[name] for name in ("module_id", "course_id", "count")} | {"created": compact(row["created"])}
        for row in sorted(rows, key=lambda row: row["id"])
    ]


ANSWER = ("course_id", "module_id", "part_id", "correct", "value_id", "answer_value_text", "variant")


def newest_answers(rows: list[Row]) -> list[Row]:
    named = [row for row in rows if row["value_id"] is not None or row["answer_value_text"] is not None]
    nameless = [row for row in rows if row not in named]
    return newest(named, *ANSWER) + newest(nameless, *ANSWER, "first_response_count", "last_response_count")


def answers(rows: list[Row], module_id: str) -> list[Item]:
    rows = newest_answers([row for row in rows if row["module_id"] == module_id])
    items = []
    for part, course in sorted({(row["part_id"], row["course_id"]) for row in rows}):
        of_part = sorted(
            (row for row in rows if (row["part_id"], row["course_id"]) == (part, course)), key=lambda row: row["id"]
        )
        groups: dict[Any, list[Row]] = {}
        for row in of_part:
            groups.setdefault(row["value_id"], []).append(row)
        agreed = all(
            row[name] == group[0][name]
            for group in groups.values()
            for row in group
            for name in ("question_text", "answer_value_text", "problem_display_name", "correct")
        )
        if not agreed:
            groups = {row["id"]: [row] for row in of_part}
        for group in groups.values():
            first, consolidated = group[0], len(group) > 1
            last = sum(row["last_response_count"] for row in group)
            items.append(
                {name: first[name] for name in ("course_id", "module_id", "part_id", "correct")}
                | {"count": last, "value_id": first["value_id"], "answer_value": first["answer_value_text"]}
                | {name: first[name] for name in ("answer_value_text", "answer_value_numeric")}
                | {name: first[name] for name in ("problem_display_name", "question_text")}
                | {"variant": None if consolidated else first["variant"], "created": created(group)}
                | {"consolidated_variant": consolidated}
                | {"first_response_count": sum(row["first_response_count"] for row in group)}
                | {"last_response_count": last}
            )
    return items


def problems(rows: list[Row], course_id: str) -> list[Item]:
    rows = newest_answers([row for row in rows if row["course_id"] == course_id])
    items = []
    for module_id in sorted({row["module_id"] for row in rows}):
        of_module = [row for row in rows if row["module_id"] == module_id]
        parts = sorted({row["part_id"] for row in of_module})
        items.append(
            {
                "module_id": module_id,
                "total_submissions": sum(row["last_response_count"] for row in of_module) // len(parts),
                "correct_submissions": sum(row["last_response_count"] for row in of_module if row["correct"])
                // len(parts),
                "part_ids": parts,
                "created": created(of_module),
            }
        )
    return items


COLUMNS_OF_MODES = {
    **{mode: mode for mode in ("audit", "credit", "honor", "professional", "verified", "masters")},
    "no-id-professional": "professional",
}


def unmerged(rows: list[Row], course_id: str) -> list[Item]:
    return modes(rows, course_id, None)


def modes(rows: list[Row], course_id: str, wanted: list[str] | None) -> list[Item]:
    """Of each date a column for each mode; of those that are wanted, which alone are summed."""
    rows = newest(rows, "date", "mode")
    items = []
    for day in dates(rows):
        of_day = [row for row in rows if row["date"] == day]
        summed = [row for row in of_day if wanted is None or COLUMNS_OF_MODES.get(row["mode"]) in wanted]
        counts = {
            column: sum(row["count"] or 0 for row in of_day if COLUMNS_OF_MODES.get(row["mode"]) == column)
            for column in dict.fromkeys(COLUMNS_OF_MODES.values())
            if wanted is None or column in wanted
        }
        items.append(
            {
                "course_id": course_id,
                "date": str(day),
                "count": sum(row["count"] or 0 for row in summed),
                "cumulative_count": sum(row["cumulative_count"] or 0 for row in summed),
                "created": created(of_day),
            }
            | counts
        )
    return items


def period(row: Row, interval: str) -> Any:
    """What the dates of a week, or of a month, have in common."""
    return row["date"].isocalendar()[:2] if interval == "week" else (row["date"].year, row["date"].month)


def series(rows: list[Row], which: tuple[Any, Any, str | None, int | None], date: str) -> list[Row]:
    """The rows of one course on the dates that a request selects: range, then interval, then last.

    Args:
        rows: Those of the course.
        which: The beginning and the end of the range; week or month; how many of the last dates.
        date: The column of the date: that of weeks is a time.
    """
    start, end, interval, last = which

    def time_of(row: Row, column: str) -> datetime:
        value = row[column]
        return value if isinstance(value, datetime) else datetime.combine(value, time(), tzinfo=UTC)

    first = "interval_start" if date == "interval_end" else date
    rows = [
        row
        for row in rows
        if (start is None or time_of(row, first) >= start) and (end is None or time_of(row, date) < end)
    ]
    days = sorted({row[date] for row in rows})
    if interval and date == "date":
        days = [
            max(day for day in days if period({"date": day}, interval) == found)
            for found in sorted({period({"date": day}, interval) for day in days})
        ]
    if last is None and start is None and end is None and interval is None:
        last = 1
    if last is not None:
        days = days[-last:]
    return [row for row in rows if row[date] in days]


def in_seconds(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def programs(rows: list[Row], program_ids: list[str] | None) -> list[Item]:
    """Every program, or some: its courses, and what the newest of their rows says of it."""
    rows = newest(rows, "course_id", "program_id")
    items = []
    for program_id in sorted({row["program_id"] for row in rows}):
        if program_ids is not None and program_id not in program_ids:
            continue
        own = sorted((row for row in rows if row["program_id"] == program_id), key=lambda row: row["id"])
        last = max(own, key=lambda row: (row["created"], row["id"]))
        items.append(
            {
                "program_id": program_id,
                "program_type": last["program_type"],
                "program_title": last["program_title"],
                "course_ids": [row["course_id"] for row in own],
                "created": in_seconds(last["created"]),
            }
        )
    return items


def programs_of(rows: list[Row], course_id: str) -> list[str]:
    rows = newest([row for row in rows if row["course_id"] == course_id], "program_id")
    return [row["program_id"] for row in sorted(rows, key=lambda row: row["id"])]


def problems_and_tags(rows: list[Row], course_id: str) -> list[Item]:
    rows = newest([row for row in rows if row["course_id"] == course_id], "module_id", "tag_name", "tag_value")
    items: dict[str, Item] = {}
    for module_id in [row["module_id"] for row in sorted(rows, key=lambda row: row["id"])]:
        own = [row for row in rows if row["module_id"] == module_id]
        last = max(own, key=lambda row: (row["created"], row["id"]))
        items[module_id] = {
            "module_id": module_id,
            "total_submissions": last["total_submissions"],
            "correct_submissions": last["correct_submissions"],
            "tags": {
                row["tag_name"]: sorted({each["tag_value"] for each in own if each["tag_name"] == row["tag_name"]})
                for row in own
            },
            "created": created(own),
        }
    return list(items.values())


def org(course_id: str) -> str:
    return course_id.removeprefix("course-v1:").replace("+", "/").split("/")[0]
