"""How much the first pages of a fresh clone send: `make demo`, and `make serve`."""

import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest
import requests

from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.tests.served import Copy, environment, served

KEY = "a-key-of-a-first-page"
# Of a page with everything that it loads, compressed.
MOST_BYTES = 500 * 1024
# What the script of the documentation loads: the description, and the ids of courses that it offers.
LOADED = {"/docs/": ("/api/schema/", "/api/v1/courses/?limit=1000"), "/courses/": (), "/api/v0/": ()}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    copy = Copy(tmp_path_factory.mktemp("demo"))
    for arguments in (
        ["migrate"],
        ["migrate", "--database", "analytics"],
        ["set_api_key", "reader", KEY],
        ["collectstatic", "--no-input"],
    ):
        result = copy.run(*arguments, settings="local")
        assert result.returncode == 0, result.stderr
    with served(environment("local", DEBUG="false", LOG_LEVEL="CRITICAL"), folder=copy.folder) as address:
        yield address


def get(address: str) -> tuple[bytes, int]:
    """Return the body of a response, and how many bytes of it were sent."""
    headers = {"Authorization": f"Token {KEY}", "Accept-Encoding": "gzip", "Accept": "text/html,*/*;q=0.8"}
    with requests.get(address, headers=headers, stream=True, timeout=60) as response:
        assert response.status_code == 200
        sent = response.raw.read(decode_content=False)
        size = len(sent)
        assert response.headers.get("Content-Encoding") == "gzip" or size < 1000
    return requests.get(address, headers=headers, timeout=60).content, size


@pytest.mark.parametrize("path", LOADED)
def test_are_compressed(demo: str, path: str) -> None:
    page, total = get(demo + path)
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.decode())
    assert len(files) >= 3
    for each in (*files, *LOADED[path]):
        total += get(demo + each)[1]
    assert total <= MOST_BYTES


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("target", ["demo", "demo-logs", "serve"])
def test_make_compresses_them_before_it_serves(target: str) -> None:
    make = ["make", "--dry-run", "STATIC=nowhere", target]
    commands = subprocess.run(make, cwd=BASE_DIR, env=environment("local"), capture_output=True, text=True, check=True)
    collect = commands.stdout.index("manage.py collectstatic")
    assert collect < commands.stdout.rindex("-m analyticsdataserver.serving --bind")
