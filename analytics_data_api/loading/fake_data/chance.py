"""Random numbers from a seed; the same seed gives the same numbers on every machine."""

from collections.abc import Mapping
from random import Random
from typing import TypeVar

Value = TypeVar("Value")


class Chance(Random):
    """Random numbers from a seed, which is a text; not for secrets."""

    def draw(self, population: Mapping[Value, int], number: int) -> list[Value]:
        """Return random values of a population, weighted by how common each is."""
        return self.choices(list(population), weights=list(population.values()), k=number)

    def share(self, whole: int, low: int, high: int) -> int:
        """Return a share of a number, between two percentages; rounded up, so that no share is 0."""
        return -(-whole * self.randint(low, high) // 100)

    def block_id(self) -> str:
        """Return the id of a block of a course: 32 hexadecimal digits."""
        return f"{self.getrandbits(128):032x}"
