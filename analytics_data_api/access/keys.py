"""Making, setting, listing, ending and removing the API keys of users."""

import logging
import re
import secrets
import string
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, router, transaction
from django.db.models import Q, QuerySet

from analytics_data_api.access.digests import entry_digest, key_digest, scope_digest
from analytics_data_api.access.models import Key, Origin, ScopeEntry
from analytics_data_api.access.throttling import rates
from analytics_data_api.tables.course_ids import is_course_id
from analytics_data_api.tables.retry import REFUSED, repeated_after

logger = logging.getLogger(__name__)

MAX_KEY_LENGTH: Final = 40
MAX_NAME_LENGTH: Final = 100
# Of a course or an organization: as long as the columns of the tables.
MAX_ID_LENGTH: Final = 255

# What a request can send behind "Authorization: Token": visible ASCII characters, none of them white space.
HEADER_TOKEN: Final = re.compile(r"[\x21-\x7e]+")

# A key that the service makes: the prefix, which tools that look for secrets can find, and 190 random bits.
PREFIX: Final = "oda_"
ALPHABET: Final = string.digits + string.ascii_letters
RANDOM_CHARACTERS: Final = 40
# The id of a key: this many of its characters behind the prefix. Of a chosen key it has none.
ID_CHARACTERS: Final = 8
SET_PREFIX: Final = "set_"

# The keys by password of a user that stay.
LOGIN_KEYS: Final = 10
LOGIN_NAME: Final = "login"

DAY: Final = 86_400
DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
DAYS: Final = re.compile(r"(\d{1,5})d", re.ASCII)

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

ENTRIES_AT_ONCE: Final = 500

LARGEST_MIN_COUNT: Final = 1_000_000


class KeyRefusedError(ValueError):
    """Nothing was changed; the message gives the reason, and never shows a key."""


@dataclass(frozen=True)
class Limits:
    """What a key may see, and how often; everything by default.

    Attributes:
        courses: Courses.
        orgs: Organizations, whose courses it may see, too.
        rate: Its own limit on requests, such as ``100/minute``; empty for that of the settings.
        reports: Whether it may get reports although it is limited.
        min_count: The smallest count that is served; None for every count.
    """

    courses: frozenset[str] = field(default_factory=frozenset)
    orgs: frozenset[str] = field(default_factory=frozenset)
    rate: str = ""
    reports: bool = False
    min_count: int | None = None

    @property
    def is_limited(self) -> bool:
        return bool(self.courses or self.orgs)

    @property
    def digest(self) -> str:
        """The digest of what makes its answers differ from those to other keys; empty for none."""
        if not self.is_limited and self.min_count is None:
            return ""
        return scope_digest(self.courses, self.orgs, self.reports, self.min_count)

    def __str__(self) -> str:
        parts = [f"courses {', '.join(sorted(self.courses))}"] if self.courses else []
        parts += [f"organizations {', '.join(sorted(self.orgs))}"] if self.orgs else []
        return " and ".join(parts) or "everything"


EVERYTHING: Final = Limits()


class MadeKey(NamedTuple):
    """A key that was made, as text, and its row."""

    text: str
    key: Key


class DeletedKey(NamedTuple):
    """Whether there was a key to remove, and how many usable ones the user has besides."""

    was_there: bool
    others: int


@repeated_after(REFUSED)
def set_key(username: str, key: str) -> bool:
    """Set a key without a limit, in place of the one that was set before; a new user is created, without a password.

    Args:
        username: The user's name, spelled exactly (capitals count).
        key: Up to 40 visible ASCII characters.

    Returns:
        Whether the user was created.

    Raises:
        KeyRefusedError: The name is not valid, no request can send the key, or another user has it. Nothing has
            changed then.
        django.db.Error: The database does not answer, or lacks the tables.
    """
    require_usable(key)
    digest = key_digest(key)
    made: Key | None = None
    try:
        with changing():
            user, created = get_or_create_user(username)
            known = Key.objects.filter(digest=digest).first()
            if known is not None and known.user_id != user.pk:
                raise KeyRefusedError("Another user has this key: choose a different one.")
            if known is not None and known.origin != Origin.SET:
                raise KeyRefusedError("The user has this key already, as one that this service made: choose another.")
            if known is None or known.revoked is not None or known.expires is not None:
                Key.objects.filter(user=user, origin=Origin.SET).delete()
                made = store(user, key, f"{SET_PREFIX}{random_text(ID_CHARACTERS)}", Origin.SET)
    except IntegrityError:
        # The database's message would show a digest.
        raise KeyRefusedError("Another user was given this key, or this name, at the same moment.") from None
    if made is not None:
        log("set", made, EVERYTHING)
    return created


