"""What the endpoints answer for the sample data: for documentation, which shows real answers and no made-up ones.

``./manage.py write_examples`` asks the service and keeps the answers in ``examples.json``, so that no reader of
documentation needs a database; a test asks again and compares.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

EXAMPLES: Final = Path(__file__).with_name("examples.json")


@cache
def load() -> dict[str, Any]:
    """Return an example for each endpoint, by its address with the names of ids in braces.

    Each is a dict: ``address``; the first items of an answer by the name of each format that is text, ``json`` as a
    value; and ``problems``: by status, and then by error code, the bodies of answers that refuse a request.
    """
    examples: dict[str, Any] = json.loads(EXAMPLES.read_text())
    return examples
