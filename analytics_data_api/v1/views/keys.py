"""The endpoint about the key of a request."""

from django.db.models import Model

from analytics_data_api.access.models import moment
from analytics_data_api.formats.registry import OBJECT_FORMATS
from analytics_data_api.http.views import ReportView
from analytics_data_api.tables.rows import Rows
from analytics_data_api.v1 import serializers


class KeyView(ReportView):
    """Get what the key of the request is: its id, its user, and what it may see.

    A session that a password has begun has no key, and sees everything.
    """

    models: tuple[type[Model], ...] = ()
    serializer_class = serializers.KeyDescriptionSerializer
    entity = None
    label = "key"
    single = True
    renderer_classes = OBJECT_FORMATS
    is_scoped = True
    error_statuses = (400, 401, 406, 429, 500, 503)

    def file_name(self) -> None:
        return None

    def report(self) -> Rows:
        access = self.access
        courses, orgs = access.scope_entries if access.is_limited else ((), ())
        expires = moment(access.expires)
        row = (
            access.key_id,
            self.request.user.get_username(),
            access.name or None,
            sorted(courses),
            sorted(orgs),
            expires and expires.strftime("%Y-%m-%d %H:%M:%S"),
            access.rate or None,
        )
        return Rows(("id", "user", "name", "courses", "orgs", "expires", "rate"), iter([row]))
