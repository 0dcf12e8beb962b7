"""The page at ``/docs/``, and everything that the project has to do with django-rest-swagger and Swagger UI.

``docs/decisions/0006-docs-page.rst`` says what is used of either, and how to take them out.
"""
