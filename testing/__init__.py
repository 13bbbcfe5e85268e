"""What tests of policies use: `Simulator`, a policy over time, by its frames and their times (docs/testing.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ebpfc.testing.simulator import Simulator

__all__ = ["Simulator"]


def __getattr__(name: str) -> object:
    """Imported when it is asked for: what else is here should not take the compiler along (testing/kernels)."""
    if name == "Simulator":
        from ebpfc.testing.simulator import Simulator

        return Simulator
    raise AttributeError(name)
