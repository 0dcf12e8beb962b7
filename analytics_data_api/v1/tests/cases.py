"""The cases of version 1: those of version 0, and one for each endpoint that differs."""

from typing import Final

from analytics_data_api.v0.tests import cases
from analytics_data_api.v0.tests.cases import Case

CASES: Final = {
    **cases.CASES,
    "courses/{course_id}/enrollment/mode": Case(
        cases.modes,
        '[{"course_id":"edX/DemoX/Demo_Course","date":"2014-12-10","count":1893,"cumulative_count":1954,'
        '"created":"2014-12-10T193147","audit":5,"credit":1,"honor":940,"professional":189,"verified":756,'
        '"masters":2}]',
        "audit,count,course_id,created,credit,cumulative_count,date,honor,masters,professional,verified\n"
        "5,1893,edX/DemoX/Demo_Course,2014-12-10T193147,1,1954,2014-12-10,940,2,189,756\n",
        "edX-DemoX-Demo_Course--enrollment_mode.csv",
        dated=True,
    ),
}
