"""Made-up events, and what is read of them."""

import json
import os
from typing import Any

from analytics_data_api.computing.blocks import BlockReader, Reading, Tally
from analytics_data_api.computing.logs import Block
from analytics_data_api.computing.store import KINDS

COURSE = "course-v1:Org+CS101+2025"
TIME = "2025-09-01T10:20:30.123456+00:00"
DAY = "2025-09-01"
READER = BlockReader(Reading(b"a key of thirty-two bytes, as is"))
NAME_HASH = READER.hash_name("ada")


def event(type_: str = "page_close", source: str = "browser", **members: Any) -> dict[str, Any]:
    """Return an event, as the object of a line. A member that is ... is left out; ``context`` is added to."""
    context = {"course_id": COURSE, "user_id": 7, **members.pop("context", {})}
    made = {
        "username": "ada",
        "ip": "192.0.2.7",
        "time": TIME,
        "event_source": source,
        "event_type": type_,
        "page": None,
        "event": {},
        "context": {name: value for name, value in context.items() if value is not ...},
        **members,
    }
    return {name: value for name, value in made.items() if value is not ...}


def read(*lines: bytes | str | dict[str, Any], reader: BlockReader = READER) -> tuple[Tally, dict[str, list[Any]]]:
    """Return what becomes of lines, and their rows of each kind, as dictionaries without the values that are null."""
    data = b"".join(
        (line if isinstance(line, bytes) else (line if isinstance(line, str) else json.dumps(line)).encode()) + b"\n"
        for line in lines
    )
    tally, batches = reader.read(Block(data))
    rows = {
        name: [{key: value for key, value in row.items() if value is not None} for row in batches[name].to_pylist()]
        for name in KINDS
        if name in batches
    }
    return tally, rows


def kept(*lines: bytes | str | dict[str, Any], reader: BlockReader = READER) -> dict[str, list[Any]]:
    """Return the rows of lines."""
    return read(*lines, reader=reader)[1]


def labels(*lines: bytes | str | dict[str, Any]) -> set[str]:
    """Return the labels of the activity of lines."""
    return {row["label"] for row in kept(*lines).get("activity", ())}


def fate(line: bytes | str | dict[str, Any]) -> str:
    """Return what becomes of a line: ``kept``, or the reason."""
    tally, _ = read(line)
    assert tally.lines == 1
    assert tally.kept + tally.of_no_use.total() + tally.refused.total() == 1
    return next(iter((*tally.refused, *tally.of_no_use)), "kept")


def end_process(*arguments: object) -> None:
    """End the process in which this is called, as if it had been killed."""
    os._exit(1)
