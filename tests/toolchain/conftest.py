"""What the toolchain's tests share: a policy in C by hand, the compilers of this machine, compilers that misbehave."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ebpfc.compiler.toolchain.errors import ToolchainError
from ebpfc.compiler.toolchain.find import Compiler, find_compiler
from ebpfc.compiler.toolchain.manifest import CounterEntry, HookEntry, RuleEntry, build_manifest

RULES = b"hook xdp\n# keep TCP out\ndrop proto 6\n"


@dataclass(frozen=True)
class HandMade:
    """As the pipeline's result."""

    c_text: str
    manifest: dict[str, Any]
    line_files: tuple[tuple[str, bytes], ...]


@pytest.fixture(scope="session")
def policy() -> HandMade:
    manifest = build_manifest(
        policy="rules",
        hooks=[HookEntry("xdp", "pf_xdp", "xdp"), HookEntry("tc ingress", "pf_tc_ingress", "tc")],
        rules=[RuleEntry(0, "rules.pf", 3, 1, None, "drop proto 6", ("drop",), (0,))],
        counters=[CounterEntry(0, "xdp", "rule", rule=0), CounterEntry(1, "xdp", "default")],
        defaults={"inbound": "pass", "outbound": "pass"},
        looks_at_tags=False,
        kernel=(5, 10),
        options={"counters": True},
        state={},
    )
    c_text = Path(__file__).with_name("policy.c").read_text()
    return HandMade(c_text, manifest, (("0-rules.pf", RULES),))


@pytest.fixture(scope="session")
def compiler() -> Compiler:
    """The one that a user gets without naming any."""
    return find_compiler(None, {"PATH": "/usr/bin:/bin"})


@pytest.fixture(scope="session", params=["default", "clang"])
def each_compiler(request: pytest.FixtureRequest) -> Compiler:
    """The default one, and a clang of the system where there is one."""
    if request.param == "default":
        return find_compiler(None)
    for number in range(40, 13, -1):
        try:
            return find_compiler(f"clang-{number}")
        except ToolchainError:
            continue
    pytest.skip("no clang on PATH")


FakeCompiler = Callable[[str], Compiler]


@pytest.fixture
def fake_compiler(tmp_path: Path) -> FakeCompiler:
    """A program that says it is clang 19, and runs the given lines of shell when asked to compile."""

    def make(body: str) -> Compiler:
        program = tmp_path / "clang-fake"
        program.write_text(
            f'#!/bin/sh\nif [ "$1" = --version ]; then echo "clang version 19.1.0"; exit 0; fi\n{body}\n'
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return find_compiler(str(program))

    return make
