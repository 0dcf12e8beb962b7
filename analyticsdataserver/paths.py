"""Addresses that are treated in a way of their own, for settings and middleware; regular expressions.

``urls.py`` says what answers there.
"""

from typing import Final

# Behind the first slash. Whatever watches the service asks them, over plain HTTP and by the machine's address.
PROBES: Final = r"(?:status|health|metrics)/?\Z"

# What programs call, and pages of other sites may where they are let in; not the pages of the service itself.
API_PATHS: Final = r"^/(?:api/v0|api/schema|api-token-auth|authenticated|status|health)(?:/|\Z)"
