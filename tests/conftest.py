"""What every test shares: tests marked `kernel` run wherever BPF may be used, and skip with the reason elsewhere."""

from __future__ import annotations

import os

import pytest


def _kernel_reason() -> str | None:
    if os.geteuid() != 0:
        return "needs root: BPF programs are loaded and network namespaces made"
    from ebpfc.testing.kernel import kernel_available

    return kernel_available()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("kernel")]
    if marked and (reason := _kernel_reason()) is not None:
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=f"kernel: {reason}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says how many tests ran in the kernel, so that a green run without privilege is not taken for a whole one."""
    reports = [r for kind in ("passed", "failed", "skipped") for r in terminalreporter.stats.get(kind, [])]
    kernel = [r for r in reports if "kernel" in getattr(r, "keywords", {})]
    if kernel:
        skipped = sum(r.outcome == "skipped" for r in kernel)
        terminalreporter.write_line(f"kernel tests: {len(kernel) - skipped} run, {skipped} skipped")
