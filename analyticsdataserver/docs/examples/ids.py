"""Ids that the sample data have something about, and whether the connected database has it, too."""

import logging
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.core.cache import cache
from django.db import Error

from analytics_data_api.tables import models, querysets

logger = logging.getLogger(__name__)

# By the names that they have in addresses.
SAMPLE_IDS: Final = {
    "course_id": "edX/DemoX/Demo_Course",
    "problem_id": "i4x://edX/DemoX/Demo_Course/problem/268b43628e6d45f79c52453a590f9829",
    "module_id": "i4x://edX/DemoX/Demo_Course/sequential/5c6c207e16dd47208c29bd8d3e68861e",
    "video_id": "edX/DemoX/Demo_Course|i4x-edX-DemoX-video-2bf12de59273c0e22b5e2c416e31abdb",
    "report_name": "problem_response",
}

# Seconds for which the answer of the database is remembered, also where it gave none.
REMEMBERED_FOR: Final = 60


def known() -> dict[str, str]:
    """Return the sample ids that the database has something about, by name; it is asked once a minute at the most."""
    ids: dict[str, str] | None = cache.get(__name__)
    if ids is None:
        ids = look_up()
        cache.set(__name__, ids, REMEMBERED_FOR)
    return ids


def look_up() -> dict[str, str]:
    """Return the same from the database itself; none where it does not answer, or lacks a table."""
    try:
        return {name: sample for name, sample in SAMPLE_IDS.items() if has_rows(name, sample)}
    except Error:
        logger.exception("The analytics database does not tell whether the sample data are loaded.")
        return {}


def has_rows(name: str, sample: str) -> bool:
    reports: dict[str, Callable[[], querysets.EntityQuerySet]] = {
        "problem_id": models.GradeDistribution.objects.all,
        "module_id": models.SequentialOpenDistribution.objects.all,
        "video_id": models.VideoTimeline.objects.all,
    }
    if name == "report_name":
        return sample in settings.REPORT_NAMES
    if name == "course_id":
        return models.CourseEnrollmentDaily.objects.span(sample) is not None
    return any(True for _ in reports[name]().report(sample).rows)
