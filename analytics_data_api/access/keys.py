"""API keys of users: setting them, and taking them away."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, router, transaction
from rest_framework.authtoken.models import Token

MAX_KEY_LENGTH: Final = 40

# What a request can send behind "Authorization: Token": visible ASCII characters, none of them white space.
HEADER_TOKEN: Final = re.compile(r"[\x21-\x7e]+")

# The database's own message is left out, since it might show the key.
NO_DATABASE: Final = (
    "The database of users and keys does not answer, or does not have its tables yet. "
    "Check DATABASE_URL; to create the tables, run: ./manage.py migrate"
)


class KeyRefusedError(ValueError):
    """The reason why a key was not set or removed, in words for the user; it never shows a key."""


def set_key(username: str, key: str) -> bool:
    """Give a user this key in place of the one they have; a user who does not exist is made, without a password.

    Args:
        username: The user's name, spelled exactly (capitals count).
        key: Up to 40 visible ASCII characters.

    Returns:
        Whether the user was made.

    Raises:
        KeyRefusedError: No user may be called that, the key is none that a request can send, or another user has it.
            Nothing has changed then.
    """
    require_usable(key)
    try:
        with statements_unlogged(), transaction.atomic(using=router.db_for_write(Token)):
            user, made = user_or_new(username)
            # The database's own comparison: where it ignores case, it cannot hold two keys that differ in nothing else.
            if Token.objects.filter(key=key).exclude(user=user).exists():
                raise KeyRefusedError("Another user has this key: choose a different one.")
            held = Token.objects.filter(user=user).values_list("key", flat=True).first()
            if held != key:
                Token.objects.filter(user=user).delete()
                Token.objects.create(user=user, key=key)
    except IntegrityError:
        # The database's message would show the key.
        raise KeyRefusedError("Another user was given this key, or this name, at the same moment.") from None
    except DatabaseError:
        raise KeyRefusedError(NO_DATABASE) from None
    return made


def delete_key(username: str) -> None:
    """Take a user's key away; the user stays.

    Args:
        username: The user's name, spelled exactly (capitals count).

    Raises:
        KeyRefusedError: There is no such user, or the user has no key.
    """
    try:
        with statements_unlogged(), transaction.atomic(using=router.db_for_write(Token)):
            user = existing_user(username)
            if user is None:
                raise KeyRefusedError(f"There is no user {username!r}.")
            tokens, _ = Token.objects.filter(user=user).delete()
            if not tokens:
                raise KeyRefusedError(f"The user {username!r} has no key.")
    except DatabaseError:
        raise KeyRefusedError(NO_DATABASE) from None


def require_usable(key: str) -> None:
    """Check that a key fits into its column and into a request's header.

    Raises:
        KeyRefusedError: It does not.
    """
    if not key:
        raise KeyRefusedError("The token is empty.")
    if len(key) > MAX_KEY_LENGTH:
        raise KeyRefusedError(f"The token has {len(key)} characters; it may have up to {MAX_KEY_LENGTH}.")
    if not HEADER_TOKEN.fullmatch(key):
        raise KeyRefusedError("The token holds characters other than visible ASCII: no request could send it.")


def user_or_new(username: str) -> tuple[User, bool]:
    """Return the user of this name, and whether they had to be made.

    Raises:
        KeyRefusedError: There is no such user and none may be called that.
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
            f"The database holds the name {username!r} for that of another user, who spells it differently."
        )
    return User.objects.create_user(username), True


def existing_user(username: str) -> User | None:
    """Return the user whose name is spelled exactly so; a database may find other spellings, too."""
    try:
        username.encode()
    except UnicodeEncodeError:
        # A name that the terminal's encoding could not make sense of; no database takes it, not even in a question.
        return None
    return next((user for user in User.objects.filter(username=username) if user.username == username), None)


@contextmanager
def statements_unlogged() -> Iterator[None]:
    """Keep SQL statements out of the log: with DEBUG they are logged with their parameters, the key among them."""
    logger = logging.getLogger("django.db.backends")
    disabled, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = disabled
