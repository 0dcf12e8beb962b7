"""Genders: the columns that the API has for them, and the code of each in the pipeline's table."""

from typing import Final

UNKNOWN: Final = "unknown"

COLUMN_OF_CODE: Final = {"f": "female", "m": "male", "o": "other"}
COLUMNS: Final = (*COLUMN_OF_CODE.values(), UNKNOWN)
