"""Connections to DuckDB for tests, which take far less time than a database for each."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import duckdb


@cache
def database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


@contextmanager
def connected() -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to a database in memory without tables; those that it makes are gone afterwards."""
    with database().cursor() as connection:
        connection.begin()
        try:
            yield connection
        finally:
            connection.rollback()
