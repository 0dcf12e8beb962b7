"""Videos and subsections of a generated course, and how many learners opened them."""

from collections.abc import Iterator
from typing import Final

from analytics_data_api.loading.course_tables import CourseTable
from analytics_data_api.loading.fake_data.chance import Chance
from analytics_data_api.loading.fake_data.course import FakeCourse, load_time
from analytics_data_api.tables import models
from analytics_data_api.tables.rows import Row

SUBSECTIONS: Final = 12
VIDEOS: Final = 20
SEGMENT_SECONDS: Final = 5
DURATION_SECONDS: Final = range(60, 721)

# One of so many videos is not watched to its end by any learner.
ABANDONED_EVERY: Final = 3

VIEWERS_PERCENT: Final = range(5, 31)


def sequential_table(course: FakeCourse, learners: int) -> CourseTable:
    """Return the rows of the table that counts how often each subsection was opened: the later ones less often.

    Args:
        course: The course.
        learners: How many learners it has had.
    """
    chance = course.chance("subsections")
    opened = learners
    rows: list[Row] = []
    for _ in range(SUBSECTIONS):
        module_id = course.usage_id("sequential", chance.block_id())
        rows.append((course.course_id, module_id, opened, load_time(course.days[-1], 50)))
        opened = 1 + opened * chance.randint(70, 95) // 100
    return CourseTable(models.SequentialOpenDistribution, ("course_id", "module_id", "count", "created"), rows)


def video_tables(course: FakeCourse, learners: int) -> Iterator[CourseTable]:
    """Yield the rows of the tables about videos.

    Args:
        course: The course.
        learners: How many learners it has had.
    """
    chance = course.chance("videos")
    videos: list[Row] = []
    timelines: list[Row] = []
    for number in range(VIDEOS):
        encoded_module_id = course.html_id("video", chance.block_id())
        video_id = f"{course.course_id}|{encoded_module_id}"
        duration = chance.choice(DURATION_SECONDS)
        segments = -(-duration // SEGMENT_SECONDS)
        abandoned = number % ABANDONED_EVERY == ABANDONED_EVERY - 1
        watched = chance.randint(segments // 2, segments - 1) if abandoned else segments
        viewers = 1 + learners * chance.choice(VIEWERS_PERCENT) // 100
        views = list(timeline(chance, viewers, watched))
        videos.append(
            (
                video_id,
                course.course_id,
                encoded_module_id,
                duration,
                SEGMENT_SECONDS,
                viewers,
                0 if abandoned else views[-1][0],
                SEGMENT_SECONDS * sum(num_views for _, num_views in views),
                load_time(course.days[-1], 55),
            )
        )
        timelines.extend(
            (video_id, segment, num_users, num_views, load_time(course.days[-1], 58))
            for segment, (num_users, num_views) in enumerate(views)
        )
    yield CourseTable(
        models.Video,
        (
            "pipeline_video_id",
            "course_id",
            "encoded_module_id",
            "duration",
            "segment_length",
            "users_at_start",
            "users_at_end",
            "total_viewed_seconds",
            "created",
        ),
        videos,
    )
    yield CourseTable(
        models.VideoTimeline, ("pipeline_video_id", "segment", "num_users", "num_views", "created"), timelines
    )


def timeline(chance: Chance, viewers: int, segments: int) -> Iterator[tuple[int, int]]:
    """Yield the users and views of each segment: fewer and fewer users, one at least, some with several views.

    Args:
        chance: The random numbers.
        viewers: The users of the first segment.
        segments: How many segments were watched.
    """
    users = viewers
    for _ in range(segments):
        yield users, users + users * chance.randint(2, 35) // 100
        users = max(1, users - chance.randint(0, 1 + users // 60))
