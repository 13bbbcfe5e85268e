"""Boolean conditions on their way to C: fact masks that merge, numbers in ranges, and plain C text.

In: trees of All, Any, Mask, Within, Text. Out: `render(condition)`, one C expression; masks over the same layer's facts
in one conjunction become one test: `HAS(outer, IP | SADDR)`, `(outer_facts & (TYPE | IP)) == TYPE`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from ebpfc.compiler.ir.ranges import Ranges


@dataclass(frozen=True, slots=True)
class Mask:
    """Facts of a layer (by the C name of its record) that must be set, and others that must not."""

    layer: str
    set: tuple[str, ...]
    clear: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """C text; `tight` needs no parentheses beside `&&`. `tests`: of facts and bytes, those of a function called too."""

    text: str
    tight: bool = True
    tests: int = 1


@dataclass(frozen=True, slots=True)
class Number:
    """A number of `bits` bits by its C, in host order (of 128 bits: two u64 in network order).

    `header`: the layer and the header that it is read from, if it is.
    """

    text: str
    bits: int
    header: str = ""


@dataclass(frozen=True, slots=True)
class Within:
    """The number, known to be there, lies in one of the ranges.

    `spelled` gives its C, and only then asks the plan for what that needs: the table of a large set.
    """

    number: Number
    ranges: Ranges
    spelled: Callable[[], Condition] = field(compare=False)


@dataclass(frozen=True, slots=True)
class All:
    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any:
    items: tuple[Condition, ...]


Condition: TypeAlias = Mask | Within | Text | All | Any
ALWAYS, NEVER = All(()), Any(())


def all_of(*items: Condition) -> Condition:
    """Conjunction, flat, with the masks of each layer merged into the first."""
    flat: list[Condition] = []
    for item in items:
        flat.extend(item.items if isinstance(item, All) else (item,))
    masks: dict[str, Mask] = {}
    rest: dict[Condition, None] = {}
    for item in flat:
        if isinstance(item, Mask):
            seen = masks.get(item.layer)
            masks[item.layer] = item if seen is None else _both(seen, item)
        elif item == NEVER:
            return NEVER
        else:
            rest[item] = None
    if any(m.clear and not set(m.set).isdisjoint(m.clear) for m in masks.values()):
        return NEVER
    out = (*masks.values(), *rest)
    return out[0] if len(out) == 1 else All(out)


def any_of(*items: Condition) -> Condition:
    flat: dict[Condition, None] = {}
    for item in items:
        for part in item.items if isinstance(item, Any) else (item,):
            if part == ALWAYS:
                return ALWAYS
            flat[part] = None
    out = tuple(flat)
    return out[0] if len(out) == 1 else Any(out)


def spell(condition: Condition) -> Condition:
    """The same, every number's test as C text."""
    match condition:
        case Within():
            return condition.spelled()
        case All():
            return all_of(*(spell(i) for i in condition.items))
        case Any():
            return any_of(*(spell(i) for i in condition.items))
        case Mask() | Text():
            return condition


def _both(a: Mask, b: Mask) -> Mask:
    return Mask(a.layer, _merged(a.set, b.set), _merged(a.clear, b.clear))


def count_tests(condition: Condition) -> int:
    """How many tests of facts and bytes it has: about how many ways there are through it."""
    match condition:
        case All() | Any():
            return sum(count_tests(i) for i in condition.items)
        case Within():
            return count_tests(condition.spelled())
        case Text():
            return condition.tests
        case Mask():
            return 1


def _merged(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*a, *b)))


def render(condition: Condition) -> str:
    """One C expression, fit to stand inside `if (...)`."""
    match condition:
        case Mask():
            return _mask(condition)
        case Text():
            return condition.text
        case Within():
            return render(condition.spelled())
        case All():
            return " && ".join(_inside(i) for i in condition.items) or "1"
        case Any():
            return " || ".join(_inside(i) for i in condition.items) or "0"
        case _:
            assert_never(condition)


def _inside(condition: Condition) -> str:
    condition = spell(condition)
    text = render(condition)
    loose = isinstance(condition, Any | All) or (isinstance(condition, Text) and not condition.tight)
    return f"({text})" if loose else text


def _mask(mask: Mask) -> str:
    wanted = " | ".join(mask.set)
    if not mask.clear:
        return f"HAS({mask.layer}, {wanted})"
    if not mask.set:
        return f"!({mask.layer}_facts & ({' | '.join(mask.clear)}))"
    return f"({mask.layer}_facts & ({' | '.join((*mask.set, *mask.clear))})) == ({wanted})"
