"""The form of course ids: three parts with ``/`` or ``+`` between them."""

import re
from typing import Final

# No id holds a control character. The run of a course may hold more "+", as in ccx-v1:org+course+run+ccx@15.
NAME: Final = r"[^/+\x00-\x1f\x7f]+"
RUN: Final = r"[^/\x00-\x1f\x7f]+"
FORM: Final = rf"{NAME}[/+]{NAME}[/+]{RUN}"

COURSE_ID: Final = re.compile(FORM)
# The kinds of keys that Open edX has for courses.
KIND: Final = re.compile(r"^(?:course|ccx)-v[0-9]+:")
SEPARATOR: Final = re.compile(r"[/+]")


def is_course_id(text: str) -> bool:
    """Return whether a text has the form of a course id."""
    return COURSE_ID.fullmatch(text) is not None


def org_of(course_id: str) -> str:
    """Return the organization of a course id: its first part, without the kind of key in front."""
    return KIND.sub("", SEPARATOR.split(course_id, maxsplit=1)[0], count=1)
