"""What Django's introspection lacks, in one module for each database engine, with the same names in each.

``TYPES`` has an expression for the types that can be read as text, as a date…; ``columns`` and ``indexes`` read a
table's structure; ``collation_code`` returns the code of the finding that the collation of a column of ids is, if any,
``folding`` the function that makes similar ids equal, ``denied`` the user without the right to read a table and the
GRANT that helps, and ``absence`` why connecting is of no use.
"""

from importlib import import_module
from typing import Any, NamedTuple


class Column(NamedTuple):
    """A column's type, in lower case and without its length, and its collation."""

    type: str
    collation: str | None


def engine(connection: Any) -> Any:
    """Return the module of a connection's database engine."""
    return import_module(f"{__name__}.{connection.vendor}")
