"""The countries of addresses."""

import ipaddress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import maxminddb

from analytics_data_api.computing.errors import StoreError

UNKNOWN: Final = "UNKNOWN"
CODE_LENGTH: Final = 2


class Countries:
    """A database of MaxMind's format, such as GeoLite2 Country or City, that has the countries of addresses."""

    def __init__(self, path: Path) -> None:
        """Open a database.

        Raises:
            StoreError: It cannot be read.
        """
        try:
            self.reader = maxminddb.open_database(path)
        except (OSError, maxminddb.InvalidDatabaseError) as error:
            raise StoreError(f"The database of countries {path} cannot be read: {error}.") from None
        self._cached = lru_cache(100_000)(self._country_of)

    def country_of(self, address: Any) -> str:
        """Return the ISO 3166 alpha-2 code of an address's country, or UNKNOWN."""
        return self._cached(address) if isinstance(address, str) else UNKNOWN

    def _country_of(self, address: str) -> str:
        try:
            found = self.reader.get(ipaddress.ip_address(address))
        except (ValueError, maxminddb.InvalidDatabaseError):
            # The address is none, or is of version 6 and the database of version 4 alone.
            return UNKNOWN
        country = found.get("country") if isinstance(found, dict) else None
        code = country.get("iso_code") if isinstance(country, dict) else None
        if isinstance(code, str) and len(code) == CODE_LENGTH and code.isascii() and code.isalpha():
            return code.upper()
        return UNKNOWN
