"""Countries by their ISO 3166 alpha-2 code, as an answer shows them."""

from typing import Final

from django_countries import countries

# With the keys alpha2, alpha3 and name.
Country = dict[str, str | None]

UNKNOWN: Final[Country] = {"alpha2": None, "alpha3": None, "name": "UNKNOWN"}

COUNTRIES: Final[dict[str, Country]] = {
    code: {"alpha2": code, "alpha3": countries.alpha3(code), "name": name} for code, name in countries
}


def country(code: str | None) -> Country:
    """Return the country that an alpha-2 code stands for, and ``UNKNOWN`` for everything else.

    Codes count as ISO 3166 writes them, in capitals. Address databases also hand out codes that are no country:
    regions (``AP``, ``EU``), anonymous proxies (``A1``), satellite providers (``A2``), others (``O1``).
    """
    return COUNTRIES.get(code, UNKNOWN) if code else UNKNOWN
