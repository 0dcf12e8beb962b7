"""Why a load was refused or failed; each message is for the person who runs it, and the old rows are still there."""


class LoadError(Exception):
    """A load cannot be done, or has failed; the table has its old rows."""


class LoadRunningError(LoadError):
    """Another load of the table is running."""
