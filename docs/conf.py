"""How Sphinx builds this folder: ``make docs``, where every warning is an error."""

project = "Open edX course analytics API"
html_title = project
html_theme = "furo"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
exclude_patterns = ["_build"]
