"""A run of rules, planted → the view of its tables and of the C that searches them (templates/classify.c.j2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ebpfc.compiler.codegen.blob import Blob, in_parts
from ebpfc.compiler.codegen.condition import all_of, render
from ebpfc.compiler.codegen.entries import Facts, Half, Key, Loose
from ebpfc.compiler.codegen.ranges_c import hexadecimal
from ebpfc.compiler.codegen.tested import Run

if TYPE_CHECKING:
    from ebpfc.compiler.codegen.planted import Planted
    from ebpfc.compiler.codegen.records import RecordMember


@dataclass(frozen=True, slots=True)
class TreeView:
    """`first`: the code of its first rule; `depth` and `longest` as of any tree (compiler/classify/forest.py)."""

    root: str
    first: int
    depth: int
    longest: int


@dataclass(frozen=True, slots=True)
class ForestView:
    """`condition`: only then one of its rules can hold; `words` are the C of the key's; `misses` is not 0 where record
    `r` does not hold; `cost`: nanoseconds of a look-up, estimated."""

    name: str
    condition: str
    words: tuple[str, ...]
    members: tuple[RecordMember, ...]
    misses: tuple[str, ...]
    trees: tuple[TreeView, ...]
    nodes: tuple[Blob, ...]
    records: tuple[Blob, ...]
    cost: float

    @property
    def blobs(self) -> tuple[Blob, ...]:
        return (*self.nodes, *self.records)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is done when a rule is found: as of any rule; `loose` is the bit of one that may leave the packet undecided,
    `condition` what it asks besides."""

    verdict: str
    counts: tuple[int, ...]
    effects: tuple[str, ...] = ()
    loose: int | None = None
    condition: str = "1"
    number: int = 0


@dataclass(frozen=True, slots=True)
class RunView:
    """The C function `name` gives the number of the rule that decides, `shift` bits to the left, and the outcome in the
    bits below; NO_RULE where none holds."""

    name: str
    rules: tuple[int, ...]
    shift: int
    outcomes: tuple[Outcome, ...]
    forests: tuple[ForestView, ...]

    @property
    def loose(self) -> int:
        """How many rules may leave the packet undecided."""
        return sum(outcome.loose is not None for outcome in self.outcomes)

    @property
    def mask(self) -> int:
        return (1 << self.shift) - 1


def build_run(name: str, run: Run, outcomes: tuple[Outcome, ...]) -> RunView:
    """`outcomes` of each rule."""
    known = {outcome: place for place, outcome in enumerate(dict.fromkeys(outcomes))}
    shift = (len(known) - 1).bit_length()
    codes = [rule.rule.number << shift | known[outcome] for rule, outcome in zip(run.rules, outcomes, strict=True)]
    forests = tuple(_forest(f"{name}_{i}", p, codes) for i, p in enumerate(run.planted))
    numbered = tuple(replace(outcome, number=number) for outcome, number in known.items())
    return RunView(name, tuple(r.rule.number for r in run.rules), shift, numbered, forests)


def _forest(name: str, planted: Planted, codes: Sequence[int]) -> ForestView:
    forest, shape, keys = planted.forest, planted.shape, planted.keys
    return ForestView(
        name=name,
        condition=render(all_of(*planted.asked)),
        words=tuple(_word(w, keys) for w in range(1 + max(word for word, _ in keys.values()))),
        members=shape.members,
        misses=shape.misses,
        trees=tuple(TreeView(hexadecimal(t.root), codes[t.first], t.depth, t.longest) for t in forest.trees),
        nodes=in_parts(f"nodes_{name}", forest.nodes.tobytes(), 8),
        records=in_parts(f"records_{name}", shape.records(forest.leaves, codes).tobytes(), shape.dtype.itemsize),
        cost=forest.cost,
    )


def _word(word: int, places: Mapping[Key, tuple[int, int]]) -> str:
    parts = [(at, _text(number)) for number, (w, at) in places.items() if w == word]
    return " | ".join(f"(u64){text} << {at}" if at else text for at, text in sorted(parts, reverse=True))


def _text(number: Key) -> str:
    match number:
        case Facts():
            return f"{number.layer}_facts"
        case Loose():
            return "w->loose"
        case Half():
            return f"B64({number.number.text}[{number.index}])"
        case _:
            return number.text
