"""Groups of paths that settings and middleware treat alike, as regular expressions."""

from typing import Final

# Without the first slash. Load balancers and monitoring request them over plain HTTP and by the machine's address.
PROBES: Final = r"(?:status|health|metrics)/?\Z"

# What programs call, and scripts of other sites where CORS allows it; not the pages of the service itself.
API_PATHS: Final = r"^/(?:api/?\Z|(?:api/v\d|api/schema|api-token-auth|authenticated|status|health)(?:/|\Z))"
