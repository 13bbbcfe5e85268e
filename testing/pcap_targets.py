"""What an expression asks for. In: its AST. Out: `Targets`, values to aim frames at, by what is compared with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from random import Random

from ebpfc.compiler.ast.nodes import (
    Access,
    Const,
    Encap,
    IPv4,
    IPv6,
    LengthTest,
    Mac,
    Match,
    Number,
    NumberRange,
    Primitive,
    Relation,
)


@dataclass
class Targets:
    """What the expression asks for; `reads` are (protocol, offset, size) with the numbers beside them.

    `opened`: its encapsulations beside tags in the order of the text; `numbers`: what each is asked for.
    """

    ipv4: list[int] = field(default_factory=list)
    ipv6: list[int] = field(default_factory=list)
    macs: list[int] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    protocols: list[int] = field(default_factory=list)
    ethertypes: list[int] = field(default_factory=list)
    vids: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    reads: list[tuple[str, int, int, tuple[int, ...]]] = field(default_factory=list)
    tagged: bool = False
    opened: list[str] = field(default_factory=list)
    numbers: dict[str, list[int]] = field(default_factory=dict)


def targets_of(match: Match) -> Targets:
    """Every value of the expression, by what it is compared with."""
    targets = Targets()
    for node in nodes(match):
        match node:
            case Primitive(type="port" | "portrange", value=value):
                targets.ports += _numbers(value)
            case Primitive(proto="ether", type="proto", value=value):
                targets.ethertypes += _numbers(value)
            case Primitive(type="proto" | "protochain", value=value):
                targets.protocols += _numbers(value)
            case Primitive(value=IPv4(address)):
                targets.ipv4.append(address)
            case Primitive(value=IPv6(address)):
                targets.ipv6.append(address)
            case Primitive(value=Mac(address)):
                targets.macs.append(address)
            case Encap(kind="vlan", values=value):
                targets.tagged = True
                targets.vids += _numbers(value)
            case Encap(kind=kind, values=value):
                targets.opened.append(kind)
                targets.numbers.setdefault(kind, []).extend(_numbers(value))
            case LengthTest(value=value):
                targets.lengths.append(value)
            case Relation():
                constants = tuple(part.value for part in nodes(node) if isinstance(part, Const))
                targets.lengths += constants
                for part in nodes(node):
                    if isinstance(part, Access) and isinstance(part.offset, Const):
                        targets.reads.append((part.proto, part.offset.value, part.size, constants))
            case _:
                pass
    return targets


def nodes(node: object) -> Iterator[object]:
    """The record and all within it."""
    yield node
    if isinstance(node, tuple):
        for item in node:
            yield from nodes(item)
    elif is_dataclass(node):
        for part in fields(node):
            yield from nodes(getattr(node, part.name))


def _numbers(value: object) -> list[int]:
    match value:
        case Number(number):
            return [number]
        case NumberRange(low, high):
            return [low, high]
        case _:
            return []


def near(rng: Random, wanted: list[int], others: tuple[int, ...], top: int) -> int:
    """One of the wanted, or right beside it; else one of the others."""
    if not wanted or rng.random() < 0.25:
        return rng.choice(others)
    return min(max(rng.choice(wanted) + rng.choice((0, 0, 0, 1, -1)), 0), top)
