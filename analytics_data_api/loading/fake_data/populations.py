"""How common each value of a column is among the learners of a generated course."""

from typing import Final

MODES: Final[dict[str, int]] = {
    "audit": 520,
    "honor": 300,
    "verified": 120,
    "professional": 20,
    "no-id-professional": 20,
    "credit": 12,
    "masters": 8,
}

GENDERS: Final[dict[str | None, int]] = {"f": 36, "m": 48, "o": 2, None: 14}

EDUCATION_LEVELS: Final[dict[str | None, int]] = {
    "none": 4,
    "other": 20,
    "primary": 6,
    "junior_secondary": 36,
    "secondary": 190,
    "associates": 60,
    "bachelors": 330,
    "masters": 220,
    "doctorate": 34,
    None: 100,
}

# From 13 years, the youngest that may register, to 80.
AGES: Final[dict[int | None, int]] = {
    None: 1100,
    **{age: 30 * (age - 12) for age in range(13, 25)},
    **{age: 400 - 10 * (age - 25) for age in range(25, 60)},
    **{age: 42 - 2 * (age - 60) for age in range(60, 81)},
}

LARGE_COUNTRIES: Final[dict[str | None, int]] = {
    "US": 5800,
    "IN": 2600,
    "GB": 1000,
    "BR": 900,
    "CN": 850,
    "CA": 700,
    "MX": 650,
    "ES": 600,
    "DE": 560,
    "FR": 520,
    "CO": 450,
    "AU": 430,
    "RU": 420,
    "EG": 380,
    "NG": 370,
    "PK": 360,
    "PH": 330,
    "IT": 320,
    "NL": 300,
    "PL": 290,
    "GR": 280,
    "UA": 270,
    "TR": 260,
    "ID": 250,
    "JP": 240,
    "VN": 230,
    "SG": 220,
    "ZA": 210,
    "PE": 200,
    "AR": 190,
    "KR": 180,
    "BD": 170,
    "CL": 160,
    "SE": 150,
    "PT": 140,
    "RO": 130,
    "KE": 130,
    "MA": 120,
    "BE": 120,
    "IL": 110,
    "CH": 110,
    "IE": 100,
    "SA": 100,
    "TH": 100,
    "MY": 100,
    "AE": 100,
    "IR": 90,
    "GH": 90,
    "ET": 90,
    "VE": 80,
    "EC": 80,
    "DK": 80,
    "NO": 70,
    "AT": 70,
    "HU": 70,
    "CZ": 70,
    "FI": 70,
    "NZ": 60,
    "TW": 60,
    "HK": 60,
}

SMALL_COUNTRIES: Final = """
    AD AF AG AI AL AM AO AW AX AZ BA BB BF BG BH BI BJ BM BN BO BS BT BW BY BZ CD CF CG CI CM CR CU CV CW CY DJ DM DO DZ
    EE ER FJ FM FO GA GD GE GF GG GI GL GM GN GP GQ GT GU GW GY HN HR HT IM IQ IS JE JM JO KG KH KI KM KN KW KY KZ LA LB
    LC LI LK LR LS LT LU LV LY MC MD ME MG MK ML MM MN MO MQ MR MT MU MV MW MZ NA NC NE NI NP OM PA PF PG PR PS PW PY QA
    RE RS RW SB SC SD SI SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TG TJ TL TM TN TO TT TV TZ UG UY UZ VC VG VI VU WS YE
    YT ZM ZW
"""

# No country: no address, one that could not be placed, and one behind an anonymous proxy.
COUNTRIES: Final[dict[str | None, int]] = {
    None: 300,
    "UNKNOWN": 60,
    "A1": 20,
    **LARGE_COUNTRIES,
    **dict.fromkeys(SMALL_COUNTRIES.split(), 18),
}
