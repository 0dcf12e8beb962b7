"""The guides, which Sphinx has rendered, as pages of the service: ``docs/decisions/0036-guides-as-pages.rst``."""
