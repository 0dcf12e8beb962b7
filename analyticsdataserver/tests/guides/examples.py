"""The examples in the guides: requests and programs that are run, and what they print.

In a page, a block ``console`` holds commands behind ``$``. Those that begin with ``curl`` are run, and the lines up to
the next command are what they print. A block ``python`` is a program; the block ``text`` behind it is what that
prints. The programs of a page share their variables.
"""

import argparse
import contextlib
import io
import json
import re
import shlex
from collections.abc import Callable
from typing import Any, Final

import requests

# The address and the key that the guides use throughout.
SERVICE: Final = "http://localhost:8000"
KEY: Final = "edx"

# Headers that say something about the service; the others are the server's, or change with every answer.
SHOWN_HEADERS: Final = (
    "Allow",
    "Content-Disposition",
    "Content-Type",
    "Deprecation",
    "Link",
    "Retry-After",
    "WWW-Authenticate",
)

BLOCK: Final = re.compile(
    r"^\.\. code-block:: (?P<kind>console|python|text)\n\n(?P<content>(?: {3}.*\n|\n)+)", re.MULTILINE
)

# Long enough for a busy machine.
TIMEOUT: Final = 60


class NoExampleError(ValueError):
    """A page has something that looks like an example and cannot be run."""


def run(page: str, server: str) -> str:
    """Return a page with what its examples print now.

    Args:
        page: The page.
        server: The address of a service that has the sample data, and the guides' key.

    Raises:
        NoExampleError: An example has a form that is not known here.
    """
    variables: dict[str, Any] = {"__name__": "__main__"}
    parts, end, printed = [], 0, None
    for block in BLOCK.finditer(page):
        content = block["content"]
        source = re.sub("^ {3}", "", content, flags=re.MULTILINE).rstrip("\n") + "\n"
        if printed is not None:
            if block["kind"] != "text":
                raise NoExampleError(f"A block of text has to follow the program, to hold what it prints: {printed}")
            new, printed = printed, None
        elif block["kind"] == "python":
            printed, new = run_program(source, variables, server), source
        elif block["kind"] == "console":
            new = run_commands(source, server)
        else:
            new = source
        tail = content[len(content.rstrip("\n")) :]
        parts += [page[end : block.start("content")], indented(new), tail]
        end = block.end()
    return "".join((*parts, page[end:]))


def indented(text: str) -> str:
    return "\n".join(f"   {line}".rstrip() for line in text.rstrip("\n").split("\n"))


def has_examples(page: str) -> bool:
    return any(block["kind"] == "python" or "$ curl " in block["content"] for block in BLOCK.finditer(page))


def run_program(source: str, variables: dict[str, Any], server: str) -> str:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(source.replace(SERVICE, server), "<guide>", "exec"), variables)  # noqa: S102 - the guides' own
    return output.getvalue().replace(server, SERVICE)


def run_commands(source: str, server: str) -> str:
    """Return a console's commands with what they print; commands other than curl keep what stands behind them."""
    # A command goes on in the next line behind a backslash.
    commands = re.findall(r"^\$ (?:.*\\\n)*.*\n|^(?!\$ ).*\n", source, re.MULTILINE)
    new: list[str] = []
    skipping = False
    for lines in commands:
        if lines.startswith("$ "):
            skipping = lines.startswith("$ curl ")
            new.append(lines)
            if skipping:
                new.append(curl_line(lines[2:], server))
        elif not skipping:
            new.append(lines)
    return "".join(new)


def curl_line(command: str, server: str) -> str:
    """Return what a pipeline prints that begins with curl."""
    words = shlex.split(command.replace("\\\n", " "))
    stages: list[list[str]] = [[]]
    for word in words:
        if word == "|":
            stages.append([])
        else:
            stages[-1].append(word)
    text = curl(stages[0][1:], server).replace(server, SERVICE)
    for name, *arguments in stages[1:]:
        if name not in FILTERS:
            raise NoExampleError(f"The guides' examples know no {name}.")
        text = FILTERS[name](text, arguments)
    return text if text.endswith("\n") or not text else f"{text}\n"


def curl(arguments: list[str], server: str) -> str:
    """Do what curl does with the options that the guides use."""
    parser = argparse.ArgumentParser(prog="curl", exit_on_error=False, allow_abbrev=False)
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-i", action="store_true")
    parser.add_argument("-G", action="store_true")
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("-d", action="append", default=[])
    parser.add_argument("--data-urlencode", action="append", default=[])
    parser.add_argument("url")
    given = parser.parse_args(arguments)
    if not given.url.startswith(SERVICE):
        raise NoExampleError(f"The guides' examples ask {SERVICE}, not {given.url}.")
    json_body = given.d[0] if given.d and given.d[0].startswith("{") else None
    pairs = [] if json_body else [each.split("=", 1) for each in (*given.d, *given.data_urlencode)]
    response = requests.request(
        "POST" if (pairs or json_body) and not given.G else "GET",
        given.url.replace(SERVICE, server),
        params=pairs if given.G else None,
        data=None if given.G else json_body or pairs,
        headers=dict(header.split(": ", 1) for header in given.H),
        timeout=TIMEOUT,
        allow_redirects=False,
    )
    body = response.text.replace("\r\n", "\n")
    if not given.i:
        return body
    head = [f"HTTP/1.1 {response.status_code} {response.reason}"]
    head += [f"{name}: {response.headers[name]}" for name in SHOWN_HEADERS if name in response.headers]
    return "\n".join((*head, "", body))


def json_tool(text: str, arguments: list[str]) -> str:
    if arguments != ["-m", "json.tool"]:
        raise NoExampleError(f"The guides' examples know python3 -m json.tool, not {arguments}.")
    return json.dumps(json.loads(text), indent=4)


def head(text: str, arguments: list[str]) -> str:
    count = int(arguments[0].removeprefix("-"))
    return "".join(text.splitlines(keepends=True)[:count])


FILTERS: Final[dict[str, Callable[[str, list[str]], str]]] = {"python3": json_tool, "head": head}
