"""Forms as browsers send them."""

from typing import Any, Final
from urllib.parse import urlencode

from django.test import Client

FORM: Final = "application/x-www-form-urlencoded"


class FormClient(Client):
    """Django's test client, which sends forms urlencoded, not as multipart."""

    # Django's own post() has more parameters, which no test needs.
    def post(self, path: str, data: Any = "", content_type: str = FORM, **others: Any) -> Any:  # type: ignore[override]
        body = urlencode(data) if isinstance(data, dict) and content_type == FORM else data
        return super().post(path, body, content_type, **others)
