"""The random numbers that courses are made up from: the same ones wherever they are seeded the same."""

from collections.abc import Mapping
from random import Random
from typing import TypeVar

Value = TypeVar("Value")


class Chance(Random):
    """Random numbers from a seed, which is a text; what needs to be unpredictable is not made from them."""

    def draw(self, population: Mapping[Value, int], number: int) -> list[Value]:
        """Return values drawn from a population, as often as each is common in it."""
        return self.choices(list(population), weights=list(population.values()), k=number)

    def share(self, whole: int, low: int, high: int) -> int:
        """Return a share of a number, between two percentages; rounded up, so that something always has some."""
        return -(-whole * self.randint(low, high) // 100)

    def block_id(self) -> str:
        """Return what tells a part of a course from others of its kind: 32 hexadecimal digits."""
        return f"{self.getrandbits(128):032x}"
