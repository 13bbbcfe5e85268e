"""The meaning of a policy in plain Python, apart from the compiler: `judge(policy, frame, direction) -> Decision`."""

from __future__ import annotations

from ebpfc.testing.semantics.effects import Event
from ebpfc.testing.semantics.frame import Frame
from ebpfc.testing.semantics.kleene import Truth
from ebpfc.testing.semantics.memory import Memory
from ebpfc.testing.semantics.policy import Decision, Judge, judge

__all__ = ["Decision", "Event", "Frame", "Judge", "Memory", "Truth", "judge"]
