"""The abstract syntax tree of a policy: what the author wrote, in frozen records, before and after names are resolved.

In: the records of each room beside this one. Out: all of them under one name, and the closed unions that `sema`,
`lower`, `analysis` and the reference semantics walk.

The tree keeps what the meaning hangs on: parentheses (they end an encapsulation's scope), elided
qualifiers (`port 80 or 443` holds an `Elided(443)`) and the order of everything. Before `resolve` a value may be a
`Word` and a set a `Name`; afterwards every word is a `Number` (or a diagnostic), every name is spliced in:
a set is a `SetLiteral` of plain values, a named match is a `Named`.
"""

from __future__ import annotations

from ebpfc.compiler.ast.arithmetic import (
    Access,
    Arith,
    ArithOp,
    Binary,
    Const,
    ConstName,
    FieldRef,
    FrameLength,
    Group,
    Negate,
    RelOp,
)
from ebpfc.compiler.ast.matches import (
    And,
    Atom,
    Cast,
    Dir,
    DirectionTest,
    Elided,
    Encap,
    EncapKind,
    FragmentTest,
    IdType,
    IfindexTest,
    KeyField,
    LengthTest,
    MalformedTest,
    Match,
    Member,
    Named,
    Not,
    Or,
    Paren,
    PayloadTest,
    Primitive,
    ProtoTest,
    Relation,
    ReservedTest,
    StateTest,
    TcpFlags,
)
from ebpfc.compiler.ast.places import (
    NOWHERE,
    Span,
)
from ebpfc.compiler.ast.statements import (
    Action,
    Assert,
    Block,
    Count,
    Declaration,
    Default,
    Direction,
    FileSet,
    Guard,
    Hook,
    HookPoint,
    Include,
    Let,
    OtherAction,
    Policy,
    Rule,
    SourceTree,
    Statement,
    Verdict,
)
from ebpfc.compiler.ast.values import (
    IPv4,
    IPv4Range,
    IPv6,
    IPv6Range,
    Mac,
    Number,
    NumberRange,
    SetLiteral,
    Value,
    Word,
    WordRange,
)

__all__ = [
    "NOWHERE", "Access", "Action", "And", "Arith", "ArithOp", "Assert", "Atom", "Binary", "Block", "Cast", "Const",
    "ConstName", "Count", "Declaration", "Default", "Dir", "Direction", "DirectionTest", "Elided", "Encap", "EncapKind",
    "FieldRef", "FileSet", "FragmentTest", "FrameLength", "Group", "Guard", "Hook", "HookPoint", "IPv4", "IPv4Range",
    "IPv6", "IPv6Range", "IdType", "IfindexTest", "Include", "KeyField", "LengthTest", "Let", "Mac", "MalformedTest",
    "Match", "Member", "Named", "Negate", "Not", "Number", "NumberRange", "Or", "OtherAction", "Paren", "PayloadTest",
    "Policy", "Primitive", "ProtoTest", "RelOp", "Relation", "ReservedTest", "Rule", "SetLiteral", "SourceTree", "Span",
    "StateTest", "Statement", "TcpFlags", "Value", "Verdict", "Word", "WordRange",
]  # fmt: skip
