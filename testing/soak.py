"""The long run (`python -m ebpfc.testing.soak`): random policies and packets, reference beside kernel, with and without
memory; wrong texts; sets of many rules.

In: how many, from which seed. Out: progress on standard error, each failure with the seed that shows it again, a last
line of totals; exit code 1 when anything failed. Needs root for the packets.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from random import Random

from ebpfc.testing.agreement import HOOKS, build_traced, disagreements
from ebpfc.testing.frames_for_policy import frames_for
from ebpfc.testing.pool import NETMASK
from ebpfc.testing.random_policies import random_policy
from ebpfc.testing.rule_set_trial import rule_set_trial
from ebpfc.testing.timed_trial import timed_trial
from ebpfc.testing.wrong_texts import survive

CHUNK = 20
RULES = (1, 2, 3, 5, 8, 14)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Seeds first .. first + count - 1, with so many frames each (0: texts)."""

    first: int
    count: int
    frames: int


@dataclass(frozen=True, slots=True)
class Result:
    done: int
    compared: int
    failures: tuple[str, ...]


def judge_chunk(chunk: Chunk) -> Result:
    """Random policies, each at all three hooks against the reference; every other asks for all encapsulations."""
    failures: list[str] = []
    compared = 0
    for seed in range(chunk.first, chunk.first + chunk.count):
        rng = Random(seed)
        text, _ = random_policy(rng, HOOKS, rules=rng.choice(RULES), netmask=True, wide=seed % 2 == 1)
        try:
            compiled, built = build_traced(text, netmask=NETMASK)
            found = disagreements(compiled.policy, built, frames_for(rng, compiled.policy, chunk.frames))
        except Exception as error:
            failures.append(f"seed {seed}: {type(error).__name__}: {str(error)[:300]}")
            continue
        compared += len(HOOKS) * chunk.frames
        failures += [f"seed {seed}: {d}" for d in found[:2]]
    return Result(chunk.count, compared, tuple(failures))


def remember_chunk(chunk: Chunk) -> Result:
    """Random policies that remember, every third with connections, each at one hook against the simulator."""
    failures: list[str] = []
    compared = 0
    for seed in range(chunk.first, chunk.first + chunk.count):
        try:
            found = timed_trial(seed, chunk.frames)
        except Exception as error:
            failures.append(f"seed {seed}: {type(error).__name__}: {str(error)[:300]}")
            continue
        compared += chunk.frames
        failures += [f"seed {seed}: {d}" for d in found[:2]]
    return Result(chunk.count, compared, tuple(failures))


def rules_chunk(chunk: Chunk) -> Result:
    """Generated sets of 10,000 and 100,000 rules: their tables beside first match, a part of the packets in the
    kernel."""
    failures: list[str] = []
    compared = 0
    for seed in range(chunk.first, chunk.first + chunk.count):
        try:
            found = rule_set_trial(seed, chunk.frames)
        except Exception as error:
            failures.append(f"set {seed}: {type(error).__name__}: {str(error)[:300]}")
            continue
        compared += chunk.frames
        failures += [f"set {seed}: {one}" for one in found[:2]]
    return Result(chunk.count, compared, tuple(failures))


def refuse_chunk(chunk: Chunk) -> Result:
    """Random bytes and damaged policies given to the command."""
    found = [survive(seed) for seed in range(chunk.first, chunk.first + chunk.count)]
    return Result(chunk.count, chunk.count, tuple(one for one in found if one is not None))


def _chunks(first: int, total: int, frames: int, at_once: int = CHUNK) -> Iterator[Chunk]:
    for start in range(first, first + total, at_once):
        yield Chunk(start, min(at_once, first + total - start), frames)


def _run(what: str, work: Callable[[Chunk], Result], chunks: list[Chunk], jobs: int) -> int:
    """Prints as it goes; returns how many failures there were."""
    done = compared = failed = 0
    total = sum(c.count for c in chunks)
    with ProcessPoolExecutor(jobs) as pool:
        for result in pool.map(work, chunks):
            done, compared, failed = done + result.done, compared + result.compared, failed + len(result.failures)
            for failure in result.failures:
                print(failure, flush=True)
            print(f"\r{what}: {done} of {total}, {failed} failed ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(f"{what}: {done}, {compared} compared, {failed} failed", flush=True)
    return failed


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ebpfc.testing.soak", description="the long run of the properties")
    parser.add_argument("--policies", type=int, default=10_000, help="random policies (default %(default)s)")
    parser.add_argument("--frames", type=int, default=500, help="frames for each, at each hook (default %(default)s)")
    parser.add_argument("--stateful", type=int, default=5_000, help="policies that remember (default %(default)s)")
    parser.add_argument("--packets", type=int, default=2_000, help="timed packets for each (default %(default)s)")
    parser.add_argument("--texts", type=int, default=100_000, help="damaged texts (default %(default)s)")
    parser.add_argument("--rule-sets", type=int, default=18, help="sets of many rules (default %(default)s: each kind)")
    parser.add_argument("--set-packets", type=int, default=1_000_000, help="packets for each (default %(default)s)")
    parser.add_argument("--first", type=int, default=1_000_000, help="the first seed (default %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default %(default)s)")
    options = parser.parse_args(argv)
    failed = _run("texts", refuse_chunk, list(_chunks(options.first, options.texts, 0)), options.jobs)
    chunks = list(_chunks(options.first, options.policies, options.frames))
    failed += _run("policies", judge_chunk, chunks, options.jobs)
    chunks = list(_chunks(options.first, options.stateful, options.packets))
    failed += _run("policies that remember", remember_chunk, chunks, options.jobs)
    chunks = list(_chunks(0, options.rule_sets, options.set_packets, at_once=1))
    failed += _run("sets of many rules", rules_chunk, chunks, options.jobs)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
