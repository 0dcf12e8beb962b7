"""When the pipeline has loaded each table last."""

from datetime import datetime

from django.apps import apps
from django.db.models import Max

from analytics_data_api.tables import introspection
from analytics_data_api.tables.models import TableUpdate


def newest_loads(alias: str) -> dict[str, datetime]:
    """Return the time of each table's newest load, UTC, by the table's name, without reading much of any table.

    It is what the pipeline has noted in ``table_updates``; for a table of which it has noted nothing, the time at which
    the row with the highest id was loaded, since loads append. Tables that are missing or empty are left out.

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
            newest = noted.get(table) or rows.values_list("created", flat=True).first()
            if newest is not None:
                loads[table] = newest
    return loads


def noted_loads(alias: str) -> dict[str, datetime]:
    """Return the newest of the loads that the pipeline has noted, by table; none where it keeps no notes."""
    if not introspection.columns(alias, TableUpdate._meta.db_table):
        return {}
    loads: dict[str, datetime] = {}
    notes = TableUpdate._default_manager.using(alias).exclude(target_table=None)
    for target, newest in notes.values_list("target_table").annotate(newest=Max("inserted")):
        table = table_of(target)
        loads[table] = max(newest, loads.get(table, newest))
    return loads


def table_of(target: str) -> str:
    """Return the table that a note is about; the pipeline may write its database's name in front: reports.video."""
    return target.rpartition(".")[2]
