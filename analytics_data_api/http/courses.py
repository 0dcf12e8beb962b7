"""The view of the numbers of many courses."""

from typing import ClassVar

from analytics_data_api.http.list_parameters import COURSE_IDS, COURSES, ORG, PAGES, SERIES, courses_request
from analytics_data_api.http.pages import Page
from analytics_data_api.http.parameters import Parameter
from analytics_data_api.http.views import ManyReportView, ReportView, rows_of
from analytics_data_api.tables.querysets.many import Place
from analytics_data_api.tables.rows import Rows


class CoursesReportView(ReportView):
    """What a table has about many courses, on certain dates of each."""

    http_method_names = ManyReportView.http_method_names
    common_headers = ManyReportView.common_headers
    error_statuses = ManyReportView.error_statuses
    file_name = ManyReportView.file_name
    entity = None
    is_list = True
    query: ClassVar[tuple[Parameter, ...]] = (*COURSES, *SERIES, *PAGES)

    def report(self) -> Rows:
        given = self.query_params
        queryset = rows_of(self.models[0])
        request = courses_request(given, self.query, self.dimension)
        ids, orgs = COURSE_IDS.listed(given), ORG.listed(given)
        page = self.page = Page(self.request, given)
        columns, rows, constants = queryset.of_courses(
            request._replace(
                courses=None if ids is None else sorted(ids),
                orgs=None if orgs is None else frozenset(orgs),
                after=None if page.after is None else Place(page.after[0], tuple(page.after[1:])),
                limit=page.limit and page.limit + 1,
            )
        )
        width = queryset.sorted_by
        return Rows(columns, page.rows(rows, lambda row: (row[-1], *row[:width])), constants)
