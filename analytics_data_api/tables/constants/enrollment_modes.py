"""Enrollment modes: the columns that the API has for them, and which of the pipeline's modes each one counts."""

from typing import Final

COLUMNS: Final = ("honor", "professional", "verified")

COLUMN_OF_MODE: Final = {
    "honor": "honor",
    "audit": "honor",
    "professional": "professional",
    "no-id-professional": "professional",
    "verified": "verified",
}
