"""Where a random frame's choices come from. In: a `random.Random`. Out: `Draw`, handed to all that build a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class Draw:
    """`wrong` is the chance of each value that may be wrong to be so. `wide`: every kind of encapsulation is drawn;
    `wished` are those that shall be there, from the outermost in."""

    rng: Random
    wrong: float
    wide: bool = False
    wished: tuple[str, ...] = ()

    def goes_wrong(self) -> bool:
        return self.rng.random() < self.wrong

    def wrong_or(self, sound: Choice, wrong: Sequence[Choice]) -> Choice:
        """The sound value, now and then one of the wrong ones."""
        return self.rng.choice(wrong) if self.goes_wrong() else sound

    def wish(self, depth: int) -> str | None:
        """The encapsulation wished inside so many others."""
        return self.wished[depth] if depth < len(self.wished) else None

    def near(self, sound: int, others: tuple[int, ...]) -> int:
        """A length one off, or one of the others."""
        return min(max(self.rng.choice((sound - 1, sound + 1, *others)), 0), 0xFFFF)
