"""A load into a cluster while every node and HAProxy are read: readers see the old rows or the new ones."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import date
from itertools import cycle
from pathlib import Path
from threading import Event
from typing import Any, Final
from urllib.parse import quote

from analytics_data_api.tables.retry import CONFLICT
from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.testing.cluster import Cluster, Node, await_true
from analyticsdataserver.testing.site import ANALYTICS

TABLE: Final = f"{ANALYTICS}.course_enrollment_daily"
QUERY: Final = f"SELECT COUNT(*), MIN(count), MAX(count) FROM {TABLE} WHERE course_id = 'X/{{}}/1'"
DAYS: Final = 60
FIRST_DAY: Final = date(2014, 1, 1).toordinal()
# Seconds in which every node has what one has loaded.
SPREAD_SECONDS: Final = 60
# What each reader may see of a course: its rows, all of the first load or all of the second one.
WHOLE: Final = frozenset({(DAYS, 1, 1), (DAYS, 2, 2)})

Seen = Counter[tuple[int, int, int]]


def load_while_reading(site: Cluster, folder: Path, before: int, rows: int) -> Seen:
    """Load a table twice, and read it during the second load, on every node and through the service.

    Args:
        site: The cluster, which is being served.
        folder: Where the files are written.
        before: How many rows there are to see at first.
        rows: How many rows are loaded then.

    Returns:
        How often the readers saw how many rows of a course, with which least and greatest count.
    """
    load(site, generated(folder / "1.csv", before // DAYS, 1))
    await_generation(site, 1)
    file = generated(folder / "2.csv", rows // DAYS, 2)
    with reading(site, min(before, rows) // DAYS) as seen:
        load(site, file)
        await_generation(site, 2)
    return seen


def generated(file: Path, courses: int, generation: int) -> Path:
    """Write the rows of courses, with a count that says which file they are from."""
    days = [date.fromordinal(FIRST_DAY + day) for day in range(DAYS)]
    with file.open("w") as text:
        text.write("course_id,date,count\n")
        for number in range(courses):
            text.writelines(f"X/{number}/1,{day},{generation}\n" for day in days)
    return file


def load(site: Cluster, file: Path) -> None:
    place = quote(str(site.server.socket))
    environment = {**site.environment, "LOAD_DATABASE_URL": f"mysql://root@localhost/{ANALYTICS}?unix_socket={place}"}
    command = [sys.executable, "manage.py", "load_table", "course_enrollment_daily", str(file)]
    subprocess.run(command, cwd=BASE_DIR, env=environment, check=True, capture_output=True)


def await_generation(site: Cluster, generation: int) -> None:
    """Wait until every node has the rows of a load."""
    loaded = [(DAYS, generation, generation)]
    await_true(lambda: all(seen_by(node) == loaded for node in site.nodes), SPREAD_SECONDS)


def seen_by(node: Node) -> list[tuple[Any, ...]]:
    with closing(node.connect()) as connection:
        return rows_or_none(connection, QUERY.format(0))


def rows_or_none(connection: Any, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query; none where the exchange of tables has ended it: the service reads again then."""
    from MySQLdb import OperationalError

    try:
        connection.query(query)
        return list(connection.store_result().fetch_row(0))
    except OperationalError as error:
        if error.args[0] != CONFLICT:
            raise
        return []


@contextmanager
def reading(site: Cluster, courses: int) -> Iterator[Seen]:
    """Read from threads until the way out; yield what they see.

    Raises:
        AssertionError: On the way out: the service did not answer a request with 200.
    """
    is_over = Event()
    seen: Seen = Counter()

    def read(node: Node) -> None:
        with closing(node.connect()) as connection:
            for number in cycle(range(0, courses, max(1, courses // 50))):
                seen.update(rows_or_none(connection, QUERY.format(number)))
                if is_over.wait(0.02):
                    return

    def request() -> None:
        path = "/api/v0/courses/X/0/1/enrollment/?start_date=2000-01-01"
        while not is_over.wait(0.02):
            answer = site.get(path)
            if answer.status != 200:
                raise AssertionError(f"{path}: {answer.status} {answer.body!r}")
            counts = [row["count"] for row in json.loads(answer.body)]
            seen[len(counts), min(counts), max(counts)] += 1

    with ThreadPoolExecutor(8) as pool:
        readers = [*(pool.submit(read, node) for node in site.nodes), *(pool.submit(request) for _ in range(3))]
        try:
            yield seen
        finally:
            is_over.set()
        for reader in readers:
            reader.result()
