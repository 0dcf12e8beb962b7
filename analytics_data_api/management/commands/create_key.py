"""Makes an API key, which may be limited to courses and organizations."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import Error

from analytics_data_api.access import keys
from analytics_data_api.access.keys import Limits
from analytics_data_api.management.refusals import reported
from analytics_data_api.tables.course_ids import is_course_id, org_of
from analytics_data_api.tables.querysets.courses import courses_of_all_tables


class Command(BaseCommand):
    help = (
        "Make a key for a user, who is created where there is none. The key is printed once; only a digest of it is "
        "stored."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="the user's name")
        parser.add_argument("--name", default="", help="what the key is for")
        parser.add_argument("--course", action="append", default=[], metavar="ID", help="a course that it may see")
        parser.add_argument(
            "--org", action="append", default=[], help="an organization whose courses it may see, such as edX"
        )
        parser.add_argument("--expires", metavar="DATE|90d", help="the last day (UTC), or a number of days from now")
        parser.add_argument("--rate", default="", metavar="100/minute", help="how many requests it may send")
        parser.add_argument("--reports", action="store_true", help="let a limited key get reports that name learners")
        parser.add_argument("--min-count", type=int, metavar="N", help="serve smaller counts as null")

    def handle(
        self,
        *,
        username: str,
        name: str,
        course: list[str],
        org: list[str],
        expires: str | None,
        rate: str,
        reports: bool,
        min_count: int | None,
        **options: Any,
    ) -> None:
        limits = Limits(frozenset(course), frozenset(org), rate, reports, min_count)
        with reported():
            ends = None if expires is None else keys.end(expires)
            made = keys.create_key(username, limits, name, ends)
        for warning in self.warnings(limits):
            self.stderr.write(self.style.WARNING(f"Warning: {warning}"))
        self.stdout.write(made.text)

    def warnings(self, limits: Limits) -> list[str]:
        if not limits.is_limited:
            return ["the key sees everything; --course and --org limit it."]
        try:
            known = courses_of_all_tables()
        except Error:
            return ["the analytics database does not answer, so that it was not checked whether the courses are there."]
        orgs = {org_of(course) for course in known if is_course_id(course)}
        return [
            *(f"no table has the course {course}." for course in sorted(limits.courses - known)),
            *(f"no table has a course of the organization {org}." for org in sorted(limits.orgs - orgs)),
        ]
