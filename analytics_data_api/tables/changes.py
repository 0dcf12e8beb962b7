"""Telling whether data may have changed, without reading them.

What a table's data are now is told by a mark. As long as they stay the same, so does the mark; any change, be it rows
that came, went or were altered in place, makes it another one, which no earlier data had.
"""

from datetime import datetime
from typing import Final, NamedTuple

# Seconds that have to pass after a change before a note of it in whole seconds tells it from others.
SETTLED_SECONDS: Final = 2


class Mark(NamedTuple):
    """What tells a table's present data from those before and after any change.

    Attributes:
        text: The mark; other data never have the same.
        modified: When the data were last changed, in UTC; None where that is not known.
    """

    text: str
    modified: datetime | None
