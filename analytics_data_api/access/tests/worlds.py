"""Rows of three courses in every table, and what a key that is limited to some of them may see of them."""

from typing import Any, Final

from django.apps import apps
from django.contrib.auth.models import User

from analytics_data_api.access.keys import EVERYTHING, Limits
from analytics_data_api.tables.models import VideoTimeline
from analytics_data_api.tables.tests.factories import COURSE_ID
from analytics_data_api.tests.cases import every_case
from conftest import give_key

# One of the same organization, one of another, whose name differs in a character that LIKE takes for any, and one whose
# id differs in case.
SECOND: Final = "course-v1:edX+SecondX+2015"
OTHER: Final = "ed_/DemoX/Demo_Course"
ALIKE: Final = "edx/DemoX/Demo_Course"
COURSES: Final = (COURSE_ID, SECOND, OTHER, ALIKE)

WHOLE: Final = "whole-key"
# The limits of a key, and the courses of the world that it may see.
LIMITED: Final = {
    "course": (Limits(courses=frozenset({COURSE_ID})), {COURSE_ID}),
    "org": (Limits(orgs=frozenset({"edX"})), {COURSE_ID, SECOND}),
    "other": (Limits(courses=frozenset({OTHER})), {OTHER}),
    "both": (Limits(courses=frozenset({OTHER}), orgs=frozenset({"edx"})), {OTHER, ALIKE}),
    "nowhere": (Limits(courses=frozenset({"edX/DemoX/Demo_Course2"}), orgs=frozenset({"DemoX", "ed"})), set()),
}


def tables() -> list[Any]:
    return [model for model in apps.get_app_config("v0").get_models() if model._meta.managed]


def has_course(model: Any) -> bool:
    return any(field.name == "course_id" for field in model._meta.concrete_fields)


def course_of_video(video_id: str) -> str:
    return video_id.partition("|")[0]


def make_world() -> None:
    """Give each course the rows that the cases have, each with other numbers, some of them about the same modules."""
    every_case()
    for model in tables():
        # Rows that cases have about other courses would make these differ.
        if has_course(model):
            model.objects.exclude(course_id=COURSE_ID).delete()
        rows = list(model.objects.all())
        for number, course in enumerate(COURSES[1:], 1):
            for row in rows:
                row.pk = None
                if has_course(model):
                    row.course_id = course
                if hasattr(row, "pipeline_video_id"):
                    row.pipeline_video_id = f"{course}|{row.pipeline_video_id.partition('|')[2]}"
                for name in ("count", "last_response_count", "num_users", "users_at_start", "total_submissions"):
                    if isinstance(getattr(row, name, None), int):
                        setattr(row, name, getattr(row, name) + 1000 * number)
            model.objects.bulk_create(rows)


def keep_only(courses: set[str]) -> None:
    """Delete the rows of all other courses: the oracle's first step."""
    for model in tables():
        if has_course(model):
            rows = model.objects.values_list("pk", "course_id")
            model.objects.filter(pk__in=[pk for pk, course in rows if course not in courses]).delete()
    videos = VideoTimeline.objects.values_list("pk", "pipeline_video_id")
    others = [pk for pk, video_id in videos if course_of_video(video_id) not in courses]
    VideoTimeline.objects.filter(pk__in=others).delete()


def give_keys(reader: User) -> None:
    """Give the user a key of each kind; its name is the key."""
    give_key(reader, WHOLE, EVERYTHING)
    for name, (limits, _) in LIMITED.items():
        give_key(reader, name, limits)
