"""The examples that documentation shows are what the service answers today."""

import pytest

from analytics_data_api.loading import sample_data
from analytics_data_api.tables import ANALYTICS_DATABASE
from analyticsdataserver.docs import examples
from analyticsdataserver.docs.examples import making


@pytest.mark.django_db(databases=["default", "analytics"])
def test_they_are_not_stale() -> None:
    for fixture in sorted(sample_data.FIXTURES.glob("*.json")):
        sample_data.load_fixture(fixture, ANALYTICS_DATABASE)
    assert making.make() == examples.load(), "`make guides` writes them anew."
