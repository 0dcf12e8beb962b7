"""The views of lists: the numbers of many courses, which courses there are, and which tables."""

from collections.abc import Mapping
from functools import partial
from itertools import islice
from typing import ClassVar, Final

from django.db.models import Model

from analytics_data_api.http.list_parameters import (
    COURSES,
    ORG,
    PAGES,
    SEARCH,
    SERIES,
    SORT,
    course_list_query,
    courses_request,
)
from analytics_data_api.http.pages import Page
from analytics_data_api.http.parameters import COURSE_IDS, Parameter
from analytics_data_api.http.views import ManyReportView, ReportView, rows_of
from analytics_data_api.tables.course_list import course_list, has_courses, present_tables
from analytics_data_api.tables.querysets.courses import courses_on_record
from analytics_data_api.tables.querysets.many import Place
from analytics_data_api.tables.rows import Rows
from analytics_data_api.tables.table_list import table_list

# A list may have no item.
LIST_STATUSES: Final = (400, 401, 403, 406, 429, 500, 503)


class CoursesReportView(ReportView):
    """What a table has about many courses, on certain dates of each."""

    http_method_names = ManyReportView.http_method_names
    common_headers = ManyReportView.common_headers
    error_statuses = (*LIST_STATUSES, 413, 415)
    file_name = ManyReportView.file_name
    entity = None
    is_list = True
    is_scoped = True
    query: ClassVar[tuple[Parameter, ...]] = (*COURSES, *SERIES, *PAGES)

    def report(self) -> Rows:
        given = self.query_params
        queryset = rows_of(self.models[0])
        request = courses_request(given, self.query, self.dimension)
        ids = self.access.select(COURSE_IDS.listed(given), partial(courses_on_record, self.models[0]))
        orgs = ORG.listed(given)
        page = self.page = Page(self.request, given)
        columns, rows, constants = queryset.report_of_courses(
            request._replace(
                courses=None if ids is None else sorted(ids),
                orgs=None if orgs is None else frozenset(orgs),
                after=None if page.after is None else Place(page.after[0], tuple(page.after[1:])),
                limit=page.limit and page.limit + 1,
            )
        )
        width = queryset.sorted_by
        return Rows(columns, page.rows(rows, lambda row: (row[-1], *row[:width])), constants)


class CourseListView(ReportView):
    """Which courses the tables have."""

    entity = None
    is_list = True
    is_scoped = True
    file_name = ManyReportView.file_name
    error_statuses = LIST_STATUSES
    query = (ORG, SEARCH, SORT, *PAGES)

    def report(self) -> Rows:
        given = self.query_params
        query = course_list_query(given)
        page = self.page = Page(self.request, given)
        after = None if page.after is None else (page.after[0], page.after[1])
        tables = self.models = tuple(filter(has_courses, present_tables()))
        found = course_list(tables, query._replace(after=after, limit=page.limit, chosen=self.access.chosen))
        place = found.columns.index(query.sort)
        return found._replace(rows=page.rows(found.rows, lambda row: (row[place], row[0])))


class TableListView(ReportView):
    """Which tables there are.

    Attributes:
        endpoints: The endpoints of the version, by path.
    """

    entity = None
    is_list = True
    is_scoped = True
    file_name = ManyReportView.file_name
    error_statuses = LIST_STATUSES
    query = PAGES
    models: tuple[type[Model], ...] = ()
    endpoints: ClassVar[Mapping[str, type[ReportView]]] = {}

    def report(self) -> Rows:
        page = self.page = Page(self.request, self.query_params)
        above = self.request.path.rpartition("/tables")[0]
        templates: dict[str, list[str]] = {}
        for path, view in self.endpoints.items():
            for model in view.models:
                templates.setdefault(model._meta.db_table, []).append(f"{above}/{path}/")
        tables = self.models = tuple(present_tables())
        first = "" if page.after is None else page.after[0]
        behind = (model for model in tables if model._meta.db_table > first)
        # What is read of the tables is read of all of them at once.
        wanted = islice(behind, page.limit and page.limit + 1)
        found = table_list(wanted, templates, self.access.chosen)
        return found._replace(rows=page.rows(found.rows, lambda row: row[:1]))