@repeated_after(REFUSED)
def delete_key(username: str) -> DeletedKey:
    """Remove the key that was set for a user; the user and the other keys stay.

    Args:
        username: The user's name, spelled exactly (capitals count).

    Raises:
        django.db.Error: The database does not answer, or lacks the tables.
    """
    with changing():
        user = existing_user(username)
        if user is None:
            return DeletedKey(was_there=False, others=0)
        keys = list(Key.objects.filter(user=user, origin=Origin.SET).select_related("user"))
        Key.objects.filter(pk__in=[key.pk for key in keys]).delete()
        others = usable(Key.objects.filter(user=user)).count()
    for key in keys:
        log("removed", key, EVERYTHING)
    return DeletedKey(bool(keys), others)


@repeated_after(REFUSED)
def create_key(username: str, limits: Limits = EVERYTHING, name: str = "", expires: float | None = None) -> MadeKey:
    """Make a key for a user, who is created where there is none.

    Args:
        username: The user's name, spelled exactly (capitals count).
        limits: What it may see.
        name: What the key is for.
        expires: When it ends, as Unix time; None for never.

    Raises:
        KeyRefusedError: One of the values is not valid. Nothing has changed then.
        django.db.Error: The database does not answer, or lacks the tables.
    """
    require_limits(limits, name)
    if expires is not None and expires <= time.time():
        raise KeyRefusedError("The end of the key is in the past.")
    with changing():
        user, _ = get_or_create_user(username)
        made = make(user, Origin.MADE, limits, name, expires)
    log("made", made.key, limits)
    return made


@repeated_after(REFUSED)
def login_key(user: User) -> str:
    """Return a new key, without a limit, of a user who has sent a password; the user's newest ten such keys stay."""
    with changing():
        made = make(user, Origin.LOGIN, EVERYTHING, LOGIN_NAME)
        own = Key.objects.filter(user=user, origin=Origin.LOGIN).select_related("user").order_by("-pk")
        old = list(own[LOGIN_KEYS:])
        Key.objects.filter(pk__in=[key.pk for key in old]).delete()
    log("made", made.key, EVERYTHING)
    for key in old:
        log("removed", key, EVERYTHING)
    return made.text


@repeated_after(REFUSED)
def rotate_key(key_id: str, grace: float, expires: float | None = None) -> MadeKey:
    """Make a key that may see the same as another one, which ends after a grace.

    Args:
        key_id: The other one's id.
        grace: In seconds.
        expires: When the new one ends; None for when the other one would have.

    Raises:
        KeyRefusedError: There is no such key, or it has ended.
        django.db.Error: The database does not answer, or lacks the tables.
    """
    now = time.time()
    if expires is not None and expires <= now:
        raise KeyRefusedError("The end of the key is in the past.")
    with changing():
        old = existing_key(key_id, for_update=True)
        if old.revoked is not None:
            raise KeyRefusedError(f"The key {key_id} was revoked: make a new one with create_key.")
        ends = old.expires if expires is None else expires
        if ends is not None and ends <= now:
            raise KeyRefusedError(f"The key {key_id} has ended: give the new one another end with --expires.")
        limits = limits_of(old)
        made = make(old.user, Origin.MADE, limits, old.name, ends)
        last = now + grace if old.expires is None else min(old.expires, now + grace)
        Key.objects.filter(pk=old.pk).update(expires=last)
        old.expires = last
    log("made", made.key, limits)
    log(f"ends at {shown_time(last)}, replaced by {made.key.key_id}", old, limits)
    return made


@repeated_after(REFUSED)
def revoke_key(key_id: str) -> list[Key]:
    """End a key at once; it stays in lists.

    Raises:
        KeyRefusedError: There is no such key.
        django.db.Error: The database does not answer, or lacks the tables.
    """
    with changing():
        ended = revoked([existing_key(key_id, for_update=True)])
    return logged_as_revoked(ended)


@repeated_after(REFUSED)
def revoke_user(username: str) -> list[Key]:
    """End all keys of a user at once, and return those that had not ended before.

    Raises:
        KeyRefusedError: There is no such user.
        django.db.Error: The database does not answer, or lacks the tables.
    """
    with changing():
        user = existing_user(username)
        if user is None:
            raise KeyRefusedError(f"There is no user {username!r}.")
        ended = revoked(usable(Key.objects.filter(user=user)).select_related("user"))
    return logged_as_revoked(ended)


