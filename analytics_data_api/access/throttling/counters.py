"""Counts that all processes and machines share: rows of a table in the database of users and keys."""

import logging
import time
from math import ceil
from typing import Final, NamedTuple

from django.db import Error
from django.db.models import Case, F, Q, QuerySet, Value, When

from analytics_data_api.access.models import Counter
from analytics_data_api.access.throttling.rates import Rate
from analytics_data_api.tables.retry import LOST, REFUSED, repeated_after

logger = logging.getLogger(__name__)

# How often a count is tried when others add or remove its row at the same moment; then the request is refused.
TRIES: Final = 20
# How many old rows are removed when a new one is added.
REMOVED_AT_ONCE: Final = 100


class LimitStatus(NamedTuple):
    """How much a limit leaves to a client.

    Attributes:
        admitted: Whether this request is within the limit.
        remaining: How many further requests are.
        seconds: After how many seconds counting starts again, at least one.
    """

    admitted: bool
    remaining: int
    seconds: int


@repeated_after(LOST | REFUSED)
def hit(subject: str, rate: Rate) -> LimitStatus:
    """Count once more, unless the limit is reached.

    A window starts with the first request that is counted. However many processes count at once, no more requests are
    admitted than the rate allows: the database compares and counts in one statement. A request during which the
    database broke off may count twice.

    Args:
        subject: The limit and the client, in up to 100 lower-case ASCII characters.
        rate: The limit.

    Raises:
        django.db.Error: The database does not answer.
    """
    own = Counter.objects.filter(subject=subject)
    for _ in range(TRIES):
        present = now()
        # Read first, so that a client above the limit causes no write.
        stored = own.values_list("count", "ends").first()
        if stored is None:
            first = Counter(subject=subject, count=0, ends=present + rate.seconds)
            Counter.objects.bulk_create([first], ignore_conflicts=True)
            remove_old(present)
            continue
        count, ends = stored
        if ends <= present:
            count, ends = 0, present + rate.seconds
        elif count >= rate.limit:
            return LimitStatus(admitted=False, remaining=0, seconds=whole_seconds(ends - present))
        if count_one(own, rate, present):
            return LimitStatus(admitted=True, remaining=rate.limit - count - 1, seconds=whole_seconds(ends - present))
    return LimitStatus(admitted=False, remaining=0, seconds=1)


def count_one(own: QuerySet[Counter], rate: Rate, present: float) -> bool:
    """Count one more in one statement; return whether the limit allowed it."""
    is_over = Q(ends__lte=present)
    return bool(
        own.filter(is_over | Q(count__lt=rate.limit)).update(
            # In this order: MySQL evaluates the second one with the new value of the first.
            count=Case(When(is_over, then=Value(1)), default=F("count") + 1),
            ends=Case(When(is_over, then=Value(present + rate.seconds)), default=F("ends")),
        )
    )


@repeated_after(REFUSED)
def refund(subject: str, rate: Rate) -> LimitStatus:
    """Take back one count, as long as its window lasts.

    Raises:
        django.db.Error: The database does not answer.
    """
    present = now()
    running = Counter.objects.filter(subject=subject, ends__gt=present)
    running.filter(count__gt=0).update(count=F("count") - 1)
    count, ends = running.values_list("count", "ends").first() or (0, present + rate.seconds)
    return LimitStatus(admitted=True, remaining=max(0, rate.limit - count), seconds=whole_seconds(ends - present))


@repeated_after(LOST | REFUSED)
def note(subject: str, seconds: int) -> None:
    """Keep a row for some seconds, which :func:`is_noted` finds.

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
    """Remove some rows whose window is over; a failure is logged.

    Called with each row that is added, so that no more rows are kept than were added in the last window.
    """
    over = Counter.objects.filter(ends__lte=present)
    try:
        # In the order of primary keys, in which counting locks rows, too.
        old = sorted(over.order_by("ends").values_list("subject", flat=True)[:REMOVED_AT_ONCE])
        if old:
            over.filter(subject__in=old).delete()
    except Error:
        logger.warning("Old counts were not removed this time.", exc_info=True)
