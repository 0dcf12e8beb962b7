"""What stops the commands about the event store and the tables computed from it."""


class StoreError(Exception):
    """The store, or a file that goes into it, cannot be used; the message is for the operator."""


class ComputeError(Exception):
    """Tables cannot be computed; the message is for the operator."""


class EngineError(StoreError):
    """A cluster cannot be used; the message is for the operator."""
