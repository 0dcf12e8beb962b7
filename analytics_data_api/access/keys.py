"""Setting and removing the API keys of users."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, router, transaction
from rest_framework.authtoken.models import Token

MAX_KEY_LENGTH: Final = 40

# What a request can send behind "Authorization: Token": visible ASCII characters, none of them white space.
HEADER_TOKEN: Final = re.compile(r"[\x21-\x7e]+")


class KeyRefusedError(ValueError):
    """A key was not set; the message gives the reason, and never shows a key."""


def set_key(username: str, key: str) -> bool:
    """Set a user's key in place of an older one; a user who does not exist is created, without a password.

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
    try:
        with statements_unlogged(), transaction.atomic(using=router.db_for_write(Token)):
            user, created = get_or_create_user(username)
            # The database's own comparison: where it ignores case, it cannot hold two keys that differ in nothing else.
            if Token.objects.filter(key=key).exclude(user=user).exists():
                raise KeyRefusedError("Another user has this key: choose a different one.")
            if key not in Token.objects.filter(user=user).values_list("key", flat=True):
                Token.objects.filter(user=user).delete()
                Token.objects.create(user=user, key=key)
    except IntegrityError:
        # The database's message would show the key.
        raise KeyRefusedError("Another user was given this key, or this name, at the same moment.") from None
    return created


def delete_key(username: str) -> bool:
    """Remove a user's key; the user stays.

    Args:
        username: The user's name, spelled exactly (capitals count).

    Returns:
        Whether there was one.

    Raises:
        django.db.Error: The database does not answer, or lacks the tables.
    """
    with statements_unlogged(), transaction.atomic(using=router.db_for_write(Token)):
        user = existing_user(username)
        return user is not None and bool(Token.objects.filter(user=user).delete()[0])


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
def statements_unlogged() -> Iterator[None]:
    """Keep SQL statements out of the log: with DEBUG they are logged with their parameters, the key among them."""
    logger = logging.getLogger("django.db.backends")
    disabled, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = disabled
