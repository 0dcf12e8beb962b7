"""How often somebody may ask: rates, who is counted as one, and the counts, which every process and machine shares.

``docs/decisions/0009-throttling.rst`` says why they are as they are.
"""
