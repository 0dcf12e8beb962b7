"""Writes the documentation's examples anew."""

from typing import Any

import orjson
from django.core.management.base import BaseCommand
from django.test.utils import setup_databases, teardown_databases

from analytics_data_api.loading import sample_data
from analytics_data_api.tables import ANALYTICS_DATABASE, introspection
from analyticsdataserver.docs.examples import EXAMPLES
from analyticsdataserver.docs.examples.making import make


class Command(BaseCommand):
    help = "Ask the service about the sample data, in databases of its own, and keep the answers for documentation."

    def handle(self, **options: Any) -> None:
        databases = setup_databases(verbosity=0, interactive=False, serialized_aliases=[])
        try:
            introspection.columns.cache_clear()
            for fixture in sorted(sample_data.FIXTURES.glob("*.json")):
                sample_data.load_fixture(fixture, ANALYTICS_DATABASE)
            examples = make()
        finally:
            teardown_databases(databases, verbosity=0)
            introspection.columns.cache_clear()
        EXAMPLES.write_bytes(orjson.dumps(examples, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        self.stdout.write(f"Wrote {len(examples)} examples to {EXAMPLES.name}.")
