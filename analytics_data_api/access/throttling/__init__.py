"""Limits on requests: rates, the clients that are counted, and counts that all processes and machines share.

``docs/decisions/0009-throttling.rst`` gives the reasons.
"""
