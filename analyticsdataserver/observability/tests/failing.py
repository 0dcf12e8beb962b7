"""The service, with a database that goes away after the first row of each answer."""

from collections.abc import Iterator
from itertools import islice
from typing import Any
from unittest.mock import patch

from django.db import OperationalError

from analyticsdataserver.wsgi import application

__all__ = ["application"]

# Not before the application is there.
from analytics_data_api.http import tables, views

batches = tables.Table.batches


def fail(table: tables.Table, writers: Any) -> Iterator[Any]:
    yield from islice(batches(table, writers), 1)
    raise OperationalError(2013, "Lost connection")


patch.object(tables, "BATCH_SIZE", 1).start()
patch.object(tables, "SHORT", 0).start()
patch.object(tables.Table, "batches", fail).start()
patch.object(views, "WHOLE_ANSWER_SIZE", 0).start()
