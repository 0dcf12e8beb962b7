"""A storage of reports whose answers are the same every time, for tests and examples."""

from datetime import UTC, datetime
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import Storage


class ReportStorage(Storage):
    """Files in memory, with links to them elsewhere, as a storage such as S3 makes them."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def exists(self, name: str) -> bool:
        return name in self.files

    def size(self, name: str) -> int:
        return len(self.files[name])

    def get_modified_time(self, name: str) -> datetime:
        return datetime(2014, 12, 10, 19, 31, 46, tzinfo=UTC)

    def url(self, name: str | None) -> str:
        return f"https://files.example.com/{name}?signature=0123abcd"

    def _open(self, name: str, mode: str = "rb") -> Any:
        return ContentFile(self.files[name])

    def _save(self, name: str, content: Any) -> str:
        self.files[name] = content.read()
        return name

    def delete(self, name: str) -> None:
        self.files.pop(name, None)
