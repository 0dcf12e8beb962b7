"""Ids of courses in tracking logs: in the context of an event, and in the address of a page."""

import re
from functools import lru_cache
from typing import Final

MAX_LENGTH: Final = 255

# Letters and digits of any script are those of the categories L and N of Unicode: \w without the underscore.
PART: Final = r"[\w~.:-]+"
RUN: Final = rf"{PART}\+{PART}\+{PART}"
# The form of old courses, without a prefix.
OLD_PART: Final = r"[\w.%-]+"
OLD: Final = rf"{OLD_PART}/{OLD_PART}/{OLD_PART}"

COURSE_ID: Final = re.compile(rf"course-v1:{RUN}|ccx-v1:{RUN}\+ccx@[0-9]+|{OLD}")
XBLOCK: Final = "/xblock/"
BLOCK: Final = re.compile(rf"block-v1:({RUN})\+type@")
COURSES: Final = re.compile(rf"/courses/(?!v[0-9]+/)(course-v1:{RUN}|{OLD})(?=[/?]|\Z)")


@lru_cache(10_000)
def is_course_id(text: str) -> bool:
    """Return whether a text is the id of a course."""
    return len(text) <= MAX_LENGTH and COURSE_ID.fullmatch(text) is not None


def course_of_address(address: str) -> str | None:
    """Return the id of the course that the address of a page is about; None if it names none.

    Nothing in the address is decoded.
    """
    _, found, rest = address.partition(XBLOCK)
    if found and (block := BLOCK.match(rest)):
        course_id = f"course-v1:{block[1]}"
    elif course := COURSES.search(address):
        course_id = course[1]
    else:
        return None
    return course_id if len(course_id) <= MAX_LENGTH else None
