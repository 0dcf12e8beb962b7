"""The files of the pages."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class Storage(CompressedManifestStaticFilesStorage):
    """Names files as ``collectstatic`` has named them; where that has not run, as they are called in their packages."""

    @property
    def is_in_place(self) -> bool:
        """Whether ``collectstatic`` has run."""
        return bool(self.hashed_files)

    def stored_name(self, name: str) -> str:
        return super().stored_name(name) if self.is_in_place else name
