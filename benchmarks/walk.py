"""The way of one request through the project: which of its files and functions run, in which order.

``python -m benchmarks.walk`` sends one small request with a key to the service in this process, over SQLite in memory,
after others have filled its caches. It prints each function of the project when it is called, and how many files and
functions run, and how often a call leads back to a file that another file's code has run after. A walk that goes
forward, and seldom back, is one that a reader can follow.
"""

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterator
from inspect import CO_GENERATOR
from pathlib import Path
from time import time
from types import CodeType, FrameType
from typing import Any, Final, NamedTuple
from wsgiref.util import setup_testing_defaults

ROOT: Final = Path(__file__).resolve().parent.parent

# What is counted: the service, without its tests.
PACKAGES: Final = tuple(f"{ROOT / package}{os.sep}" for package in ("analytics_data_api", "analyticsdataserver"))
TESTS: Final = f"{os.sep}tests{os.sep}"

COURSE: Final = "edX/DemoX/Demo_Course"
KEY: Final = "0123456789abcdef0123456789abcdef01234567"
# Newer versions of Python inline most of them.
COMPREHENSIONS: Final = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}

# Requests that fill the caches.
WARMING: Final = 3


class Walk(NamedTuple):
    """The calls of a request.

    Attributes:
        calls: The code of each function of the project that was called, in order.
    """

    calls: list[CodeType]

    @property
    def files(self) -> set[str]:
        return {code.co_filename for code in self.calls}

    @property
    def functions(self) -> set[CodeType]:
        """The functions and methods, without the comprehensions in them."""
        return {code for code in self.calls if code.co_name not in COMPREHENSIONS}

    @property
    def returns(self) -> int:
        """How often a call leads to a file that was called before, after a call to another file."""
        left: set[str] = set()
        returns, current = 0, ""
        for code in self.calls:
            if code.co_filename != current:
                returns += code.co_filename in left
                left.add(current)
                current = code.co_filename
        return returns

    def lines(self) -> Iterator[str]:
        """Yield a line for each call, and the sums."""
        current = ""
        for code in self.calls:
            if code.co_filename != current:
                current = code.co_filename
                yield str(Path(current).relative_to(ROOT))
            yield f"    {code.co_qualname}"
        yield f"{len(self.files)} files, {len(self.functions)} functions, {self.returns} returns"


def walk(request: Callable[[], Any]) -> Walk:
    """Return the calls of the project's functions while a request is handled."""
    calls: list[CodeType] = []
    generators: set[FrameType] = set()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(PACKAGES) and TESTS not in code.co_filename:
            # A generator that goes on is not called; its frame is the same one.
            if code.co_flags & CO_GENERATOR:
                if frame in generators:
                    return
                generators.add(frame)
            calls.append(code)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        request()
    finally:
        sys.setprofile(before)
    return Walk(calls)


def send(application: Callable[..., Any], path: str, key: str) -> bytes:
    """Send a GET request to a WSGI application, as a server does; returns the body.

    Raises:
        AssertionError: The status is not 200.
    """
    statuses = []
    environ = {"PATH_INFO": path, "QUERY_STRING": "", "REMOTE_ADDR": "127.0.0.1", "wsgi.input": io.BytesIO()}
    environ["HTTP_AUTHORIZATION"] = f"Token {key}"
    setup_testing_defaults(environ)
    response = application(environ, lambda status, headers, error=None: statuses.append(status))
    try:
        body = b"".join(response)
    finally:
        if hasattr(response, "close"):
            response.close()
    assert statuses == ["200 OK"], statuses
    return body


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.walk", description=__doc__.partition("\n")[0])
    parser.add_argument("--path", default=f"/api/v0/courses/{COURSE}/enrollment/")
    arguments = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "analyticsdataserver.settings.test"
    os.environ["LOG_LEVEL"] = "CRITICAL"

    import django

    django.setup()

    from django.core.management import call_command

    from analytics_data_api.access.keys import set_key
    from analytics_data_api.access.last_use import DAY
    from analytics_data_api.access.models import Key

    for alias in ("default", "analytics"):
        call_command("migrate", database=alias, verbosity=0)
    set_key("walk", KEY)
    # As any but the first request of a day.
    Key.objects.update(last_used=int(time() // DAY))

    from analytics_data_api.tables.models import CourseEnrollmentDaily

    CourseEnrollmentDaily.objects.create(course_id=COURSE, date="2014-12-10", count=1)

    from analyticsdataserver.serving.wsgi import application

    def request() -> bytes:
        return send(application, arguments.path, KEY)

    for _ in range(WARMING):
        request()
    print("\n".join(walk(request).lines()))


if __name__ == "__main__":
    main()
