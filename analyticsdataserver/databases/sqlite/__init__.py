"""Django's SQLite backend, with a version of the data, and without creating files that are missing."""
