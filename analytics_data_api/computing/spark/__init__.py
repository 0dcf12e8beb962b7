"""The commands about the event store on a cluster of Apache Spark.

The rules of tables are the Ibis expressions that DuckDB runs, and lines are read by the same Python functions, on the
workers, to which the code is sent. Nothing here imports PySpark before an address of a cluster was given. Needs the
packages of ``requirements/spark.in``, and Java for an address that begins with ``spark://``.
"""
