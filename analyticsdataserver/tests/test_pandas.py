"""The guide's arguments for pandas keep every value of a CSV answer."""

import io
import re
from datetime import date
from typing import Any

import pandas
import pytest
from django.test import Client

from analytics_data_api.tables.tests import factories as make
from analyticsdataserver.config import BASE_DIR

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])


def arguments_in_the_guide() -> dict[str, Any]:
    call = re.search(r"pandas\.read_csv\((.*?)\n   \)", (BASE_DIR / "docs" / "calling.rst").read_text(), re.DOTALL)
    assert call is not None
    assert "keep_default_na=False" in call[1]
    assert 'na_values=[""]' in call[1]
    return {"keep_default_na": False, "na_values": [""]}


def test_namibia_is_no_missing_value(client: Client) -> None:
    make.EnrollmentLocationFactory(country_code="NA", date=date(2014, 12, 10))
    make.EnrollmentLocationFactory(country_code=None, date=date(2014, 12, 10))
    answer = client.get(f"/api/v0/courses/{make.COURSE_ID}/enrollment/location/?format=csv")
    frame = pandas.read_csv(io.BytesIO(b"".join(answer)), **arguments_in_the_guide())
    assert frame["country.alpha2"].fillna("missing").tolist() == ["missing", "NA"]
    assert frame["country.name"].tolist() == ["UNKNOWN", "Namibia"]
