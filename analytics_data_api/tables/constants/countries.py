"""Countries by their ISO 3166 alpha-2 code, as an answer shows them."""

from collections.abc import Iterator
from itertools import product
from typing import Final

from django_countries import countries

# With the keys alpha2, alpha3 and name.
Country = dict[str, str | None]

UNKNOWN: Final[Country] = {"alpha2": None, "alpha3": None, "name": "UNKNOWN"}

COUNTRIES: Final[dict[str, Country]] = {
    code: {"alpha2": code, "alpha3": countries.alpha3(code), "name": name} for code, name in countries
}


def spellings(code: str) -> Iterator[str]:
    """Yield a code in any mixture of capitals and small letters."""
    return map("".join, product(*zip(code.upper(), code.lower(), strict=True)))


# Both codes of ISO 3166, in any case, and the alpha-2 code that they stand for.
ALPHA2: Final = {
    spelling: alpha2
    for alpha2, found in COUNTRIES.items()
    for code in (alpha2, found["alpha3"])
    if code
    for spelling in spellings(code)
}


def country(code: str | None) -> Country:
    """Return the country that an alpha-2 code, in capitals, stands for, and ``UNKNOWN`` for everything else.

    Address databases also hand out codes that are no country: regions (``AP``, ``EU``), anonymous proxies (``A1``),
    satellite providers (``A2``), others (``O1``).
    """
    return COUNTRIES.get(code, UNKNOWN) if code else UNKNOWN
