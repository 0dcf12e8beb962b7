"""What stops the commands about the event store and the tables computed from it."""


class StoreError(Exception):
    """The store, or a file that goes into it, cannot be used; the message is for the operator."""


class UnreachableError(StoreError, OSError):
    """The store is not on this machine and does not answer as it should; the message is for the operator."""


class ComputeError(Exception):
    """Tables cannot be computed; the message is for the operator."""


class EngineError(StoreError):
    """A cluster cannot be used; the message is for the operator."""


def reason_of(error: Exception) -> str:
    """Return the reason of an error as a sentence."""
    text = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
    return f"{text.rstrip('.')}."
