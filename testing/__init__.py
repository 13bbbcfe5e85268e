"""What tests of policies use: `Simulator`, a policy over time, by its frames and their times (docs/testing.md)."""

from __future__ import annotations

from ebpfc.testing.simulator import Simulator

__all__ = ["Simulator"]
