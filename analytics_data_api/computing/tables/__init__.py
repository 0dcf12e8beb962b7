"""How each table is computed: the rules, as Ibis expressions over the event store and the LMS's tables.

An expression is compiled for the engine that runs it (``computing.engines``); nothing here knows which one that is.
What engines do differently is left out: inside, days are numbers of days since 1970, weeks begin by arithmetic, text
becomes a number only where a regular expression has found one, and rows are ordered by all that could tell them apart.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from analytics_data_api.computing import store
from analytics_data_api.computing.lms import ENROLLMENTS, MODULES, PROFILES, LmsTable
from analytics_data_api.computing.tables import activity, answers, enrollment, location, modules, video
from analytics_data_api.computing.tables.rules import Computed, Engine


@dataclass(frozen=True)
class Rule:
    """How a table is computed.

    Attributes:
        compute: Returns its rows, and what was dropped.
        kind: The kind of events that it takes, or None.
        lms: The tables of the LMS that it takes.
        whole: Whether it takes all events, whatever the range.
        date: The column of the day by which rows are in the range; None where no column says that.
    """

    compute: Callable[[Engine], Computed]
    kind: store.Kind | None = None
    lms: tuple[LmsTable, ...] = ()
    whole: bool = False
    date: str | None = None


RULES: Final[dict[str, Rule]] = {
    "course_activity": Rule(activity.course_activity, store.ACTIVITY, date="interval_start"),
    "course_enrollment_daily": Rule(enrollment.daily, store.ENROLLMENT, date="date"),
    "course_enrollment_mode_daily": Rule(enrollment.by_mode, store.ENROLLMENT, date="date"),
    "course_enrollment_gender_daily": Rule(enrollment.by_gender, store.ENROLLMENT, (PROFILES,), date="date"),
    "course_enrollment_birth_year_daily": Rule(enrollment.by_birth_year, store.ENROLLMENT, (PROFILES,), date="date"),
    "course_enrollment_education_level_daily": Rule(
        enrollment.by_education_level, store.ENROLLMENT, (PROFILES,), date="date"
    ),
    "course_enrollment_location_current": Rule(location.by_country, store.LOCATION, (ENROLLMENTS,), whole=True),
    "answer_distribution": Rule(answers.answer_distribution, store.ANSWERS, whole=True),
    "grade_distribution": Rule(modules.grade_distribution, lms=(MODULES,)),
    "sequential_open_distribution": Rule(modules.sequential_open_distribution, lms=(MODULES,)),
    "video": Rule(video.videos, store.VIDEO),
    "video_timeline": Rule(video.timeline, store.VIDEO),
}
