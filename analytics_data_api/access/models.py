"""The table that the service itself writes, in the database of users and keys."""

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
