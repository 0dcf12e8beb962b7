"""The rules are for one engine or another: each is SQL of DuckDB, and of Apache Spark."""

import ibis
import pytest
import sqlglot
from ibis.config import Config

from analytics_data_api.computing.tables import RULES
from analytics_data_api.computing.tests.making import script


class SparkOptions(Config):
    treat_nan_as_null: bool = False


@pytest.mark.slow
@pytest.mark.parametrize("table", RULES)
def test_a_rule_is_sql_of_spark(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The options that the backend has where Spark is installed.
    monkeypatch.setattr(ibis.options, "pyspark", SparkOptions())
    sql = script(table, dialect="pyspark")
    for statement in (*sql.saved.values(), sql.rows, *sql.dropped):
        sqlglot.parse_one(statement, read="spark")
        # What Spark has no function for, or another one.
        assert not {"DATE_TRUNC", "TRY_CAST", "MAKE_DATE(1970, 1, 1) +"} & set(statement.split())
