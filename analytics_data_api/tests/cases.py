"""The cases of every version's endpoints, by the path below /api/."""

from typing import Final

from analytics_data_api.v0.tests import cases as v0
from analytics_data_api.v0.tests.cases import IDS, Case, address
from analytics_data_api.v1.tests import cases as v1

__all__ = ["CASES", "IDS", "OF_ENTITIES", "OF_TABLES", "Case", "address", "every_case"]

CASES: Final = {
    f"{version}/{path}": case
    for version, cases in {"v0": v0.CASES, "v1": v1.CASES}.items()
    for path, case in cases.items()
}

# Those that are read from tables, and those of them about an id in the path.
OF_TABLES: Final = {path: case for path, case in CASES.items() if case.queries}
OF_ENTITIES: Final = {path: case for path, case in OF_TABLES.items() if "{" in path}


def every_case() -> None:
    """Make the rows of every case of version 0, each row once; those of version 1 have the same, and some more."""
    for rows in dict.fromkeys(case.rows for case in v0.CASES.values()):
        rows()
