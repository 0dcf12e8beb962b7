"""The formats of answers, in the order in which negotiation prefers them. A new format is a module and a line here."""

from typing import Final

from rest_framework.renderers import BaseRenderer

from analytics_data_api.formats.base import RowRenderer
from analytics_data_api.formats.csv import CSVRenderer
from analytics_data_api.formats.json import JSONRenderer
from analytics_data_api.formats.page import PageRenderer

# The first one is the default, and what is documented first.
DATA_FORMATS: Final[tuple[type[RowRenderer], ...]] = (JSONRenderer, CSVRenderer)

FORMATS: Final[tuple[type[BaseRenderer], ...]] = (*DATA_FORMATS, PageRenderer)
