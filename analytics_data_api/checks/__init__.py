"""Checks whether the tables of a pipeline are what the service needs: ``runner.check`` reads, ``output`` formats."""
