"""A request as code in several languages."""

from typing import Final, NamedTuple


class Snippet(NamedTuple):
    """A request in a language."""

    language: str
    code: str


# The address is percent-encoded, so that it can stand in quotation marks of any kind.
TEMPLATES: Final = {
    "curl": "curl -H \"Authorization: Token $KEY\" \\\n  '{url}'",
    "Python": (
        "import requests\n\n"
        "response = requests.get(\n"
        '    "{url}",\n'
        '    headers={{"Authorization": f"Token {{key}}"}},\n'
        "    timeout=30,\n"
        ")\n"
        "response.raise_for_status()\n"
        "rows = response.json()"
    ),
    "R": (
        "library(httr2)\n\n"
        'rows <- request("{url}") |>\n'
        '  req_headers(Authorization = paste("Token", key)) |>\n'
        "  req_perform() |>\n"
        "  resp_body_json(simplifyVector = TRUE)"
    ),
    "JavaScript": (
        "const response = await fetch(\n"
        '  "{url}",\n'
        "  {{ headers: {{ Authorization: `Token ${{key}}` }} }},\n"
        ");\n"
        "if (!response.ok) throw new Error(await response.text());\n"
        "const rows = await response.json();"
    ),
}


def snippets(url: str) -> list[Snippet]:
    """Return the request for a percent-encoded URL in each language."""
    return [Snippet(language, template.format(url=url)) for language, template in TEMPLATES.items()]
