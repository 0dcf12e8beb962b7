"""The Django project: settings, addresses, what is done with every request, and whatever is no endpoint of the API."""

# Which release this is.
VERSION = "0.1.0.dev0"
