"""How a table really is, told in the same words by every kind of database."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, NamedTuple

from django.db.models import BooleanField, DateField, DateTimeField, Field, FloatField, IntegerField

from analytics_data_api.checks.findings import Kind


class MissingTableError(Exception):
    """There is no table of that name."""


class ForbiddenTableError(Exception):
    """The connected user may not read a table.

    Args:
        user: Who that is.
        grant: The statement that would allow it.
    """

    def __init__(self, user: str, grant: str) -> None:
        super().__init__(f"SELECT is denied to {user}")
        self.user = user
        self.grant = grant


class Column(NamedTuple):
    """A column as it is.

    Attributes:
        name: Its name.
        type: What the database calls its type, in lower case, without its length.
        collation: How its text is compared; None where there is nothing to say.
    """

    name: str
    type: str
    collation: str | None


class Structure(NamedTuple):
    """A table as it is.

    Attributes:
        columns: By name.
        indexes: The columns of each index that can be searched in order, None for what is no plain column.
        view: Whether it is a view; the indexes of the tables behind it are not known.
    """

    columns: Mapping[str, Column]
    indexes: tuple[tuple[str | None, ...], ...]
    view: bool

    def leads(self, *columns: str) -> bool:
        """Tell whether an index begins with these columns."""
        return any(index[: len(columns)] == columns for index in self.indexes)


class Family(Enum):
    """What the values of a column are read as."""

    TEXT = auto()
    INTEGER = auto()
    NUMBER = auto()
    DATE = auto()
    TIME = auto()

    @classmethod
    def of(cls, field: Field) -> "Family":
        """Return the family of a field, of a model of a pipeline table."""
        # In this order, because a time's field is a date's, too.
        if isinstance(field, DateTimeField):
            return cls.TIME
        if isinstance(field, DateField):
            return cls.DATE
        if isinstance(field, IntegerField | BooleanField):
            return cls.INTEGER
        if isinstance(field, FloatField):
            return cls.NUMBER
        return cls.TEXT


class Database(ABC):
    """A database that is asked how its tables are; asking is all that it is ever made to do.

    Args:
        connection: Django's connection to it.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    @abstractmethod
    def structure(self, table: str) -> Structure:
        """Return how a table, or view, is.

        Raises:
            MissingTableError: There is none.
            ForbiddenTableError: The connected user may not read it.
            django.db.DatabaseError: The database does not answer, or not this question.
        """

    @abstractmethod
    def suits(self, family: Family, column: Column) -> bool:
        """Tell whether a column's type gives values that can be read as those of a family."""

    @abstractmethod
    def collation_kind(self, column: Column) -> Kind | None:
        """Return the kind of finding that the collation of a column of ids is; None where it compares bytes."""

    def folding(self, column: Column) -> Callable[[str], str] | None:
        """Return what makes equal the ids that a column takes for equal; None where it compares bytes."""
        return None

    def absence(self) -> str | None:
        """Return why there is no database to connect to, None where nothing speaks against trying."""
        return None
