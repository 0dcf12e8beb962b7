"""The tables that the service itself writes, in the database of users."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models


class Counter(models.Model):
    """How many requests of a client were counted in a window of time.

    Its end is Unix time as a number, which every database compares and returns unchanged.
    """

    subject = models.CharField(max_length=100, primary_key=True, help_text="The limit and the client.")
    count = models.PositiveIntegerField(help_text="Requests since the window started.")
    ends = models.FloatField(db_index=True, help_text="End of the window, in seconds since 1970.")

    class Meta:
        app_label = "analytics_data_api"
        db_table = "throttle_counter"

    def __str__(self) -> str:
        return f"{self.subject}: {self.count}"


class Origin(models.TextChoices):
    """Where a key comes from, which says what replaces it."""

    MADE = "made", "made by create_key or rotate_key"
    SET = "set", "chosen, and set by set_api_key"
    LOGIN = "login", "made by /api-token-auth/"


class Key(models.Model):
    """A key of a user, as a digest; what it may see does not change.

    Times are Unix time as a number, as in ``Counter``.
    """

    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the key, in hexadecimal.")
    key_id = models.CharField(max_length=12, unique=True, help_text="What commands and the log call it.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100, blank=True)
    origin = models.CharField(max_length=10, choices=Origin.choices)
    is_limited = models.BooleanField(help_text="Whether it may see only what its scope entries name.")
    scope = models.CharField(max_length=64, blank=True, help_text="Digest of what it may see; empty for everything.")
    reports = models.BooleanField(help_text="Whether a limited key may get reports, which can name learners.")
    min_count = models.PositiveIntegerField(null=True, help_text="Smaller counts are served as null.")
    rate = models.CharField(max_length=30, blank=True, help_text="Its own limit, such as 100/minute.")
    created = models.FloatField()
    expires = models.FloatField(null=True)
    revoked = models.FloatField(null=True)
    last_used = models.PositiveIntegerField(null=True, help_text="The day, counted from 1970-01-01, UTC.")

    class Meta:
        app_label = "analytics_data_api"
        db_table = "api_key"

    def __str__(self) -> str:
        return self.key_id


class ScopeEntry(models.Model):
    """A course or an organization that a limited key may see.

    It is found by a digest, which compares as bytes whatever collation the database has.
    """

    COURSE: ClassVar[str] = "course"
    ORG: ClassVar[str] = "org"

    # The first column of the constraint's index.
    key = models.ForeignKey(Key, models.CASCADE, related_name="entries", db_index=False)
    kind = models.CharField(max_length=6)
    value = models.CharField(max_length=255)
    digest = models.CharField(max_length=64, help_text="SHA-256 of kind and value, in hexadecimal.")

    class Meta:
        app_label = "analytics_data_api"
        db_table = "api_key_scope"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["key", "digest"], name="api_key_scope_entry"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


def moment(seconds: float | None) -> datetime | None:
    """Return a Unix time as a time in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
