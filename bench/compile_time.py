"""How long `ebpfc` takes and how much memory it needs. In: a compiler. Out: `CompileFigures`, beside clang alone.

clang alone is the same command on the same C in the same kind of empty folder, so the difference is what ebpfc adds:
Python's start, parsing, checking, code generation, libclang's check, the manifest. All figures are warm: the first
run does not count, and of the others the quickest does (machines are shared, and nothing makes a run too quick); of
`ebpfc -e` it is the median of pairs, as its goal says. The
memory of ebpfc itself is without that of the compiler, which is a process of its own.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from ebpfc.compiler.pipeline import Compiled, Options, SourceInput, compile_policy
from ebpfc.compiler.toolchain.cc import compile_c
from ebpfc.compiler.toolchain.find import Compiler

RULES = 100
EXPRESSION = "tcp port 80 and (host 192.0.2.1 or host 192.0.2.2)"
_EBPFC = (sys.executable, "-m", "ebpfc")
_MEMORY = """
import sys
from pathlib import Path
from ebpfc.cli.main import main
status = main(sys.argv[1:])
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
print(peak.split()[1])
sys.exit(status)
"""


@dataclass(frozen=True, slots=True)
class CompileFigures:
    """Seconds; `memory` in MiB (the most that was resident, pages of libclang's library included)."""

    rules: int
    ebpfc: float
    clang: float
    help: float
    memory: float

    @property
    def added(self) -> float:
        return self.ebpfc - self.clang


@dataclass(frozen=True, slots=True)
class ExpressionFigures:
    """Seconds, medians over the runs; `added` is that of the differences within a run."""

    expression: str
    ebpfc: float
    clang: float
    added: float


def measure_expression(compiler: Compiler, runs: int = 15) -> ExpressionFigures:
    """The whole command `ebpfc -e EXPRESSION -o FILE` and clang alone on the same C, in turns."""
    with tempfile.TemporaryDirectory(prefix="ebpfc-bench-") as name:
        words = ("-e", EXPRESSION, "-o", str(Path(name) / "out.o"), "--quiet")
        compiled = compile_policy(SourceInput(expression=EXPRESSION), Options())
        pairs = _pairs(words, compiled, compiler, runs)
    return ExpressionFigures(
        EXPRESSION,
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a - b for a, b in pairs),
    )


def _pairs(words: tuple[str, ...], compiled: Compiled, compiler: Compiler, runs: int) -> list[tuple[float, float]]:
    """What ebpfc took and what clang alone took, in each run but the first."""
    return [
        (
            _seconds(lambda: _run((*_EBPFC, *words))),
            _seconds(lambda: compile_c(compiled.c_text, compiled.line_files, compiler)),
        )
        for _ in range(runs + 1)
    ][1:]


def measure_compile(compiler: Compiler, runs: int) -> CompileFigures:
    with tempfile.TemporaryDirectory(prefix="ebpfc-bench-") as name:
        rules, output = Path(name) / "hundred.pf", Path(name) / "out.o"
        rules.write_text(hundred_rules(), "ascii")
        words = (str(rules), "-o", str(output), "--quiet")
        compiled = compile_policy(SourceInput(path=str(rules)), Options())
        pairs = _pairs(words, compiled, compiler, runs)
        peak = _run((sys.executable, "-c", _MEMORY, *words))
        helped = [_seconds(lambda: _run((*_EBPFC, "--help"))) for _ in range(2 * runs + 1)][1:]
    return CompileFigures(
        RULES,
        min(a for a, _ in pairs),
        min(b for _, b in pairs),
        min(helped),
        int(peak) / 1024,
    )


def hundred_rules() -> str:
    """A policy as people write them: mostly addresses and ports of both families, some tags, tunnels and sets."""
    rng = Random(100)
    lines = ["hook xdp", "default drop", "let web = tcp dst port {80, 443, 8000-8080}", "drop malformed", "pass arp"]
    while len(lines) < RULES + 3:
        lines.append(_rule(rng))
    return "\n".join(lines) + "\n"


def _rule(rng: Random) -> str:
    verdict = rng.choice(("pass", "drop"))
    four = f"10.{rng.randrange(256)}.{rng.randrange(256)}.0/24"
    six = f"2001:db8:{rng.randrange(1, 65536):x}::/48"
    port = rng.randrange(1, 65536)
    match rng.randrange(8):
        case 0 | 1:
            return f"{verdict} src net {four} and tcp dst port {port}"
        case 2:
            return f"{verdict} src net {six} and tcp dst port {port}"
        case 3:
            ports = sorted(rng.sample(range(1, 65536), 3))
            return f"{verdict} dst net {four} and udp dst port {{{', '.join(map(str, ports))}}}"
        case 4:
            return f"{verdict} src net {{{four}, {six}}}"
        case 5:
            return f"{verdict} vlan {rng.randrange(1, 4095)} and dst port {port}"
        case 6:
            return f"{verdict} vxlan {rng.randrange(1, 1 << 24)} and tcp dst port {port}"
        case _:
            return f"{verdict} src net {four} and icmp[icmptype] == icmp-echo"


def _seconds(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def _run(words: tuple[str, ...]) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # warm: an installed ebpfc has its modules' bytecode
    return subprocess.run(words, check=True, capture_output=True, text=True, env=environment).stdout
