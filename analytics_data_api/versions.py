"""The versions of the API, and the endpoints of each."""

from typing import Final

from analytics_data_api.http.routing import Endpoints
from analytics_data_api.v0 import urls as v0
from analytics_data_api.v1 import urls as v1

VERSIONS: Final[dict[str, Endpoints]] = {"v0": v0.ENDPOINTS, "v1": v1.ENDPOINTS}

# Every endpoint, by its path below /api/.
ENDPOINTS: Final[Endpoints] = {
    f"{version}/{path}": view for version, endpoints in VERSIONS.items() for path, view in endpoints.items()
}
