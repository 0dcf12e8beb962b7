"""Tells where a compiled ``*.txt`` no longer follows from its ``*.in``, without asking a package index.

``make quality`` runs it; ``make requirements`` mends what it finds.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOLDER = Path(__file__).parent
# What uv writes below a package: the *.in file that asks for it.
REASON = re.compile(r"^ +# +(?:via )?-r requirements/(\S+)$")


def wanted(path: Path) -> Iterator[tuple[str, Requirement]]:
    """Yield what a ``*.in`` file asks for, itself or through another: that file's name, and the requirement."""
    for line in path.read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r "):
            yield from wanted(FOLDER / text.removeprefix("-r ").strip())
        elif text:
            yield path.name, Requirement(text)


def pinned(path: Path) -> Iterator[tuple[Requirement, set[str]]]:
    """Yield each pin of a ``*.txt`` file, and the names of the ``*.in`` files it stands there for."""
    pins: list[tuple[Requirement, set[str]]] = []
    for line in path.read_text().splitlines():
        if not line.startswith((" ", "#")):
            pins.append((Requirement(line), set()))
        elif match := REASON.match(line):
            pins[-1][1].add(match[1])
    yield from pins


def version(pin: Requirement) -> str:
    return str(pin.specifier).removeprefix("==")


def faults() -> Iterator[str]:
    """Yield a line for each requirement without a pin, pin without a requirement, and package pinned differently."""
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    for source in sorted(FOLDER.glob("*.in")):
        target = source.with_suffix(".txt")
        pins = list(pinned(target))
        asked = {(file, canonicalize_name(requirement.name)): requirement for file, requirement in wanted(source)}
        met = {(file, canonicalize_name(pin.name)): pin for pin, files in pins for file in files}
        for file, name in sorted(asked.keys() - met.keys()):
            yield f"{target.name} has no pin for {name}, which {file} asks for."
        for file, name in sorted(met.keys() - asked.keys()):
            yield f"{target.name} pins {name}, which {file} does not ask for."
        for key in sorted(asked.keys() & met.keys()):
            if not asked[key].specifier.contains(version(met[key]), prereleases=True):
                yield f"{target.name} pins {met[key]}, but {key[0]} asks for {asked[key]}."
        for pin, _ in pins:
            package = (canonicalize_name(pin.name), str(pin.marker))
            file, other = seen.setdefault(package, (target.name, version(pin)))
            if other != version(pin):
                yield f"{target.name} pins {pin}, but {file} pins {other}."


if __name__ == "__main__":
    if found := list(faults()):
        sys.exit("\n".join([*found, "`make requirements` compiles them anew."]))
