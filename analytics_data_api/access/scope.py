"""Which courses a request may see: the one place where that is decided, for every endpoint.

A view has one of three kinds of addresses:

* about one course (``entity`` is ``course_id``): a course outside of the scope is refused before anything is read;
* about a problem, a subsection or a video: its rows of other courses are left out, as if they were not on record;
* about many courses (``entity`` is None): the view reads only the courses that :meth:`Access.select` returns, or that
  :attr:`Access.chosen` admits, and says so by ``is_scoped``. An address that does not is refused to a limited key.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import Any, Final, NamedTuple, Self

from django.db.models import CharField, IntegerField, QuerySet
from django.utils.functional import cached_property
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from analytics_data_api.access.digests import course_digests
from analytics_data_api.access.models import ScopeEntry
from analytics_data_api.tables.course_ids import is_course_id, org_of
from analytics_data_api.tables.rows import Row
from analytics_data_api.tables.statements import BindParam, BindParams, database_of, statement
from analytics_data_api.text import quote_value

# How many digests one query names, and how many entries a small scope has at most.
BLOCK_SIZE: Final = 500
# From this number of courses on, the whole scope is read instead.
MANY: Final = 1000

# A video's id has that of its course in front.
SEPARATOR: Final = re.compile(r"\|")


class CourseNotAllowed(PermissionDenied):
    """The key may not see a course; whether there is such a course is not said.

    Args:
        course_id: The course.
    """

    default_code = "course_not_allowed"

    def __init__(self, course_id: str) -> None:
        super().__init__(
            f"This key is limited to certain courses, of which {quote_value(course_id)} is none; it may see those that "
            "/api/v1/key/ lists."
        )


class ReportsNotAllowed(PermissionDenied):
    """The key may not get reports, which can name learners."""

    default_code = "reports_not_allowed"
    default_detail = "This key is limited, and was made without the right to reports, which can name learners."


class NotForLimitedKeys(PermissionDenied):
    """The address has numbers of many courses that it cannot tell apart."""

    default_code = "limited_key"
    default_detail = "This key is limited to certain courses; this address is for keys without a limit."


class Scope(NamedTuple):
    """The courses and the organizations that a limited key may see."""

    courses: frozenset[str]
    orgs: frozenset[str]

    @classmethod
    def of(cls, entries: Iterable[Row]) -> Self:
        """Return the scope of entries, which are pairs of a kind and a value."""
        values: dict[str, set[str]] = {ScopeEntry.COURSE: set(), ScopeEntry.ORG: set()}
        for kind, value in entries:
            values[kind].add(value)
        return cls(frozenset(values[ScopeEntry.COURSE]), frozenset(values[ScopeEntry.ORG]))

    def has(self, course_id: str) -> bool:
        if course_id in self.courses:
            return True
        return bool(self.orgs) and is_course_id(course_id) and org_of(course_id) in self.orgs


def entries_query(entries: QuerySet[ScopeEntry], most: int | None) -> QuerySet[ScopeEntry, Any]:
    """Select the kind and the value of the entries of a key: all, or a number of them."""
    return entries.filter(key=BindParam("key", IntegerField())).values_list("kind", "value")[:most]


def found_query(entries: QuerySet[ScopeEntry], size: int) -> QuerySet[ScopeEntry, Any]:
    """Select those of a number of digests that entries of a key have."""
    digests = BindParams("digests", CharField(), size)
    return entries.filter(key=BindParam("key", IntegerField()), digest__in=digests).values_list("digest")


class KeyColumns(NamedTuple):
    """The columns of a key that a request needs."""

    pk: int | None
    key_id: str | None
    name: str
    is_limited: bool
    scope: str
    reports: bool
    min_count: int | None
    rate: str
    expires: float | None
    revoked: float | None
    last_used: int | None
    # Whether a session was sent, not a key.
    is_session: bool
    # Courses, at first that of the request's path, and whether the key may see them.
    known: dict[str, bool]


class Access(KeyColumns):
    """By what a request was sent, and what it may see."""

    COLUMNS: Final = KeyColumns._fields[:-2]

    @classmethod
    def without_key(cls, *, is_session: bool) -> Self:
        """Return what a user may see who has logged in by password: everything."""
        return cls(*(None, None, "", False, "", False, None, "", None, None, None), is_session, {})

    def allows(self, course_id: str) -> bool:
        """Return whether the key may see a course.

        Raises:
            django.db.Error: The database does not answer.
        """
        if not self.is_limited:
            return True
        allowed = self.known.get(course_id)
        return course_id in self.allowed((course_id,)) if allowed is None else allowed

    def allowed(self, courses: Collection[str]) -> set[str]:
        """Return those of some courses that the key may see.

        Raises:
            django.db.Error: The database does not answer.
        """
        if not self.is_limited:
            return set(courses)
        unknown = {course for course in courses if course not in self.known}
        if len(unknown) > MANY or "scope_entries" in self.__dict__:
            self.known.update((course, self.scope_entries.has(course)) for course in unknown)
        elif unknown:
            digests = {course: course_digests(course) for course in unknown}
            found = set(self.found({digest for both in digests.values() for digest in both}))
            self.known.update((course, not found.isdisjoint(both)) for course, both in digests.items())
        return {course for course in courses if self.known[course]}

    def found(self, digests: Iterable[str]) -> Iterator[str]:
        """Yield those of some digests of entries that the scope has."""
        rest = iter(digests)
        while block := list(islice(rest, BLOCK_SIZE)):
            # So that a few queries are composed, not one for each number.
            size = min(1 << (len(block) - 1).bit_length(), BLOCK_SIZE)
            block += block[-1:] * (size - len(block))
            found = statement(ScopeEntry, database_of(ScopeEntry), found_query, size)
            for (digest,) in found.rows({"key": self.pk, "digests": block}):
                yield digest

    # Django's cached properties have no lock: before Python 3.12, one of functools has requests wait for each other.
    @cached_property
    def small_scope(self) -> Scope | None:
        """The scope, read once for a request; None if it has so many entries that it is better not read as a whole."""
        entries = list(self.read_entries(BLOCK_SIZE + 1))
        return None if len(entries) > BLOCK_SIZE else Scope.of(entries)

    @cached_property
    def scope_entries(self) -> Scope:
        """The scope, read once for a request, whatever its size."""
        return self.small_scope or Scope.of(self.read_entries(None))

    def is_entered(self, course_id: str) -> bool:
        return self.scope_entries.has(course_id)

    def read_entries(self, most: int | None) -> Iterator[Row]:
        return statement(ScopeEntry, database_of(ScopeEntry), entries_query, most).rows({"key": self.pk})

    def select(self, courses: Collection[str] | None, on_record: Callable[[], Iterable[str]]) -> Collection[str] | None:
        """Return the courses that a request about many reads.

        Args:
            courses: Those that the request names; None for all.
            on_record: Returns the courses on record; called where the scope has organizations, or very many courses.

        Returns:
            The courses, in the order of their bytes where the request names none; None for all that are on record.

        Raises:
            CourseNotAllowed: The request names one that the key may not see.
            django.db.Error: The database does not answer.
        """
        if not self.is_limited:
            return courses
        if courses is not None:
            allowed = self.allowed(courses)
            for course in courses:
                if course not in allowed:
                    raise CourseNotAllowed(course)
            return courses
        scope = self.small_scope
        if scope is None:
            # Most of its courses may not be on record.
            return sorted(self.allowed(set(on_record())))
        selected = {*scope.courses, *(filter(scope.has, on_record()) if scope.orgs else ())}
        self.known.update(dict.fromkeys(selected, True))
        return sorted(selected)

    @property
    def chosen(self) -> Callable[[str], bool] | None:
        """Whether a course is one that the key may see, for a report that leaves out others; None for all courses."""
        return self.is_entered if self.is_limited else None

    def allows_video(self, video_id: str, courses: Collection[str]) -> bool:
        """Return whether the key may see a video: its course has to be allowed by its id and by its rows.

        Args:
            video_id: The video's id, ``<course_id>|<encoded_module_id>``.
            courses: The courses that the rows of the table of videos have for it.
        """
        ends = [found.start() for found in SEPARATOR.finditer(video_id)]
        # A module's id has no such sign; where there are several, the course's id may have one.
        by_id = {course for end in ends[-1:] if is_course_id(course := video_id[:end])}
        both = {*by_id, *courses}
        return bool(both) and len(self.allowed(both)) == len(both)


# Of a service that calls itself, as to make the examples of the documentation.
WHOLE: Final = Access.without_key(is_session=False)


class InScope(IsAuthenticated):
    """Admits a request whose key may see the course of the address, before anything about it is read."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not super().has_permission(request, view):
            return False
        access: Any = request.auth
        if access.is_limited:
            if view.entity == "course_id":
                if not access.allows(view.entity_id):
                    raise CourseNotAllowed(view.entity_id)
            elif view.entity is None and not view.is_scoped:
                raise NotForLimitedKeys
        if view.is_report_file and not access.reports and (access.is_limited or access.min_count):
            raise ReportsNotAllowed
        return True
