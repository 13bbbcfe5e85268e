"""Which protocols a relation names. In: its AST. Out: all of them, and those that libpcap asks the packet for."""

from __future__ import annotations

from collections.abc import Iterator

from ebpfc.compiler.ast.nodes import Access, Binary, Group, IPv6, Mac, Negate, Relation


def protocols_of(test: Relation) -> frozenset[str]:
    """Every protocol that a relation names."""
    return frozenset((*_named(test.left), *(() if isinstance(test.right, Mac | IPv6) else _named(test.right))))


def asked_by_libpcap(expression: object) -> frozenset[str]:
    """The protocols of one side that libpcap asks for: not those to the right of an operator (`ip[0] + tcp[0]`)."""
    match expression:
        case Binary(_, left, _):
            return asked_by_libpcap(left)
        case Access(proto, offset):
            return asked_by_libpcap(offset) | {proto}
        case Negate(operand) | Group(operand):
            return asked_by_libpcap(operand)
        case _:
            return frozenset()


def _named(expression: object) -> Iterator[str]:
    match expression:
        case Access(proto, offset):
            yield proto
            yield from _named(offset)
        case Binary(_, left, right):
            yield from _named(left)
            yield from _named(right)
        case Negate(operand) | Group(operand):
            yield from _named(operand)
        case _:
            return
