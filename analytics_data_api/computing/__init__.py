"""Tracking logs and the tables of an LMS, computed into analytics tables.

``ingest`` reads logs into an event store (``store``), which keeps the few columns that the tables need. The tables are
computed from the store. Needs the packages of ``requirements/data.in``.
"""
