"""Measure compute_tables: ``python -m benchmarks.computing``, with ``--millions 1 2 4 8`` for how it grows.

For each size, an event store is made of as many events as that, of 60 days. Two in five are of video players, one in
ten is an answer to a problem, one in thirty an enrollment, and all but those are activity. The tables are computed into
an SQLite file by a process of its own. What is shown is its time, its processor time, which other work on the machine
hardly changes, and its peak of memory.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import duckdb

from analytics_data_api.computing import store
from benchmarks.data import ROOT
from benchmarks.processes import run

START: Final = date(2025, 6, 2)
DAYS: Final = 60
SECONDS: Final = 60

# A number from 0 to below the second argument, always the same one for a row and a name.
RANDOM: Final = "CREATE MACRO random_of(row, name, below) AS CAST(hash(row, name) % below AS BIGINT)"
TIME: Final = """
    CREATE MACRO time_of(row) AS '{day}T' || lpad(random_of(row, 'hour', 24)::TEXT, 2, '0') || ':'
        || lpad(random_of(row, 'minute', 60)::TEXT, 2, '0') || ':' || lpad((row % 60)::TEXT, 2, '0')
        || '.' || lpad(random_of(row, 'micro', 1000000)::TEXT, 6, '0')
"""
# Users come in groups of a course, so that each has many events of few videos and problems.
COMMON: Final = """
    WITH numbered AS (SELECT range AS row FROM range({first}, {end})),
    sent AS (
        SELECT *, random_of(row, 'user', {users}) + 1 AS user_id, time_of(row) AS time,
            'course-v1:Org' || (user_id % 20) || '+C' || (user_id % 200) || '+2025' AS course_id
        FROM numbered
    )
"""
SELECTS: Final = {
    store.ACTIVITY: (
        0.9,
        """SELECT DISTINCT course_id, user_id,
            ['ACTIVE', 'ACTIVE', 'ATTEMPTED_PROBLEM', 'PLAYED_VIDEO', 'POSTED_FORUM'][1 + random_of(row, 'label', 5)]
            AS label FROM sent""",
    ),
    store.ENROLLMENT: (
        0.03,
        """SELECT course_id, user_id, ['audit', 'verified', 'honor'][1 + random_of(row, 'mode', 3)] AS mode,
            ['activated', 'activated', 'deactivated', 'mode_changed'][1 + random_of(row, 'type', 4)] AS type, time
            FROM sent""",
    ),
    store.VIDEO: (
        0.4,
        """SELECT course_id, user_id, 'video' || random_of(row, 'video', 5) AS video_id,
            ['play', 'play', 'pause', 'seek', 'stop'][1 + random_of(row, 'type', 5)] AS type, time,
            random_of(row, 'position', 600)::DOUBLE AS position,
            CASE WHEN type = 'seek' THEN random_of(row, 'old', 600)::DOUBLE END AS old_position,
            CASE WHEN type = 'play' AND row % 7 > 0 THEN 600.5 END AS duration FROM sent""",
    ),
    store.ANSWERS: (
        0.1,
        """SELECT course_id,
            'block-v1:' || course_id || '+type@problem+block@' || random_of(row, 'problem', 20) AS problem_id,
            md5(user_id::TEXT) AS username_hash, user_id, time, md5(row::TEXT) AS event,
            problem_id || '_2_1' AS part_id, true AS has_submission,
            'answer ' || random_of(row, 'answer', 8) AS answer, answer AS text, answer AS plain,
            'choice_' || random_of(row, 'answer', 8) AS value_id, random_of(row, 'answer', 8) = 0 AS correct,
            NULL AS variant,
            'Which of the following is a question of the usual length?' AS question, 'choicegroup' AS input_type,
            'multiplechoiceresponse' AS response_type, 'A problem' AS display_name FROM sent""",
    ),
}


def make_store(folder: Path, events: int) -> None:
    """Make an event store with a file of each day."""
    events_store = store.EventStore.create(folder)
    for number in range(DAYS):
        day = str(START + timedelta(days=number))
        connection = duckdb.connect()
        connection.execute(RANDOM)
        connection.execute(TIME.replace("{day}", day))
        with events_store.writer() as writer:
            for kind, (share, select) in SELECTS.items():
                size = int(events * share / DAYS)
                common = COMMON.format(first=number * size, end=(number + 1) * size, users=max(events // 60, 1))
                columns = ", ".join(f'"{name}"' for name in kind.columns.names)
                sql = f"SELECT {columns} FROM ({common} {select})"
                writer.write(kind, day, connection.sql(sql).to_arrow_table().cast(kind.columns))
            writer.commit(store.FileRecord(f"{number:032x}", day))


def measure(folder: Path, memory: str) -> None:
    """Compute the tables of a store, and print how long that took, and the memory."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "analyticsdataserver.settings.local",
        "ANALYTICS_DATABASE_URL": f"sqlite:///{folder / 'analytics.db'}",
        "DATABASE_URL": f"sqlite:///{folder / 'default.db'}",
    }
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*manage, "migrate", "--database", "analytics", "-v0"], env=environment, check=True)
    end = str(START + timedelta(days=DAYS))
    options = ["--store", str(folder / "events"), "--to", end, "--memory", memory]
    used = run([*manage, "compute_tables", *options], env=environment)
    print(
        f"{used.seconds:.1f} s, {used.processor_seconds:.1f} s of processor time (limit for 3 million: {SECONDS} s on "
        f"2 cores), peak {used.megabytes:.0f} MB (limit {memory})\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millions", type=float, nargs="+", default=[3], help="how many events (default: 3)")
    parser.add_argument("--memory", default="1GB", help="the option of compute_tables (default: %(default)s)")
    options = parser.parse_args()
    for millions in options.millions:
        with tempfile.TemporaryDirectory() as folder:
            make_store(Path(folder) / "events", int(millions * 1e6))
            print(f"{millions:g} million events")
            sys.stdout.flush()
            measure(Path(folder), options.memory)


if __name__ == "__main__":
    main()
