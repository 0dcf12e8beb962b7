"""Kinds of activity that the pipeline counts: its labels, and the names that the API gives them."""

from typing import Final

ANY: Final = "any"

BY_LABEL: Final = {
    "ACTIVE": ANY,
    "ATTEMPTED_PROBLEM": "attempted_problem",
    "PLAYED_VIDEO": "played_video",
    "POSTED_FORUM": "posted_forum",
}
LABELS: Final = {name: label for label, name in BY_LABEL.items()}
NAMES: Final = tuple(LABELS)
