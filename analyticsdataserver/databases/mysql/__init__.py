"""Django's MySQL backend, with a cursor that streams long results, and a version of each table's data."""
