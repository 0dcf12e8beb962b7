"""When the pipeline last loaded each table."""

from datetime import UTC, datetime

from django.apps import apps
from django.db.models import Max

from analytics_data_api.tables import introspection
from analytics_data_api.tables.fields import AsText
from analytics_data_api.tables.models import TableUpdate


def newest_loads(alias: str) -> dict[str, datetime]:
    """Return the time of each table's newest load, UTC, by the table's name, without reading much of any table.

    It is what the pipeline has noted in ``table_updates``; for a table without a note, the time at which the row with
    the highest id was loaded, since loads append. Tables that are missing or empty are left out.

    Args:
        alias: The database, by its key in the setting ``DATABASES``.

    Raises:
        django.db.Error: The database does not answer.
    """
    noted = noted_loads(alias)
    loads = {}
    for model in apps.get_app_config("v0").get_models():
        table = model._meta.db_table
        if model._meta.managed and introspection.columns(alias, table):
            rows = model._default_manager.using(alias).order_by("-pk")
            newest = noted.get(table) or moment(rows.values_list(AsText("created"), flat=True).first())
            if newest is not None:
                loads[table] = newest
    return loads


def noted_loads(alias: str) -> dict[str, datetime]:
    """Return the newest of the loads that the pipeline has noted, by table; none where it keeps no notes."""
    if not introspection.columns(alias, introspection.NOTES_TABLE):
        return {}
    loads: dict[str, datetime] = {}
    notes = TableUpdate._default_manager.using(alias).exclude(target_table=None)
    for target, text in notes.values_list("target_table").annotate(newest=AsText(Max("inserted"))):
        table, newest = table_of(target), moment(text)
        if newest is not None:
            loads[table] = max(newest, loads.get(table, newest))
    return loads


def moment(text: str | None) -> datetime | None:
    """Return the time that a database wrote as text, UTC; None for none, and for a zero date."""
    try:
        return datetime.fromisoformat(text or "").replace(tzinfo=UTC)
    except ValueError:
        return None


def table_of(target: str) -> str:
    """Return the table that a note is about.

    The pipeline may write a database's name in front, ``reports.video``, and capitals as it likes.
    """
    return target.rpartition(".")[2].lower()