def revoked(keys: Iterable[Key]) -> list[Key]:
    ended = [key for key in keys if key.revoked is None]
    Key.objects.filter(pk__in=[key.pk for key in ended]).update(revoked=time.time())
    return ended


def logged_as_revoked(keys: list[Key]) -> list[Key]:
    for key in keys:
        log("revoked", key, limits_of(key))
    return keys


def listed(username: str | None = None, ending_within: float | None = None) -> QuerySet[Key]:
    """Return the keys of a user or of all, by user and age, or those of them that end within some seconds.

    Raises:
        KeyRefusedError: There is no such user.
        django.db.Error: The database does not answer, or lacks the tables.
    """
    keys = Key.objects.select_related("user").prefetch_related("entries").order_by("user__username", "pk")
    if username is not None:
        user = existing_user(username)
        if user is None:
            raise KeyRefusedError(f"There is no user {username!r}.")
        keys = keys.filter(user=user)
    if ending_within is not None:
        keys = usable(keys).filter(expires__lte=time.time() + ending_within)
    return keys


def usable(keys: QuerySet[Key]) -> QuerySet[Key]:
    """Return those of some keys that have not ended."""
    return keys.filter(Q(expires=None) | Q(expires__gt=time.time()), revoked=None)


def limits_of(key: Key) -> Limits:
    entries = list(key.entries.all())
    return Limits(
        frozenset(entry.value for entry in entries if entry.kind == ScopeEntry.COURSE),
        frozenset(entry.value for entry in entries if entry.kind == ScopeEntry.ORG),
        key.rate,
        key.reports,
        key.min_count,
    )


def existing_key(key_id: str, *, for_update: bool = False) -> Key:
    """Return the key with an id, spelled exactly.

    Raises:
        KeyRefusedError: There is none.
    """
    keys = Key.objects.select_related("user")
    if for_update:
        keys = keys.select_for_update()
    found = () if unsendable(key_id) else keys.filter(key_id=key_id)
    for key in found:
        if key.key_id == key_id:
            return key
    # What was given may be a key.
    shown = key_id if len(key_id) <= len(PREFIX) + ID_CHARACTERS and not unsendable(key_id) else "this id"
    raise KeyRefusedError(f"There is no key {shown}; list_keys lists the ids.")


def make(
    user: User, origin: Origin, limits: Limits = EVERYTHING, name: str = "", expires: float | None = None
) -> MadeKey:
    """Make a key, and store its digest."""
    text = PREFIX + random_text(RANDOM_CHARACTERS)
    return MadeKey(
        text, store(user, text, text[: len(PREFIX) + ID_CHARACTERS], origin, limits, name=name, expires=expires)
    )


def store(user: User, text: str, key_id: str, origin: Origin, limits: Limits = EVERYTHING, **values: Any) -> Key:
    """Store the digest of a key, and what it may see.

    Args:
        user: The key's user.
        text: The key.
        key_id: Its id.
        origin: Where it comes from.
        limits: What it may see.
        values: Other columns: its name, when it ends.
    """
    key = Key.objects.create(
        digest=key_digest(text),
        key_id=key_id,
        user=user,
        origin=origin,
        is_limited=limits.is_limited,
        scope=limits.digest,
        reports=limits.reports,
        min_count=limits.min_count,
        rate=limits.rate,
        **{"created": time.time(), **values},
    )
    named = [(ScopeEntry.COURSE, course) for course in sorted(limits.courses)]
    named += [(ScopeEntry.ORG, org) for org in sorted(limits.orgs)]
    entries = (ScopeEntry(key=key, kind=kind, value=value, digest=entry_digest(kind, value)) for kind, value in named)
    ScopeEntry.objects.bulk_create(entries, batch_size=ENTRIES_AT_ONCE)
    return key


def random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def log(change: str, key: Key, limits: Limits) -> None:
    """Log a change of a key, with its user, its id and what it may see."""
    logger.info("Key %s of the user %s %s; it sees %s.", key.key_id, key.user.username, change, limits)


def end(text: str, now: float | None = None) -> float:
    """Return the Unix time of the end that a date, to its end, or a number of days from now describes.

    Raises:
        KeyRefusedError: It describes none, or one in the past.
    """
    now = time.time() if now is None else now
    if DAYS.fullmatch(text):
        ends = now + seconds(text)
    else:
        try:
            if not DATE.fullmatch(text):
                raise ValueError
            ends = datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() + DAY
        except ValueError:
            raise KeyRefusedError(
                f"The end is {text!r}; it takes a date that exists, as YYYY-mm-dd, or a number of days such as 90d."
            ) from None
    if ends <= now:
        raise KeyRefusedError(f"The end, {text}, is in the past.")
    return ends


