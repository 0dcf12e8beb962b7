"""Enrollment modes: the columns that each version of the API has for them, and which modes each column counts."""

from typing import Final

# The modes that have a column of their own, where they are not merged.
MODES: Final = ("audit", "credit", "honor", "professional", "verified", "masters")

COLUMN_OF_MODE: Final = {**dict(zip(MODES, MODES, strict=True)), "no-id-professional": "professional"}

# The columns of version 0, which merges audit into honor and has no column for newer modes.
MERGED: Final = ("honor", "professional", "verified")

MERGED_COLUMN_OF_MODE: Final = {
    "honor": "honor",
    "audit": "honor",
    "professional": "professional",
    "no-id-professional": "professional",
    "verified": "verified",
}
