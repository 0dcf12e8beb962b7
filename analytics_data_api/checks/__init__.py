"""Checks of a database that a pipeline fills: whether its tables are what the service's answers need.

``checks.check`` asks, by SELECT alone, and returns a report; ``as_text`` and ``as_json`` write it down.
"""
