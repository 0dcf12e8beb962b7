"""The list of variables as ``.env.example`` and as a table of the guide for operators."""

import textwrap
from typing import Any, Final

from pydantic.fields import FieldInfo

from analyticsdataserver.config import BASE_DIR, Config, ProductionConfig
from analyticsdataserver.tests.guides import DOCS, table

EXAMPLE: Final = BASE_DIR / ".env.example"
TABLE: Final = DOCS / "settings_table.inc"
HEADER: Final = (
    "The variables that configure the service. Copy this file to .env beside manage.py, or set them in the "
    "environment, which overrides .env. An empty variable counts as not set. `make guides` writes this file."
)

LOCAL: Final = Config.model_fields
PRODUCTION: Final = ProductionConfig.model_fields


def description(name: str) -> str:
    return str((LOCAL.get(name) or PRODUCTION[name]).description)


def written(field: FieldInfo) -> str:
    """Return a field's default as a variable would hold it; "" if there is none, or it depends on the machine."""
    if field.is_required() or shown_default(field):
        return ""
    return str(field.default).lower() if isinstance(field.default, bool) else str(field.default)


def shown_default(field: FieldInfo) -> str:
    extra: Any = field.json_schema_extra or {}
    return extra.get("shown") or ""


def shown(field: FieldInfo | None) -> str:
    """Return how the table shows a field's default."""
    if field is None:
        return "no effect"
    if field.is_required():
        return "required"
    return shown_default(field) or (f"``{written(field)}``" if written(field) else "none")


def settings_table() -> str:
    """Return the table of the guide, in reStructuredText."""
    rows = [
        [f"``{name}``", shown(LOCAL.get(name)), shown(field), "\n".join(textwrap.wrap(description(name), 100))]
        for name, field in PRODUCTION.items()
    ]
    return table(["Variable", "Local default", "Production", "Meaning"], rows, "28 18 14 40")


def example() -> str:
    """Return ``.env.example``: each variable with its default, or without a value if that differs between sites."""
    parts = [comment(HEADER)]
    for name, field in PRODUCTION.items():
        local, value = LOCAL.get(name), written(field)
        if local is None:
            note = " Production only."
        elif shown(local) != shown(field):
            note, value = f" Local default: {shown(local)}. Production: {shown(field)}.", ""
        else:
            note = f" Default: {shown_default(field)}." if shown_default(field) else ""
        parts.append(f"{comment(description(name) + note)}{name}={value}\n")
    return "\n".join(parts)


def comment(text: str) -> str:
    lines = textwrap.wrap(text.replace("``", ""), 118, break_long_words=False, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines)
