"""The service, with a database that goes away after the first row of each answer."""

from collections.abc import Iterator
from itertools import islice
from typing import Any
from unittest.mock import patch

from django.db import OperationalError

from analytics_data_api.formats import row_set
from analyticsdataserver.serving.wsgi import application

__all__ = ["application"]

# Not before the application is there.
from analytics_data_api.http import views

batches = row_set.RowSet.batches


def fail(table: row_set.RowSet, writers: Any) -> Iterator[Any]:
    yield from islice(batches(table, writers), 1)
    raise OperationalError(2013, "Lost connection")


patch.object(row_set, "BATCH_SIZE", 1).start()
patch.object(row_set, "SHORT", 0).start()
patch.object(row_set.RowSet, "batches", fail).start()
patch.object(views, "WHOLE_ANSWER_SIZE", 0).start()
