"""Tests of what limits how often somebody may ask."""