def seconds(text: str) -> float:
    """Return how long a number of days such as ``14d`` is.

    Raises:
        KeyRefusedError: It is none.
    """
    found = DAYS.fullmatch(text)
    if found is None:
        raise KeyRefusedError(f"The time is {text!r}; it takes a number of days such as 14d.")
    return timedelta(days=int(found[1])).total_seconds()


def shown_time(moment: float | None) -> str | None:
    """Return a Unix time in ISO 8601, UTC; None for none."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def shown_day(day: int | None) -> str | None:
    """Return a day that is counted from 1970-01-01 on as a date; None for none."""
    return None if day is None else datetime.fromtimestamp(day * DAY, UTC).strftime("%Y-%m-%d")


def require_limits(limits: Limits, name: str) -> None:
    """Check what a key may see, and its name.

    Raises:
        KeyRefusedError: One of the values is not valid.
    """
    for course in limits.courses:
        if unsendable(course) or not is_course_id(course) or len(course) > MAX_ID_LENGTH:
            raise KeyRefusedError(
                f"The course is {course!r}; it takes an id such as edX/DemoX/Demo_Course or course-v1:edX+DemoX+2015."
            )
    for org in limits.orgs:
        if not org or unsendable(org) or re.search(r"[/+]", org) or len(org) > MAX_ID_LENGTH:
            raise KeyRefusedError(
                f"The organization is {org!r}; it takes the first part of course ids, such as edX, without / and +."
            )
    if limits.rate:
        try:
            rates.read(limits.rate)
        except ValueError as error:
            raise KeyRefusedError(f"The rate is {limits.rate!r}. {error}") from None
    if limits.min_count is not None and not 1 <= limits.min_count <= LARGEST_MIN_COUNT:
        raise KeyRefusedError(
            f"The smallest count is {limits.min_count}; it takes a number from 1 to {LARGEST_MIN_COUNT:,}."
        )
    if len(name) > MAX_NAME_LENGTH or unsendable(name):
        raise KeyRefusedError(f"The name takes up to {MAX_NAME_LENGTH} characters, none of them a control character.")


def unsendable(text: str) -> bool:
    """Return whether a text has what no database takes and no request sends: control characters, half characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return CONTROL.search(text) is not None


def require_usable(key: str) -> None:
    """Check that a key can be set, and fits into a request's header.

    Raises:
        KeyRefusedError: It does not.
    """
    if not key:
        raise KeyRefusedError("The token is empty.")
    if len(key) > MAX_KEY_LENGTH:
        raise KeyRefusedError(f"The token has {len(key)} characters; it may have up to {MAX_KEY_LENGTH}.")
    if not HEADER_TOKEN.fullmatch(key):
        raise KeyRefusedError("The token holds characters other than visible ASCII: no request could send it.")


def get_or_create_user(username: str) -> tuple[User, bool]:
    """Return the user of this name, and whether it was created.

    Raises:
        KeyRefusedError: There is no such user, and the name is not valid for a new one.
    """
    user = existing_user(username)
    if user is not None:
        return user, False
    try:
        User._meta.get_field("username").clean(username, None)
    except ValidationError as error:
        raise KeyRefusedError(f"The username is not valid: {' '.join(error.messages)}") from None
    if User.objects.filter(username=username).exists():
        raise KeyRefusedError(
            f"The database takes the name {username!r} for that of another user, who spells it differently."
        )
    return User.objects.create_user(username), True


def existing_user(username: str) -> User | None:
    """Return the user whose name is spelled exactly like this; a database may find other spellings, too."""
    try:
        username.encode()
    except UnicodeEncodeError:
        # A name that is not valid in the terminal's encoding; no database takes it as a parameter.
        return None
    return next((user for user in User.objects.filter(username=username) if user.username == username), None)


@contextmanager
def changing() -> Iterator[None]:
    """Change keys in one transaction, and keep its SQL statements out of the log.

    With DEBUG they are logged with their parameters, the digests of keys among them.
    """
    statements = logging.getLogger("django.db.backends")
    disabled, statements.disabled = statements.disabled, True
    try:
        with transaction.atomic(using=router.db_for_write(Key)):
            yield
    finally:
        statements.disabled = disabled
