"""`KEY in SET` and `KEY in TABLE`. In: the fields, and their scope. Out: the truth, never unknown of a table.

A field in qualifier words means of a set what the primitive of the same words means (ADR 0001, rule 6); of a table all
fields are the key, and a packet without it is in none (ADR 0003, rule 5).
"""

from __future__ import annotations

from typing import assert_never

from ebpfc.compiler.ast.nodes import FieldRef, KeyField, Member, Primitive, SetLiteral, TableName, Word
from ebpfc.testing.semantics.encapsulations import VALUES
from ebpfc.testing.semantics.keys import read_fields
from ebpfc.testing.semantics.kleene import Truth
from ebpfc.testing.semantics.primitives import primitive
from ebpfc.testing.semantics.relations import names_absent, number
from ebpfc.testing.semantics.scope import Scope
from ebpfc.testing.semantics.values import holds


def member(test: Member, scope: Scope) -> Truth:
    match test.items:
        case SetLiteral() as items:
            return _in_set(test, items, scope)
        case TableName(name):
            return _in_table(test, name, scope)
        case Word(text):
            raise ValueError(f"{text} is not resolved")
        case _:
            assert_never(test.items)


def _in_table(test: Member, name: str, scope: Scope) -> bool:
    """The entry counts the packet."""
    if scope.memory is None:
        raise ValueError(f"table {name} has no content without a time: ask a Simulator")
    words = read_fields(test.keys, scope)
    return words is not None and scope.memory.finds(name, words)


def _in_set(test: Member, items: SetLiteral, scope: Scope) -> Truth:
    key = test.keys[0]
    if isinstance(key, KeyField):
        match _key_field(key):
            case Primitive() as words:
                return primitive(Primitive(words.proto, words.dir, words.type, items, words.outer), scope)
            case FieldRef() as row:
                key = row
            case None:
                return holds(items, scope.frame.ifindex)
    if names_absent(key, scope):
        return False
    there = number(key, scope)
    return None if there is None else holds(items, there)


def _key_field(key: KeyField) -> Primitive | FieldRef | None:
    """The primitive or the field that the words name; None for `ifindex`, which is no part of the packet."""
    words = key.text.split()
    match words:
        case ["ifindex"]:
            return None
        case ["vlan"]:
            return FieldRef("vlan", "id", key.outer)
        case [kind] if kind in VALUES:
            return FieldRef(kind, VALUES[kind], key.outer)
    proto = None if words[0] in ("src", "dst", "proto") else words[0]
    kind = words[-1]
    return Primitive(
        proto,
        "src" if "src" in words else "dst" if "dst" in words else None,
        "port" if kind == "port" else "proto" if kind == "proto" else None,
        SetLiteral(()),
        key.outer,
    )
