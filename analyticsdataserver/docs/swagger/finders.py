"""Which static files of installed apps are served."""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any, Final

from django.contrib.staticfiles.finders import AppDirectoriesFinder

# A Swagger UI of 2018, which takes its document from the address that a link names (CVE-2018-25031), and what of
# drf_spectacular_sidecar no page here needs; the browsable pages of REST framework, and flags of all countries.
UNUSED: Final = (
    "rest_framework_swagger/*",
    "rest_framework/*",
    "flags/*",
    "drf_spectacular_sidecar/redoc/*",
    "drf_spectacular_sidecar/swagger-ui-dist/oauth2-redirect.*",
    "drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-standalone-preset.*",
)


def is_unused(path: str) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in UNUSED)


class UsedFilesFinder(AppDirectoriesFinder):
    """Django's finder, which does not find the files that no page may load."""

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[Any]:
        for path, storage in super().list(ignore_patterns):
            if not is_unused(path.replace("\\", "/")):
                yield path, storage

    def find(self, path: str, *args: Any, **kwargs: Any) -> Any:
        return [] if is_unused(path) else super().find(path, *args, **kwargs)
