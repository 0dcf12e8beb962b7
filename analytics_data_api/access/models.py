"""What the service itself keeps, in the database of users and keys."""

from django.db import models


class Counter(models.Model):
    """How often somebody has done something, in a window of time.

    The time is Unix time as a number, which both databases compare and hand out as it is.
    """

    subject = models.CharField(max_length=100, primary_key=True, help_text="Who is counted, and by which limit.")
    count = models.PositiveIntegerField(help_text="How often, since the window began.")
    ends = models.FloatField(db_index=True, help_text="When the window ends, in seconds since 1970.")

    class Meta:
        app_label = "analytics_data_api"
        db_table = "throttle_counter"

    def __str__(self) -> str:
        return f"{self.subject}: {self.count}"
