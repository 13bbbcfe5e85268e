"""How the stages before code generation grow with the rules. In: nothing. Out: a printed table of seconds and MiB.

    python -m bench.compile_scale                      # 1,000, 10,000 and 100,000 rules, and a set of 100,000 nets
    python -m bench.compile_scale 1000 --profile       # one size, and where its time goes

Each size is a process of its own, so that its peak (the most that was resident) is its own; garbage is collected as
seldom as the command does it.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from ebpfc.cli.main import COLLECT_AFTER
from ebpfc.compiler.analysis.lint import lint
from ebpfc.compiler.ast.build import parse_source
from ebpfc.compiler.codegen.view import Features
from ebpfc.compiler.describe import describe, named_counters, origins
from ebpfc.compiler.diagnostics.model import Sink
from ebpfc.compiler.lower import lower_with_state
from ebpfc.compiler.passes import run_passes
from ebpfc.compiler.sema.check import check
from ebpfc.compiler.sema.resolve import resolve
from ebpfc.compiler.source import SourceMap

SIZES = ("1000", "10000", "100000", "set")
SET_ENTRIES = 100_000


def acl(rules: int) -> str:
    """Rules over addresses and ports of both families, as access lists have them; no two alike."""
    rng = Random(rules)
    lines = ["hook xdp", "default drop", "drop malformed", "pass arp", "pass icmp6"]
    lines += (_acl_rule(rng) for _ in range(rules - 3))
    return "\n".join(lines) + "\n"


def _acl_rule(rng: Random) -> str:
    verdict = rng.choice(("pass", "drop"))
    pair = f"src net {_four(rng)} and dst net {_four(rng)}"
    low = rng.randrange(1, 60000)
    match rng.randrange(10):
        case 0 | 1 | 2 | 3:
            return f"{verdict} tcp and {pair} and dst port {low}"
        case 4:
            return f"{verdict} tcp and {pair} and src portrange {low}-{low + rng.randrange(5000)}"
        case 5:
            return f"{verdict} udp and {pair} and dst port {low}"
        case 6:
            return f"{verdict} udp and src net {_six(rng)} and dst net {_six(rng)} and dst port {low}"
        case 7:
            ports = sorted(rng.sample(range(1, 65536), 4))
            return f"{verdict} {pair} and tcp dst port {{{', '.join(map(str, ports))}}}"
        case 8:
            return f"{verdict} vlan {rng.randrange(1, 4095)} and {pair} and udp src port {low}"
        case _:
            return f"{verdict} tcp and src host {_four(rng, 32).removesuffix('/32')} and dst port {low}"


def _four(rng: Random, length: int | None = None) -> str:
    length = rng.randrange(12, 33) if length is None else length
    number = rng.randrange(1 << 24, 224 << 24) >> 32 - length << 32 - length
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0)) + f"/{length}"


def _six(rng: Random) -> str:
    groups = ":".join(f"{rng.randrange(1, 65536):x}" for _ in range(2))
    return f"2001:db8:{groups}::/64"


def value_file(entries: int) -> str:
    rng = Random(entries)
    return "\n".join(_six(rng) if rng.random() < 0.2 else _four(rng, rng.randrange(17, 33)) for _ in range(entries))


class Stages:
    """Seconds by the stage's name, in order."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        begun = time.process_time()
        yield
        self.seconds[name] = time.process_time() - begun


def run_stages(path: Path) -> dict[str, float]:
    """The stages of `pipeline.compile_policy` but for the C, for one hook."""
    stages, sources, sink = Stages(), SourceMap(), Sink()
    with stages.timed("parse"):
        file = sources.read(path, sink)
        assert file is not None
        tree = parse_source(sources, file, sink)
        assert tree is not None
    with stages.timed("resolve"):
        resolved = resolve(tree, sources, sink, netmask=None, name="scale")
        sink.raise_if_errors()
    with stages.timed("check"):
        check(resolved.policy, sink)
        sink.raise_if_errors()
    with stages.timed("lint"):
        lint(resolved, sink)
    policy = resolved.policy
    with stages.timed("lower"):
        program, state = lower_with_state(policy, "xdp")
    with stages.timed("passes"):
        program = run_passes(program)
    with stages.timed("describe"):
        names = named_counters(policy)
        origins(policy, sources)
        describe(policy, (program,), names, sources, Features(True, False, (5, 10)), None, state, None, ())
    return stages.seconds


def measure(size: str, *, profiled: bool) -> dict[str, float]:
    """Stage → seconds, and `MiB`."""
    gc.set_threshold(COLLECT_AFTER)
    with tempfile.TemporaryDirectory(prefix="ebpfc-bench-") as name:
        path = Path(name) / "scale.pf"
        if size == "set":
            (Path(name) / "nets.txt").write_text(value_file(SET_ENTRIES), "ascii")
            path.write_text('default drop\nlet nets = file "nets.txt"\npass arp\npass src net nets\n', "ascii")
        else:
            path.write_text(acl(int(size)), "ascii")
        if profiled:
            profile = cProfile.Profile()
            seconds = profile.runcall(run_stages, path)
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)
        else:
            seconds = run_stages(path)
    status = Path("/proc/self/status").read_text("ascii").splitlines()
    peak = next(line for line in status if line.startswith("VmHWM:"))
    return {**seconds, "all": sum(seconds.values()), "MiB": int(peak.split()[1]) / 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sizes", nargs="*", default=list(SIZES), help="rules, or `set`")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.json or arguments.profile:
        print(json.dumps([measure(size, profiled=arguments.profile) for size in arguments.sizes]))
        return
    for row, size in enumerate(arguments.sizes):
        command = (sys.executable, "-m", "bench.compile_scale", size, "--json")
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)[0]
        if row == 0:
            print(f"{'rules':>8}", *(f"{name:>9}" for name in found))
        print(f"{size:>8}", *(f"{value:9.0f}" if name == "MiB" else f"{value:9.2f}" for name, value in found.items()))


if __name__ == "__main__":
    main()
