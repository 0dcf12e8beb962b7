"""Django's backend for SQLite, which also tells whether the data may have changed."""
