"""Counts that every process and machine shares: rows of a table in the database of users and keys."""

import logging
import time
from math import ceil
from typing import Final, NamedTuple

from django.db import Error
from django.db.models import Case, F, Q, QuerySet, Value, When

from analytics_data_api.access.models import Counter
from analytics_data_api.access.throttling.rates import Rate

logger = logging.getLogger(__name__)

# How often a count is tried again whose row is added, or removed, by somebody else at the same moment.
TRIES: Final = 5
# How many old rows go when a new one comes.
REMOVED_AT_ONCE: Final = 100


class LimitStatus(NamedTuple):
    """Where somebody stands within a limit.

    Attributes:
        admitted: Whether this time was within it.
        remaining: How many times are left.
        seconds: After how many seconds counting starts anew, at least one.
    """

    admitted: bool
    remaining: int
    seconds: int


def hit(subject: str, rate: Rate) -> LimitStatus:
    """Count once more, unless the limit is reached.

    A window begins with the first time that is counted. However many processes count at once, no more are admitted
    than the rate says: the database compares and counts in one statement.

    Args:
        subject: Who is counted, and by which limit; up to 100 characters, in ASCII and small letters.
        rate: The limit.

    Raises:
        django.db.Error: The database does not answer.
    """
    own = Counter.objects.filter(subject=subject)
    for _ in range(TRIES):
        present = now()
        # Read first, because whoever is over the limit is not to cost a write.
        held = own.values_list("count", "ends").first()
        if held is None:
            first = Counter(subject=subject, count=0, ends=present + rate.seconds)
            Counter.objects.bulk_create([first], ignore_conflicts=True)
            remove_old(present)
            continue
        count, ends = held
        if ends <= present:
            count, ends = 0, present + rate.seconds
        elif count >= rate.limit:
            return LimitStatus(admitted=False, remaining=0, seconds=whole_seconds(ends - present))
        if counted(own, rate, present):
            return LimitStatus(admitted=True, remaining=rate.limit - count - 1, seconds=whole_seconds(ends - present))
    return LimitStatus(admitted=False, remaining=0, seconds=1)


def counted(own: QuerySet[Counter], rate: Rate, present: float) -> bool:
    """Count one more in one statement; tell whether the limit left room for it."""
    is_over = Q(ends__lte=present)
    return bool(
        own.filter(is_over | Q(count__lt=rate.limit)).update(
            # In this order: MySQL gives the second one the new value of the first.
            count=Case(When(is_over, then=Value(1)), default=F("count") + 1),
            ends=Case(When(is_over, then=Value(present + rate.seconds)), default=F("ends")),
        )
    )


def refund(subject: str, rate: Rate) -> LimitStatus:
    """Take back one that was counted, as long as its window lasts.

    Raises:
        django.db.Error: The database does not answer.
    """
    present = now()
    running = Counter.objects.filter(subject=subject, ends__gt=present)
    running.filter(count__gt=0).update(count=F("count") - 1)
    count, ends = running.values_list("count", "ends").first() or (0, present + rate.seconds)
    return LimitStatus(admitted=True, remaining=max(0, rate.limit - count), seconds=whole_seconds(ends - present))


def note(subject: str, seconds: int) -> None:
    """Keep a row for a while, whose being there says all there is to say.

    Raises:
        django.db.Error: The database does not answer.
    """
    ends = now() + seconds
    Counter.objects.bulk_create([Counter(subject=subject, count=1, ends=ends)], ignore_conflicts=True)
    Counter.objects.filter(subject=subject).update(ends=ends)


def is_noted(subject: str) -> bool:
    return Counter.objects.filter(subject=subject, ends__gt=now()).exists()


def now() -> float:
    """Return the time in seconds since 1970."""
    return time.time()


def whole_seconds(seconds: float) -> int:
    return max(1, ceil(seconds))


def remove_old(present: float) -> None:
    """Remove some rows whose window is over; where that fails, the next time will do.

    Each row that is added has some removed, so that no more of them are kept than were added in the last window.
    """
    over = Counter.objects.filter(ends__lte=present)
    try:
        # By primary key, so that rows are locked in the order in which counting locks them.
        old = sorted(over.order_by("ends").values_list("subject", flat=True)[:REMOVED_AT_ONCE])
        if old:
            over.filter(subject__in=old).delete()
    except Error:
        logger.warning("Old counts were not removed this time.", exc_info=True)
