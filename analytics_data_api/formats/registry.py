"""The formats of answers, in the order in which negotiation prefers them. A new format is a module and a line here."""

from typing import Final

from rest_framework.renderers import BaseRenderer

from analytics_data_api.formats.arrow import ArrowRenderer
from analytics_data_api.formats.base import RowRenderer
from analytics_data_api.formats.csv import CSVRenderer
from analytics_data_api.formats.json import JSONRenderer
from analytics_data_api.formats.ndjson import NDJSONRenderer
from analytics_data_api.formats.page import PageRenderer
from analytics_data_api.formats.parquet import ParquetRenderer

# The first one is the default, and what is documented first.
DATA_FORMATS: Final[tuple[type[RowRenderer], ...]] = (
    JSONRenderer,
    CSVRenderer,
    NDJSONRenderer,
    ParquetRenderer,
    ArrowRenderer,
)

# Those of an endpoint whose answer is a list, and of one whose answer is one object.
FORMATS: Final[tuple[type[BaseRenderer], ...]] = (*DATA_FORMATS, PageRenderer)
OBJECT_FORMATS: Final = tuple(each for each in FORMATS if not getattr(each, "lists_only", False))
