"""The course analytics API: a library of Django apps that knows nothing of the server around it."""

from typing import Final

NAME: Final = "Open edX course analytics API"

# The heading under which documentation lists every operation.
TAG: Final = "api"
