"""What stops a command about the event store."""


class StoreError(Exception):
    """The store, or a file that goes into it, cannot be used; the message is for the operator."""
